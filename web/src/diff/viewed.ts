/** Which files a person has looked at: kept in this browser, by content, so a change unmarks. */

import { useSyncExternalStore } from "react";
import type { Entry } from "./entry";

type Viewed = Readonly<Record<string, string>>;

const NONE: Viewed = {};
const cache = new Map<string, Viewed>();
const listeners = new Set<() => void>();

function read(agent: string): Viewed {
  const known = cache.get(agent);
  if (known) return known;
  let found = NONE;
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(`errand.viewed.${agent}`) ?? "{}");
    if (typeof parsed === "object" && parsed !== null) found = parsed as Viewed;
  } catch {
    // A browser that keeps nothing starts anew.
  }
  cache.set(agent, found);
  return found;
}

/** Marks by file; compare with the file's hash. */
export function useViewed(agent: string): Viewed {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => read(agent),
  );
}

export function isViewed(viewed: Viewed, entry: Entry): boolean {
  return viewed[entry.key] === entry.hash;
}

export function setViewed(agent: string, entry: Entry, now: boolean) {
  const { [entry.key]: _, ...others } = read(agent);
  const next = now ? { ...others, [entry.key]: entry.hash } : others;
  cache.set(agent, next);
  try {
    localStorage.setItem(`errand.viewed.${agent}`, JSON.stringify(next));
  } catch {
    // Kept for as long as the page is open.
  }
  for (const listener of listeners) listener();
}
