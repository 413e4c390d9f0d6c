/** One terminal's socket: bytes both ways. Who types, and coming back after a cut: `../session`. */

import { openSocket } from "../../api/client";
import { SharedSession, type SharedState, type SharedWorld, UNHEARD } from "../session";

/** Where the bytes are shown. */
export interface Sink {
  write(bytes: Uint8Array): void;
  /** A note of ours between the bytes. */
  note(text: string): void;
  /** The screen comes again from its start. */
  reset(): void;
}

export interface SessionState extends SharedState {
  exitCode?: number | null;
}

type Said = { type: "skipped"; bytes: number } | { type: "exit"; code?: number | null };

export const CLOSED: SessionState = UNHEARD;

const world: SharedWorld = { open: (path) => openSocket(path, "terminal") };

export class TerminalSession extends SharedSession<SessionState, Said> {
  readonly #sink: Sink;
  readonly #encoder = new TextEncoder();

  constructor(path: string, sink: Sink, wantsToType: boolean, inWorld = world) {
    super(path, CLOSED, wantsToType, inWorld);
    this.#sink = sink;
  }

  /** Sends what was typed; nothing while another types. */
  type(text: string): boolean {
    if (!this.state.you) return false;
    this.sendBytes(this.#encoder.encode(text));
    return true;
  }

  resize(cols: number, rows: number): void {
    this.fit({ cols, rows });
  }

  protected opened(): void {
    this.#sink.reset();
  }

  protected received(bytes: ArrayBuffer): void {
    this.#sink.write(new Uint8Array(bytes));
  }

  protected told(message: Said): void {
    if (message.type === "exit") this.end({ exitCode: message.code ?? null });
    else this.#sink.note(`${message.bytes.toLocaleString()} bytes were left out`);
  }
}
