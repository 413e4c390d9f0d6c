import { useSyncExternalStore } from "react";

const TICK_MS = 15_000;
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time, renewed every 15 seconds by one clock for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => (timer === undefined ? stale() : now));
}

function stale(): number {
  if (Date.now() - now > TICK_MS) now = Date.now();
  return now;
}
