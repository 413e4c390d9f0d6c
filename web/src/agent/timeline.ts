/**
 * The window of an agent's log that a page shows, and who is told when it changes.
 *
 * `live` follows the end of the log. After a jump far back, `past` is shown instead, until it meets
 * `live` or the person returns to the end. Changes are told once a frame.
 */
import { Fold } from "./fold";
import type { Head } from "./head";
import type { Row } from "./rows";
import type { Delta, LogEntry } from "./wire";

const PAGE_EVENTS = 500;
/** While the end is followed: at so many rows, or so many characters, all but the newest go. */
const FOLLOWED_ROWS = 3000;
const KEPT_ROWS = 1500;
const FOLLOWED_CHARS = 24_000_000;
const KEPT_CHARS = 12_000_000;
/** Pages read for the to-do list of the run under way, where the first page does not have it. */
const TODO_PAGES = 6;
/** Characters held while reading far back. */
const PAST_CHARS = 64_000_000;

export interface Watcher {
  name: string;
  count: number;
  you: boolean;
}

/** What a timeline is told by the live socket. */
export interface Feed {
  onEvents(entries: LogEntry[]): void;
  onDelta(delta: Delta): void;
  onLive(): void;
  onPresence(watchers: Watcher[]): void;
  onError(code: string, message: string): void;
}

/** What a timeline needs of the world. */
export interface TimelineWorld {
  /** The newest events, enough to fill a screen, oldest first. */
  newest(): Promise<LogEntry[]>;
  /** Events below or behind a number, oldest first. */
  page(range: { before?: number; after?: number; limit: number }): Promise<LogEntry[]>;
  watch(after: number, feed: Feed): () => void;
  /** Calls back with the next frame, or soon where there are none. */
  frame(act: () => void): void;
  now(): number;
}

/** The keys to show; `isShifted` when rows came or went at the top. */
export interface Shown {
  keys: readonly string[];
  isShifted: boolean;
  /** Another number is another place of the log: nothing of the layout before holds. */
  place: number;
}

export interface Situation {
  phase: "loading" | "ready" | "failed";
  error?: unknown;
  /** Older events are on their way, or could not be had. */
  older: "none" | "more" | "loading" | "failed";
  /** Rows of the past are shown, not the end of the log. */
  isPast: boolean;
  isLive: boolean;
  watchers: readonly Watcher[];
  /** Watching was refused: deleted meanwhile, for instance. */
  refused?: string | undefined;
}

type Listener = () => void;

export class Timeline {
  shown: Shown = { keys: [], isShifted: false, place: 0 };
  head: Head;
  situation: Situation = {
    phase: "loading",
    older: "none",
    isPast: false,
    isLive: false,
    watchers: [],
  };
  readonly #world: TimelineWorld;
  #live = new Fold();
  #past: Fold | undefined;
  #structure = -1;
  #place = 0;
  #isFollowing = true;
  #isScheduled = false;
  #listeners = new Set<Listener>();
  #rowListeners = new Map<string, Set<Listener>>();
  #eventListeners = new Set<(entry: LogEntry) => void>();
  #unwatch: (() => void) | undefined;
  #generation = 0;

  /** `newest` are the newest events, where they were read ahead. */
  constructor(world: TimelineWorld, newest?: LogEntry[]) {
    this.#world = world;
    this.head = this.#live.head;
    if (newest) this.#open(newest);
  }

  /** Reads the newest events, then watches. The answer ends it. */
  start(): () => void {
    this.#generation += 1;
    void this.#load(this.#generation);
    return () => {
      this.#generation += 1;
      this.#unwatch?.();
      this.#unwatch = undefined;
    };
  }

  /** Tries again after a failure. */
  retry(): void {
    void this.#load(this.#generation);
  }

  subscribe = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  subscribeRow(key: string, listener: Listener): () => void {
    const of = this.#rowListeners.get(key) ?? new Set();
    of.add(listener);
    this.#rowListeners.set(key, of);
    return () => {
      of.delete(listener);
      if (of.size === 0) this.#rowListeners.delete(key);
    };
  }

  /** Told each live event once; stored ones of older pages are not told. */
  subscribeEvents(listener: (entry: LogEntry) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  row(key: string): Row | undefined {
    return this.#view.rows.get(key);
  }

  /** Whether the page stands at the end, so that old rows may go. */
  follow(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    if (isFollowing) this.#trim();
  }

  get #view(): Fold {
    return this.#past ?? this.#live;
  }

  #open(newest: LogEntry[]): void {
    this.#live.applyAll(fromWholeStep(newest));
    this.#flush(false);
    this.#set({ phase: "ready", older: this.#live.first > 1 ? "more" : "none" });
  }

  async #load(generation: number): Promise<void> {
    this.#set({ phase: this.#live.last > 0 ? "ready" : "loading", error: undefined });
    try {
      // What is known already is followed from its end on.
      const newest = this.#live.last > 0 ? [] : await this.#world.newest();
      if (generation !== this.#generation) return;
      if (newest.length > 0) this.#open(newest);
      this.#unwatch?.();
      this.#unwatch = this.#world.watch(this.#live.last, this.#feed());
      void this.#findTodos(generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#set({ phase: "failed", error });
    }
  }

  /** The list of the run under way may have been written long ago; pages are read for it, not kept. */
  async #findTodos(generation: number): Promise<void> {
    let before = this.#live.first;
    for (let page = 0; page < TODO_PAGES && before > 1; page += 1) {
      const { todos, active } = this.#live.head;
      if (active === undefined || todos?.run === active.run) return;
      const entries = await this.#world.page({ before, limit: PAGE_EVENTS }).catch(() => []);
      if (generation !== this.#generation) return;
      if (this.#live.learnTodos(entries)) return this.#schedule();
      if (entries.some(({ event }) => event.type === "RunStarted")) return;
      before = entries[0]?.seq ?? 1;
    }
  }

  #feed(): Feed {
    return {
      onEvents: (entries) => {
        for (const entry of entries) {
          if (entry.seq <= this.#live.last) continue;
          this.#live.apply(entry);
          for (const listener of this.#eventListeners) listener(entry);
        }
        this.#schedule();
      },
      onDelta: (delta) => {
        this.#live.delta(delta, this.#world.now());
        this.#schedule();
      },
      onLive: () => this.#set({ isLive: true }),
      onPresence: (watchers) => this.#set({ watchers }),
      onError: (code, message) => this.#set({ refused: `${message} (${code})` }),
    };
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#world.frame(() => {
      this.#isScheduled = false;
      this.#flush(false);
      this.#trim();
    });
  }

  /** Tells what changed since the last time. */
  #flush(isShifted: boolean): void {
    const view = this.#view;
    const changed = [...view.dirty];
    view.dirty.clear();
    if (view !== this.#live) this.#live.dirty.clear();
    if (view.structure !== this.#structure || isShifted) {
      this.#structure = view.structure;
      this.shown = { keys: [...view.keys], isShifted, place: this.#place };
    }
    this.head = this.#live.head;
    for (const key of changed) {
      for (const listener of this.#rowListeners.get(key) ?? []) listener();
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #set(slots: Partial<Situation>): void {
    this.situation = { ...this.situation, ...slots };
    this.#tell();
  }

  /** Rows come or go at the top in a frame of their own, or the list could not stay in its place. */
  #shift(change: () => boolean | undefined): void {
    this.#flush(false);
    this.#world.frame(() => {
      if (change() === false) return;
      this.#flush(true);
      this.#set({ older: this.#view.first > 1 ? "more" : "none" });
    });
  }

  #trim(): void {
    const fold = this.#live;
    if (fold.keys.length <= FOLLOWED_ROWS && fold.weight <= FOLLOWED_CHARS) return;
    // Nothing of it is shown, so nothing moves.
    if (this.#past) fold.dropOldest(KEPT_ROWS, KEPT_CHARS);
    else if (!this.#isFollowing) this.#leaveEnd();
    else this.#shift(() => this.#isFollowing && fold.dropOldest(KEPT_ROWS, KEPT_CHARS));
  }

  /** Reads the page above. */
  async loadOlder(): Promise<void> {
    const view = this.#view;
    if (this.situation.older !== "more" && this.situation.older !== "failed") return;
    this.#set({ older: "loading" });
    try {
      const before = view.first;
      const entries = await this.#world.page({ before, limit: PAGE_EVENTS });
      const older = new Fold();
      older.applyAll(fromWholeStep(entries));
      this.#shift(() => {
        if (view !== this.#view || view.first !== before) return false;
        view.prepend(older);
        if (entries.length === 0) view.first = 1;
        return true;
      });
      this.#leaveEnd();
    } catch {
      this.#set({ older: "failed" });
    }
  }

  /** Far back the newest rows go; the end is then followed apart from what is shown. */
  #leaveEnd(): void {
    const view = this.#view;
    if (view.weight <= PAST_CHARS) return;
    if (!this.#past) {
      const fresh = new Fold();
      Object.assign(fresh, { first: view.last + 1, last: view.last, head: view.head });
      this.#past = view;
      this.#live = fresh;
    }
    view.dropNewest(PAST_CHARS);
    this.#flush(false);
    this.#set({ isPast: true });
  }

  /** Reads the page below what is shown of the past, until it meets the end. */
  async loadNewer(): Promise<void> {
    const past = this.#past;
    if (!past) return;
    const entries = await this.#world.page({ after: past.last, limit: PAGE_EVENTS });
    if (past !== this.#past) return;
    past.applyAll(entries.filter((entry) => entry.seq < this.#live.first));
    if (past.last >= this.#live.first - 1 || entries.length === 0) {
      this.#live.prepend(past);
      this.#past = undefined;
      this.#set({ isPast: false });
    }
    this.#flush(false);
  }

  /** Shows the place of an event; answers whether it is shown now. */
  async goTo(seq: number): Promise<void> {
    if (seq >= this.#view.first && seq <= this.#view.last) return;
    if (seq >= this.#live.first) {
      this.latest();
      return;
    }
    const entries = await this.#world.page({ after: seq - 1, limit: PAGE_EVENTS });
    const past = new Fold();
    past.applyAll(entries.filter((entry) => entry.seq < this.#live.first));
    this.#past = past;
    this.#set({ isPast: true, older: past.first > 1 ? "more" : "none" });
    this.#structure = -1;
    this.#place += 1;
    this.#flush(false);
    if (past.last >= this.#live.first - 1) await this.loadNewer();
  }

  /** Back to the end of the log. */
  latest(): void {
    if (!this.#past) return;
    this.#past = undefined;
    this.#structure = -1;
    this.#place += 1;
    this.#set({ isPast: false, older: this.#live.first > 1 ? "more" : "none" });
    this.#flush(false);
  }
}

/**
 * A page from its first whole step on. Rows of a step whose beginning stands on the page above would
 * change their order when that comes, before the eyes of whoever reads them.
 */
function fromWholeStep(entries: LogEntry[]): LogEntry[] {
  if (entries[0]?.seq === 1) return entries;
  const at = entries.findIndex(({ event }) => event.type === "StepStarted" && event.attempt === 1);
  return at <= entries.length / 2 ? entries.slice(Math.max(at, 0)) : entries;
}
