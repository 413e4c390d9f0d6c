/** The timeline of the agent that is shown, for every part of its page. */
import {
  createContext,
  useCallback,
  useContext,
  useLayoutEffect,
  useMemo,
  useSyncExternalStore,
} from "react";
import { call } from "../api/client";
import { live } from "../api/live";
import { firstPage, takeAhead } from "./firstPage";
import type { Head } from "./head";
import type { Row } from "./rows";
import { type Shown, type Situation, Timeline, type TimelineWorld } from "./timeline";
import type { Delta, LogEntry } from "./wire";

/** Frames do not come while a tab is hidden. */
const LATEST_FRAME_MS = 250;

/** What is opened and closed by hand; outlives rows that are scrolled away. */
export class Openings {
  readonly #open = new Map<string, boolean>();
  readonly #listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get(key: string): boolean | undefined {
    return this.#open.get(key);
  }

  set(key: string, isOpen: boolean): void {
    this.#open.set(key, isOpen);
    for (const listener of this.#listeners) listener();
  }
}

export interface TimelineScope {
  agent: string;
  timeline: Timeline;
  openings: Openings;
}

export const TimelineContext = createContext<TimelineScope | undefined>(undefined);

export function useScope(): TimelineScope {
  const scope = useContext(TimelineContext);
  if (!scope) throw new Error("a timeline is used outside its page");
  return scope;
}

/** Makes the timeline of an agent and keeps it going while the page is open. */
export function useNewTimeline(agent: string): TimelineScope {
  const scope = useMemo(
    () => ({
      agent,
      timeline: new Timeline(world(agent), takeAhead(agent)),
      openings: new Openings(),
    }),
    [agent],
  );
  // Before the paint: what was asked for ahead may be there already.
  useLayoutEffect(() => scope.timeline.start(), [scope]);
  return scope;
}

function world(agent: string): TimelineWorld {
  return {
    newest: () => firstPage(agent),
    async page(range) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(range)) query.set(name, String(value));
      const path = `/v1/agents/${encodeURIComponent(agent)}/events?${query}`;
      return (await call<{ items: LogEntry[] }>("GET", path)).items;
    },
    watch: (after, feed) =>
      live.watchAgent(agent, after, {
        onEvents: (items) => feed.onEvents(items as unknown as LogEntry[]),
        onDelta: (delta) => feed.onDelta(delta as unknown as Delta),
        onLive: () => feed.onLive(),
        onPresence: (watchers) => feed.onPresence(watchers),
        onError: (code, message) => feed.onError(code, message),
      }),
    frame(act) {
      let isDone = false;
      const once = () => {
        if (isDone) return;
        isDone = true;
        cancelAnimationFrame(frame);
        clearTimeout(timer);
        act();
      };
      const frame = requestAnimationFrame(once);
      const timer = setTimeout(once, LATEST_FRAME_MS);
    },
    now: () => Date.now(),
  };
}

export function useHead(): Head {
  const { timeline } = useScope();
  return useSyncExternalStore(timeline.subscribe, () => timeline.head);
}

export function useShown(): Shown {
  const { timeline } = useScope();
  return useSyncExternalStore(timeline.subscribe, () => timeline.shown);
}

export function useSituation(): Situation {
  const { timeline } = useScope();
  return useSyncExternalStore(timeline.subscribe, () => timeline.situation);
}

/** One row; only its own changes are told. */
export function useRow(key: string): Row | undefined {
  const { timeline } = useScope();
  const subscribe = useCallback(
    (listener: () => void) => timeline.subscribeRow(key, listener),
    [timeline, key],
  );
  return useSyncExternalStore(subscribe, () => timeline.row(key));
}

/** Whether something is open, as the person left it or else as given. */
export function useOpening(key: string, byDefault: boolean): [boolean, (isOpen: boolean) => void] {
  const { openings } = useScope();
  const known = useSyncExternalStore(openings.subscribe, () => openings.get(key));
  const set = useCallback((isOpen: boolean) => openings.set(key, isOpen), [openings, key]);
  return [known ?? byDefault, set];
}

/** The state of the page's one socket. */
export function useLiveStatus() {
  return useSyncExternalStore(live.subscribe, () => live.status);
}
