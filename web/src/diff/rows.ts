/** Turns files into the one flat list of rows that the page scrolls through. */

import type { Comment, Place } from "./comments";
import type { Entry } from "./entry";
import type { Finding } from "./findings";
import {
  type Gap,
  gapsOf,
  type Hunk,
  linesOfGap,
  type Pair,
  type PatchLine,
  pairsOf,
} from "./patch";

export type Layout = "unified" | "split";

/** Lines that are coloured and compared together. */
export interface Block {
  entry: Entry;
  lines: readonly PatchLine[];
}

export type Row =
  | { type: "file"; entry: Entry; isOpen: boolean }
  | { type: "note"; entry: Entry }
  | { type: "image"; entry: Entry }
  | { type: "gap"; entry: Entry; index: number; gap: Gap; section: string }
  | { type: "line"; entry: Entry; block: Block; line: PatchLine }
  | { type: "pair"; entry: Entry; block: Block; pair: Pair }
  | { type: "comment"; entry: Entry; comment: Comment }
  | { type: "draft"; entry: Entry; place: Place }
  | { type: "finding"; entry: Entry; finding: Finding }
  | { type: "space"; entry: Entry };

/** How much of a gap is shown: lines after what is above it, and before what is below it. */
export interface Reveal {
  top: number;
  bottom: number;
}

/** What a person did to one file's view. */
export interface EntryState {
  isOpen: boolean;
  /** Shown although its reason folds it. */
  forced: boolean;
  reveals: ReadonlyMap<number, Reveal>;
  /** The file's lines after the change, once fetched. */
  text?: readonly string[];
  comments: readonly Comment[];
  findings: readonly Finding[];
  draft?: Place;
}

/** The rows of one file. */
export function rowsOf(entry: Entry, state: EntryState, layout: Layout): Row[] {
  const rows: Row[] = [{ type: "file", entry, isOpen: state.isOpen }];
  if (!state.isOpen) return rows;
  if (entry.folded && !(state.forced && entry.hunks.length > 0)) {
    rows.push({ type: entry.folded === "image" ? "image" : "note", entry });
  } else body(rows, entry, state, layout);
  rows.push({ type: "space", entry });
  return rows;
}

function body(rows: Row[], entry: Entry, state: EntryState, layout: Layout) {
  const gaps = gapsOf(entry.hunks, lengthAfter(entry, state));
  const beside = besideOf(state);
  const push = (lines: readonly PatchLine[]) => pushLines(rows, entry, lines, layout, beside);
  for (const [index, gap] of gaps.entries()) {
    const hunk = entry.hunks[index];
    const reveal = state.reveals.get(index) ?? { top: 0, bottom: 0 };
    const parts = splitGap(gap, reveal);
    const text = state.text;
    if (text && parts.above.count > 0) push(linesOfGap(parts.above, text));
    if (parts.hidden.count > 0) {
      rows.push({ type: "gap", entry, index, gap: parts.hidden, section: hunk?.section ?? "" });
    }
    if (text && parts.below.count > 0) push(linesOfGap(parts.below, text));
    if (hunk) push(hunk.lines);
  }
}

/** How long the file is after the change; nothing is hidden of one that is new or gone. */
function lengthAfter(entry: Entry, state: EntryState): number {
  if (entry.file.status === "added" || entry.file.status === "deleted") return 0;
  const last = entry.hunks.at(-1);
  if (!state.text && last && endsShort(last)) return last.afterStart + last.afterCount - 1;
  return state.text?.length ?? Number.POSITIVE_INFINITY;
}

/** Unchanged lines behind a change; fewer only where the file ends. */
const CONTEXT_LINES = 3;

function endsShort(hunk: Hunk): boolean {
  return hunk.lines.slice(-CONTEXT_LINES).some((line) => line.kind !== "context");
}

/** Cuts a gap into what is shown above, what stays hidden, and what is shown below. */
export function splitGap(gap: Gap, reveal: Reveal): { above: Gap; hidden: Gap; below: Gap } {
  const top = Math.min(reveal.top, gap.count);
  const bottom = Number.isFinite(gap.count) ? Math.min(reveal.bottom, gap.count - top) : 0;
  const hidden = gap.count - top - bottom;
  const at = (skip: number, count: number): Gap => ({
    beforeFrom: gap.beforeFrom + skip,
    afterFrom: gap.afterFrom + skip,
    count,
  });
  return { above: at(0, top), hidden: at(top, hidden), below: at(top + hidden, bottom) };
}

/** Rows that stand under a line, by side and number. */
type Beside = ReadonlyMap<string, Row[]>;

function besideOf(state: EntryState): ((entry: Entry) => Beside) | undefined {
  const { comments, findings, draft } = state;
  if (comments.length === 0 && findings.length === 0 && !draft) return undefined;
  return (entry) => {
    const map = new Map<string, Row[]>();
    const add = (side: string, line: number, row: Row) => {
      const key = `${side}:${line}`;
      map.set(key, [...(map.get(key) ?? []), row]);
    };
    for (const finding of findings) {
      if (finding.line !== undefined) {
        add(finding.side, finding.line, { type: "finding", entry, finding });
      }
    }
    for (const comment of comments) {
      add(comment.place.side, comment.place.to, { type: "comment", entry, comment });
    }
    if (draft) add(draft.side, draft.to, { type: "draft", entry, place: draft });
    return map;
  };
}

function pushLines(
  rows: Row[],
  entry: Entry,
  lines: readonly PatchLine[],
  layout: Layout,
  beside: ((entry: Entry) => Beside) | undefined,
) {
  const block: Block = blockOf(entry, lines);
  const under = beside?.(entry);
  const pushUnder = (line: PatchLine | undefined) => {
    if (!under || !line) return;
    if (line.after !== undefined) rows.push(...(under.get(`after:${line.after}`) ?? []));
    else if (line.before !== undefined) rows.push(...(under.get(`before:${line.before}`) ?? []));
  };
  if (layout === "unified") {
    for (const line of lines) {
      rows.push({ type: "line", entry, block, line });
      pushUnder(line);
    }
    return;
  }
  for (const pair of pairsOf(lines)) {
    rows.push({ type: "pair", entry, block, pair });
    if (pair.left !== pair.right) pushUnder(pair.left);
    pushUnder(pair.right);
  }
}

/** Blocks by their lines, so that colours survive when rows are made again. */
const blocks = new WeakMap<readonly PatchLine[], Block>();

function blockOf(entry: Entry, lines: readonly PatchLine[]): Block {
  const known = blocks.get(lines);
  if (known && known.entry === entry) return known;
  const block = { entry, lines };
  blocks.set(lines, block);
  return block;
}
