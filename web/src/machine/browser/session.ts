/**
 * The browser's socket: pictures and what is shown come in, pointer and keys go out, and it comes back
 * after a cut. A socket only looks at first; the server decides who has control, this only shows it.
 */

import { openSocket } from "../../api/client";
import { ApiError, explain } from "../../api/errors";
import type { Watcher } from "../../api/types";
import {
  type BrowserPage,
  type FromBrowser,
  type Picture,
  pictureOf,
  type ToBrowser,
} from "./wire";

/** Where pictures are drawn; done once one is on the screen. */
export interface Screen {
  draw(picture: Picture): Promise<void>;
  copied(text: string): void;
}

export interface SessionState {
  status: "connecting" | "open" | "waiting" | "ended" | "refused";
  writer: string | null;
  /** It is this window that has control. */
  you: boolean;
  viewers: readonly Watcher[];
  page?: BrowserPage;
  /** A picture was drawn. */
  hasPicture: boolean;
  /** What was not done, in words. */
  problem?: string;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 8_000;

export const CLOSED: SessionState = {
  status: "connecting",
  writer: null,
  you: false,
  viewers: [],
  hasPicture: false,
};

/** What a session needs of the world; tests give their own. */
export interface SessionWorld {
  open(path: string): Promise<WebSocket>;
  /** Whether anybody can see the page; pictures wait until somebody can. */
  isSeen(): boolean;
}

const world: SessionWorld = {
  open: (path) => openSocket(path, "browser"),
  isSeen: () => document.visibilityState === "visible",
};

export class BrowserSession {
  #path: string;
  #world: SessionWorld;
  #screen: Screen;
  #socket: WebSocket | undefined;
  #state: SessionState = CLOSED;
  #listeners = new Set<() => void>();
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;
  #wantsControl: boolean;
  #size: { width: number; height: number } | undefined;
  #undrawn: number | undefined;

  constructor(path: string, screen: Screen, wantsControl: boolean, inWorld = world) {
    this.#path = path;
    this.#screen = screen;
    this.#wantsControl = wantsControl;
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

  /** Does something to the page inside; nothing while another has control. */
  send(message: ToBrowser): boolean {
    if (!this.#state.you) return false;
    if (message.type === "navigate") this.#change({ problem: undefined });
    this.#say(message);
    return true;
  }

  take(): void {
    this.#wantsControl = true;
    this.#say({ type: "take" });
  }

  release(): void {
    this.#wantsControl = false;
    this.#say({ type: "release" });
  }

  resize(width: number, height: number): void {
    if (this.#size?.width === width && this.#size.height === height) return;
    this.#size = { width, height };
    this.#say({ type: "resize", width, height });
  }

  dismiss(): void {
    this.#change({ problem: undefined });
  }

  /** Somebody looks again, or the network is back, or a person asks. */
  wake(): void {
    if (this.#state.status === "waiting" || this.#state.status === "refused") this.#connect();
    if (this.#undrawn !== undefined && this.#world.isSeen()) this.#drawn(this.#undrawn);
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
    this.#undrawn = undefined;
    socket.binaryType = "arraybuffer";
    let isFirst = true;
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data !== "string") return void this.#show(socket, data);
      if (isFirst) {
        isFirst = false;
        this.#failures = 0;
        this.#change({ status: "open", problem: undefined });
        if (this.#size) this.#say({ type: "resize", ...this.#size });
      }
      this.#take(JSON.parse(data) as FromBrowser);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  async #show(socket: WebSocket, data: ArrayBuffer): Promise<void> {
    const picture = pictureOf(data);
    if (!picture) return;
    try {
      await this.#screen.draw(picture);
      if (!this.#state.hasPicture) this.#change({ hasPicture: true });
    } catch {
      this.#change({ problem: "A picture of the page could not be drawn." });
    }
    if (socket !== this.#socket) return;
    if (this.#world.isSeen()) this.#drawn(picture.number);
    else this.#undrawn = picture.number;
  }

  #drawn(picture: number): void {
    this.#undrawn = undefined;
    this.#say({ type: "drawn", picture });
  }

  #take(message: FromBrowser): void {
    if (message.type === "state") {
      const { writer, you, viewers } = message;
      const was = this.#state.you;
      this.#change({ writer, you, viewers });
      if (!you && was) this.#wantsControl = false;
      // Nobody is put aside by coming back: that takes a person's press.
      if (!you && writer === null && this.#wantsControl) this.#say({ type: "take" });
      if (you && !was && this.#size) this.#say({ type: "resize", ...this.#size });
    } else if (message.type === "page") {
      this.#change({ page: message });
    } else if (message.type === "copied") {
      this.#screen.copied(message.text);
    } else if (message.type === "ended") {
      this.#change({ status: "ended", you: false, writer: null });
    } else if (message.code !== "read_only") {
      this.#change({ problem: message.message });
    }
  }

  #lost(): void {
    this.#socket = undefined;
    if (this.#isOver || this.#state.status === "ended") return;
    this.#wantsControl ||= this.#state.you;
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

  #say(message: ToBrowser): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #change(change: { [Key in keyof SessionState]?: SessionState[Key] | undefined }): void {
    this.#state = { ...this.#state, ...change } as SessionState;
    for (const listener of this.#listeners) listener();
  }
}
