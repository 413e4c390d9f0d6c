/**
 * What the sockets of a terminal and of the browser have in common: everybody looks, one person at a
 * time has the keys, and what was cut comes back. A socket only looks at first; the server decides who
 * has the keys, this only shows it.
 */

import { ApiError, explain } from "../api/errors";
import type { Watcher } from "../api/types";

/** How it stands with a socket, and who is there. */
export interface SharedState {
  status: "connecting" | "open" | "waiting" | "ended" | "refused";
  writer: string | null;
  /** It is this window that has the keys. */
  you: boolean;
  viewers: readonly Watcher[];
  /** Why it is not open, or what was not done, in words. */
  problem?: string;
}

/** What every such socket says. */
export type SharedMessage =
  | { type: "state"; writer: string | null; you: boolean; viewers: Watcher[] }
  | { type: "error"; code: string; message: string };

/** What a session needs of the world; tests give their own. */
export interface SharedWorld {
  open(path: string): Promise<WebSocket>;
}

/** Slots to be changed; one that is `undefined` is emptied. */
export type Change<State> = { [Key in keyof State]?: State[Key] | undefined };

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 8_000;

/** Before anything was heard. */
export const UNHEARD: SharedState = {
  status: "connecting",
  writer: null,
  you: false,
  viewers: [],
};

/**
 * One window on something that people share. A kind of it says what bytes are and what its own messages
 * (`Said`) mean. Nothing of that is called before the constructor is through.
 */
export abstract class SharedSession<State extends SharedState, Said extends { type: string }> {
  readonly #path: string;
  readonly #world: SharedWorld;
  readonly #listeners = new Set<() => void>();
  #socket: WebSocket | undefined;
  #state: State;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #wantsKeys: boolean;
  #size: object | undefined;

  constructor(path: string, state: State, wantsKeys: boolean, world: SharedWorld) {
    this.#path = path;
    this.#state = state;
    this.#wantsKeys = wantsKeys;
    this.#world = world;
    this.#connect();
  }

  /** A new socket has spoken for the first time. */
  protected abstract opened(): void;
  /** Bytes came through a socket. */
  protected abstract received(bytes: ArrayBuffer, socket: WebSocket): void;
  /** A message came that is not about who has the keys. */
  protected abstract told(message: Said): void;

  get state(): State {
    return this.#state;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  take(): void {
    this.#wantsKeys = true;
    this.say({ type: "take" });
  }

  release(): void {
    this.#wantsKeys = false;
    this.say({ type: "release" });
  }

  /** Tries again at once: somebody looks again, the network is back, or a person asks. */
  wake(): void {
    if (this.#state.status === "waiting" || this.#state.status === "refused") this.#connect();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#listeners.clear();
  }

  protected isCurrent(socket: WebSocket): boolean {
    return socket === this.#socket;
  }

  protected say(message: object): void {
    this.sendBytes(JSON.stringify(message));
  }

  protected sendBytes(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(data);
  }

  /** This window's size; told again to a new socket, and when this window gets the keys. */
  protected fit(size: object): void {
    if (JSON.stringify(size) === JSON.stringify(this.#size)) return;
    this.#size = size;
    this.#tellSize();
  }

  protected change(change: Change<State>): void {
    this.#change(change);
  }

  /** What was shown has ended; it does not come back. */
  protected end(change: Change<State>): void {
    this.#change({ ...change, status: "ended", you: false, writer: null });
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
      if (typeof data !== "string") return this.received(data, socket);
      if (isFirst) {
        isFirst = false;
        this.#failures = 0;
        this.opened();
        this.#change({ status: "open", problem: undefined });
        this.#tellSize();
      }
      const message = JSON.parse(data) as SharedMessage | Said;
      if (isShared(message)) this.#take(message);
      else this.told(message);
    };
    socket.onclose = () => {
      if (this.isCurrent(socket)) this.#lost();
    };
  }

  #take(message: SharedMessage): void {
    if (message.type === "error") {
      // Who looks only knows that already.
      if (message.code !== "read_only") this.#change({ problem: message.message });
      return;
    }
    const { writer, you, viewers } = message;
    const was = this.#state.you;
    this.#change({ writer, you, viewers });
    if (!you && was) this.#wantsKeys = false;
    // Nobody is put aside by coming back: that takes a person's press.
    if (!you && writer === null && this.#wantsKeys) this.say({ type: "take" });
    if (you && !was) this.#tellSize();
  }

  #tellSize(): void {
    if (this.#size) this.say({ type: "resize", ...this.#size });
  }

  #lost(): void {
    this.#socket = undefined;
    if (this.#isOver || this.#state.status === "ended") return;
    this.#wantsKeys ||= this.#state.you;
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

  #change(change: object): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function isShared(message: { type: string }): message is SharedMessage {
  return message.type === "state" || message.type === "error";
}
