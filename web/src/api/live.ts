import { openSocket } from "./client";
import { isSignedOut } from "./errors";
import type { Agent, Delta, EventBody, Watcher } from "./types";

/** Told what happens to one agent. */
export interface AgentWatcher {
  onEvents(items: EventBody[]): void;
  onDelta?(delta: Delta): void;
  /** All stored events have been told; what follows is live. */
  onLive?(seq: number): void;
  onPresence?(watchers: Watcher[]): void;
  onError?(code: string, message: string): void;
}

/** Told how the list of agents changes. */
export interface ListWatcher {
  onAgent(agent: Agent): void;
  onGone(agent: string): void;
  /** Changes are told from now on; what came before must be read. Again after every cut. */
  onLive(): void;
}

export type LiveStatus = "idle" | "connecting" | "open" | "waiting" | "signedOut";

type Watch =
  | { kind: "agent"; agent: string; after: number; watcher: AgentWatcher }
  | { kind: "list"; watcher: ListWatcher };

type ServerMessage =
  | { type: "events"; id: number; items: EventBody[] }
  | { type: "live"; id: number; seq: number }
  | { type: "delta"; id: number; delta: Delta }
  | { type: "presence"; id: number; watchers: Watcher[] }
  | { type: "agent"; id: number; agent: Agent }
  | { type: "agentGone"; id: number; agent: string }
  | { type: "error"; id?: number; code: string; message: string }
  | { type: "pong" };

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
const QUIET_MS = 25_000;
const PONG_MS = 5_000;
const CLOSE_SESSION_OVER = 4401;

/** What the client needs of the world; tests give their own. */
export interface LiveWorld {
  open(): Promise<WebSocket>;
  random(): number;
}

/**
 * The one socket of a page. Watches survive it: after a cut, each goes on behind the last event it
 * was told, so nothing is missed or told twice.
 */
export class Live {
  #world: LiveWorld;
  #watches = new Map<number, Watch>();
  #listeners = new Set<() => void>();
  #socket: WebSocket | undefined;
  #status: LiveStatus = "idle";
  #nextId = 1;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #quiet: ReturnType<typeof setTimeout> | undefined;

  constructor(world: LiveWorld) {
    this.#world = world;
  }

  /** Watches one agent from behind event `after`; the answer ends the watch. */
  watchAgent(agent: string, after: number, watcher: AgentWatcher): () => void {
    return this.#watch({ kind: "agent", agent, after, watcher });
  }

  /** Watches the list of agents; the answer ends the watch. */
  watchList(watcher: ListWatcher): () => void {
    return this.#watch({ kind: "list", watcher });
  }

  get status(): LiveStatus {
    return this.#status;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The network or the person is back: connect at once, or see whether the socket still lives. */
  wake(): void {
    if (this.#status === "waiting") this.#connect();
    else if (this.#status === "open") this.#ping();
  }

  /** After signing in. */
  restart(): void {
    if (this.#status === "signedOut") this.#setStatus("idle");
    this.#failures = 0;
    if (this.#watches.size > 0) this.#connect();
  }

  #watch(watch: Watch): () => void {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#watches.set(id, watch);
    if (this.#status === "open") this.#ask(id, watch);
    else if (this.#status === "idle") this.#connect();
    return () => {
      this.#watches.delete(id);
      if (this.#status === "open") this.#send({ type: "unwatch", id });
    };
  }

  #connect(): void {
    if (this.#status === "connecting" || this.#status === "open") return;
    clearTimeout(this.#retry);
    this.#setStatus("connecting");
    this.#world.open().then(
      (socket) => this.#adopt(socket),
      (error: unknown) => (isSignedOut(error) ? this.#setStatus("signedOut") : this.#wait()),
    );
  }

  #adopt(socket: WebSocket): void {
    this.#socket = socket;
    socket.onopen = () => {
      this.#setStatus("open");
      this.#listen();
      for (const [id, watch] of this.#watches) this.#ask(id, watch);
    };
    socket.onmessage = (event) => {
      this.#failures = 0;
      this.#listen();
      this.#take(JSON.parse(String(event.data)) as ServerMessage);
    };
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  #lost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#quiet);
    if (code === CLOSE_SESSION_OVER) this.#setStatus("signedOut");
    else this.#wait();
  }

  #wait(): void {
    this.#setStatus("waiting");
    const ceiling = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#connect(), ceiling * (0.5 + this.#world.random() / 2));
  }

  /** A socket of which nothing was heard for a while is asked; one that does not answer is left. */
  #listen(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#ping(), QUIET_MS);
  }

  #ping(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#send({ type: "ping" });
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      socket.close();
      this.#lost(socket, 0);
    }, PONG_MS);
  }

  #ask(id: number, watch: Watch): void {
    if (watch.kind === "list") this.#send({ type: "watchList", id });
    else this.#send({ type: "watchAgent", id, agent: watch.agent, after: watch.after });
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #take(message: ServerMessage): void {
    if (message.type === "pong" || message.id === undefined) return;
    const watch = this.#watches.get(message.id);
    if (watch === undefined) return;
    if (watch.kind === "list") takeForList(watch.watcher, message);
    else takeForAgent(watch, message);
  }

  #setStatus(status: LiveStatus): void {
    this.#status = status;
    for (const listener of this.#listeners) listener();
  }
}

function takeForList(watcher: ListWatcher, message: ServerMessage): void {
  if (message.type === "agent") watcher.onAgent(message.agent);
  else if (message.type === "live") watcher.onLive();
  else if (message.type === "agentGone") watcher.onGone(message.agent);
}

function takeForAgent(watch: Watch & { kind: "agent" }, message: ServerMessage): void {
  const { watcher } = watch;
  if (message.type === "events") {
    const fresh = message.items.filter((item) => item.seq > watch.after);
    const last = fresh.at(-1);
    if (last === undefined) return;
    watch.after = last.seq;
    watcher.onEvents(fresh);
  } else if (message.type === "delta") watcher.onDelta?.(message.delta);
  else if (message.type === "live") watcher.onLive?.(message.seq);
  else if (message.type === "presence") watcher.onPresence?.(message.watchers);
  else if (message.type === "error") watcher.onError?.(message.code, message.message);
}

/** The page's socket. */
export const live = new Live({
  open: () => openSocket("/v1/live", "live"),
  random: Math.random,
});

if (typeof window !== "undefined") {
  window.addEventListener("online", () => live.wake());
  window.addEventListener("pageshow", () => live.wake());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") live.wake();
  });
}
