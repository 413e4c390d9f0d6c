import { useCallback, useMemo, useRef, useState } from "react";
import { type Comment, type Place, useComments } from "./comments";
import type { Entry } from "./entry";
import type { Finding } from "./findings";
import type { Gap } from "./patch";
import { fetchLines } from "./queries";
import { type EntryState, type Layout, type Reveal, type Row, rowsOf } from "./rows";
import { isViewed, setViewed, useViewed } from "./viewed";

/** Lines that one press on a gap shows. */
const REVEAL_LINES = 20;

const NO_COMMENTS: readonly Comment[] = [];
const NO_FINDINGS: readonly Finding[] = [];
const NO_REVEALS: ReadonlyMap<number, Reveal> = new Map();

interface Touched {
  isOpen?: boolean;
  forced?: boolean;
  reveals?: ReadonlyMap<number, Reveal>;
  text?: readonly string[];
}

export type RevealPart = "top" | "bottom" | "all";

/** What a row may ask for. */
export interface RowActions {
  toggle(entry: Entry): void;
  force(entry: Entry): void;
  view(entry: Entry, isViewed: boolean): void;
  /** Shows hidden lines; fails when the file cannot be fetched. */
  reveal(entry: Entry, gapIndex: number, gap: Gap, part: RevealPart): Promise<void>;
  draft(place: Place | undefined): void;
}

/** The state of a diff's view: its rows, and what rows may ask for. */
export function useEntries(
  agent: string,
  entries: readonly Entry[],
  layout: Layout,
  findings: readonly Finding[] = NO_FINDINGS,
) {
  const viewed = useViewed(agent);
  const comments = useComments(agent);
  const [touched, setTouched] = useState<ReadonlyMap<string, Touched>>(new Map());
  const [draft, setDraft] = useState<Place>();
  const cache = useRef(new Map<string, CachedRows>());

  const touch = useCallback((key: string, change: (now: Touched) => Touched) => {
    setTouched((all) => new Map(all).set(key, change(all.get(key) ?? {})));
  }, []);

  const rows = useMemo(() => {
    const byEntry = groupBy(comments, (comment) => keyOf(comment.place));
    const found = groupBy(findings, keyOf);
    return entries.flatMap((entry) => {
      const { isOpen, forced, reveals, text } = touched.get(entry.key) ?? {};
      const state: EntryState = {
        isOpen: isOpen ?? !isViewed(viewed, entry),
        forced: forced ?? false,
        reveals: reveals ?? NO_REVEALS,
        comments: byEntry.get(entry.key) ?? NO_COMMENTS,
        findings: found.get(entry.key) ?? NO_FINDINGS,
        ...(text && { text }),
        ...(draft && keyOf(draft) === entry.key && { draft }),
      };
      return cached(cache.current, entry, state, layout);
    });
  }, [entries, layout, viewed, comments, findings, touched, draft]);

  const actions = useMemo<RowActions>(
    () => ({
      toggle: (entry) =>
        touch(entry.key, (now) => ({
          ...now,
          isOpen: !(now.isOpen ?? !isViewed(viewed, entry)),
        })),
      force: (entry) => touch(entry.key, (now) => ({ ...now, forced: true, isOpen: true })),
      view: (entry, isNow) => {
        setViewed(agent, entry, isNow);
        touch(entry.key, (now) => ({ ...now, isOpen: !isNow }));
      },
      reveal: async (entry, index, gap, part) => {
        const text =
          touched.get(entry.key)?.text ??
          (await fetchLines({
            agent,
            repoIndex: entry.repoIndex,
            commit: entry.repo.head,
            path: entry.file.path,
          }));
        touch(entry.key, (now) => ({
          ...now,
          text,
          reveals: grown(now.reveals ?? NO_REVEALS, index, gap, part),
        }));
      },
      draft: setDraft,
    }),
    [agent, touch, touched, viewed],
  );

  return { rows, actions, viewed, comments };
}

function keyOf(place: { repoIndex: number; path: string }): string {
  return `${place.repoIndex}:${place.path}`;
}

function grown(
  reveals: ReadonlyMap<number, Reveal>,
  index: number,
  gap: Gap,
  part: RevealPart,
): ReadonlyMap<number, Reveal> {
  const { top, bottom } = reveals.get(index) ?? { top: 0, bottom: 0 };
  const next = new Map(reveals);
  if (part === "bottom") return next.set(index, { top, bottom: bottom + REVEAL_LINES });
  // The part in front of it is already shown, so all of what is hidden comes from the top.
  const more = part === "all" ? gap.count : REVEAL_LINES;
  return next.set(index, { top: top + more, bottom });
}

interface CachedRows {
  state: EntryState;
  layout: Layout;
  entry: Entry;
  rows: Row[];
}

/** Rows are made again only for files whose state changed. */
function cached(
  cache: Map<string, CachedRows>,
  entry: Entry,
  state: EntryState,
  layout: Layout,
): Row[] {
  const known = cache.get(entry.key);
  if (known && known.entry === entry && known.layout === layout && isSame(known.state, state)) {
    return known.rows;
  }
  const rows = rowsOf(entry, state, layout);
  cache.set(entry.key, { state, layout, entry, rows });
  return rows;
}

function isSame(a: EntryState, b: EntryState): boolean {
  return (
    a.isOpen === b.isOpen &&
    a.forced === b.forced &&
    a.reveals === b.reveals &&
    a.text === b.text &&
    a.draft === b.draft &&
    sameItems(a.comments, b.comments) &&
    sameItems(a.findings, b.findings)
  );
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
