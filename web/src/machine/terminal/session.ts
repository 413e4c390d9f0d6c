/**
 * One terminal's socket: bytes both ways, who types, and coming back after a cut. A socket opens
 * read-only; the server decides who types, this only shows it.
 */

import { openSocket } from "../../api/client";
import { ApiError, explain } from "../../api/errors";
import type { Watcher } from "../../api/types";

/** Where the bytes are shown. */
export interface Sink {
  write(bytes: Uint8Array): void;
  /** A note of ours between the bytes. */
  note(text: string): void;
  /** The screen comes again from its start. */
  reset(): void;
}

export interface SessionState {
  status: "connecting" | "open" | "waiting" | "ended" | "refused";
  writer: string | null;
  /** It is this window that types. */
  you: boolean;
  viewers: readonly Watcher[];
  exitCode?: number | null;
  /** Why it is not open, in words. */
  problem?: string;
}

type ServerMessage =
  | { type: "state"; writer: string | null; you: boolean; viewers: Watcher[] }
  | { type: "skipped"; bytes: number }
  | { type: "error"; code: string; message: string }
  | { type: "exit"; code?: number | null };

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 8_000;

export const CLOSED: SessionState = {
  status: "connecting",
  writer: null,
  you: false,
  viewers: [],
};

/** What a session needs of the world; tests give their own. */
export interface SessionWorld {
  open(path: string): Promise<WebSocket>;
}

const world: SessionWorld = { open: (path) => openSocket(path, "terminal") };

export class TerminalSession {
  #path: string;
  #world: SessionWorld;
  #sink: Sink;
  #socket: WebSocket | undefined;
  #state: SessionState = CLOSED;
  #listeners = new Set<() => void>();
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #wantsToType: boolean;
  #size: { cols: number; rows: number } | undefined;
  #encoder = new TextEncoder();

  constructor(path: string, sink: Sink, wantsToType: boolean, inWorld = world) {
    this.#path = path;
    this.#sink = sink;
    this.#wantsToType = wantsToType;
    this.#world = inWorld;
    this.#connect();
  }

  get state(): SessionState {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sends what was typed; nothing while another types. */
  type(text: string): boolean {
    if (!this.#state.you) return false;
    this.#socket?.send(this.#encoder.encode(text));
    return true;
  }

  take(): void {
    this.#wantsToType = true;
    this.#say({ type: "take" });
  }

  release(): void {
    this.#wantsToType = false;
    this.#say({ type: "release" });
  }

  resize(cols: number, rows: number): void {
    if (this.#size?.cols === cols && this.#size.rows === rows) return;
    this.#size = { cols, rows };
    this.#say({ type: "resize", cols, rows });
  }

  /** Tries again at once: the network is back, or a person asks. */
  wake(): void {
    if (this.#state.status === "waiting" || this.#state.status === "refused") this.#connect();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#listeners.clear();
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#change({ status: "connecting" });
    this.#world.open(this.#path).then(
      (socket) => this.#adopt(socket),
      (error: unknown) => this.#failed(error),
    );
  }

  #adopt(socket: WebSocket): void {
    if (this.#isOver) {
      socket.close();
      return;
    }
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let isFirst = true;
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data !== "string") return this.#sink.write(new Uint8Array(data));
      if (isFirst) {
        isFirst = false;
        this.#failures = 0;
        this.#sink.reset();
        this.#change({ status: "open", problem: undefined });
        if (this.#size) this.#say({ type: "resize", ...this.#size });
      }
      this.#take(JSON.parse(data) as ServerMessage);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  #take(message: ServerMessage): void {
    if (message.type === "state") {
      const { writer, you, viewers } = message;
      const was = this.#state.you;
      this.#change({ writer, you, viewers });
      if (!you && was) this.#wantsToType = false;
      // Nobody is put aside by coming back: that takes a person's press.
      if (!you && writer === null && this.#wantsToType) this.#say({ type: "take" });
      if (you && !was && this.#size) this.#say({ type: "resize", ...this.#size });
    } else if (message.type === "skipped") {
      this.#sink.note(`${message.bytes.toLocaleString()} bytes were left out`);
    } else if (message.type === "exit") {
      this.#change({ status: "ended", exitCode: message.code ?? null, you: false });
    } else if (message.code !== "read_only") {
      this.#change({ problem: message.message });
    }
  }

  #lost(): void {
    this.#socket = undefined;
    if (this.#isOver || this.#state.status === "ended") return;
    this.#wantsToType ||= this.#state.you;
    this.#wait();
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const isRefusal = error instanceof ApiError && error.status < 500 && error.status !== 429;
    if (isRefusal) this.#change({ status: "refused", you: false, problem: explain(error).message });
    else this.#wait();
  }

  #wait(): void {
    this.#change({ status: "waiting", you: false, writer: null });
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#connect(), wait * (0.5 + Math.random() / 2));
  }

  #say(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #change(change: { [Key in keyof SessionState]?: SessionState[Key] | undefined }): void {
    this.#state = { ...this.#state, ...change } as SessionState;
    for (const listener of this.#listeners) listener();
  }
}
