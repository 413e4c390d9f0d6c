import { useCallback, useMemo, useRef, useState } from "react";
import type { VirtualizerHandle } from "virtua";
import { useShortcuts } from "../app/shortcuts";
import type { Place } from "./comments";
import type { Entry } from "./entry";
import type { Side } from "./LineRow";
import type { PatchLine } from "./patch";
import type { Block, Row } from "./rows";
import type { RowActions } from "./useEntries";
import { isViewed } from "./viewed";

/** Lines that one comment may be about. */
const COMMENT_LINES_MAX = 200;

export interface Cursor {
  list: React.RefObject<VirtualizerHandle | null>;
  /** The file at the top of the view. */
  entry: Entry | undefined;
  /** Whether its head has scrolled out of sight. */
  isHeadHidden: boolean;
  /** The line that keys act on. */
  line: PatchLine | undefined;
  onScroll(): void;
  goTo(entry: Entry): void;
  pick(block: Block, line: PatchLine, side: Side, extend: boolean): void;
}

/** Where a person is in the diff: file and line, moved by scrolling, by keys and by the tree. */
export function useCursor(
  entries: readonly Entry[],
  rows: readonly Row[],
  actions: RowActions,
  viewed: Readonly<Record<string, string>>,
): Cursor {
  const list = useRef<VirtualizerHandle>(null);
  const [top, setTop] = useState<{ entry: Entry; isHeadHidden: boolean }>();
  const [line, setLine] = useState<PatchLine>();
  const picked = useRef<{ block: Block; line: PatchLine; side: Side }>(undefined);
  const goal = useRef<string>(undefined);
  const entry = entries.find((each) => each.key === top?.entry.key) ?? entries[0];

  const heads = useMemo(() => {
    const found = new Map<string, number>();
    for (const [index, row] of rows.entries()) {
      if (row.type === "file") found.set(row.entry.key, index);
    }
    return found;
  }, [rows]);

  const onScroll = useCallback(() => {
    const handle = list.current;
    if (!handle) return;
    const index = handle.findItemIndex(handle.scrollOffset);
    const row = rows[index];
    if (!row) return;
    // Near the end a file cannot come to the top: where one went to is where one is.
    const isAtEnd = handle.scrollOffset + handle.viewportSize >= handle.scrollSize - 2;
    if (isAtEnd && goal.current) return;
    goal.current = undefined;
    const isHeadHidden =
      row.type !== "space" &&
      (row.type !== "file" || handle.scrollOffset > handle.getItemOffset(index) + 1);
    setTop((now) =>
      now?.entry === row.entry && now.isHeadHidden === isHeadHidden
        ? now
        : { entry: row.entry, isHeadHidden },
    );
  }, [rows]);

  const goTo = useCallback(
    (to: Entry) => {
      const index = heads.get(to.key);
      if (index === undefined) return;
      goal.current = to.key;
      list.current?.scrollToIndex(index, { align: "start" });
      setTop({ entry: to, isHeadHidden: false });
      setLine(undefined);
    },
    [heads],
  );

  const pick = useCallback<Cursor["pick"]>(
    (block, at, side, extend) => {
      const start = extend && picked.current?.block === block ? picked.current : { line: at, side };
      if (!extend) picked.current = { block, line: at, side };
      setLine(at);
      const place = placeOf(block, start.line, at, start.side);
      if (place) actions.draft(place);
    },
    [actions],
  );

  const goBy = (by: number) => {
    const at = entries.findIndex((each) => each.key === entry?.key);
    const to = entries[at + by];
    if (to) goTo(to);
    else if (by < 0 && entry) goTo(entry);
  };
  const moveLine = (by: number) => {
    const found = nextLine(rows, line, entry, by);
    if (!found) return;
    setLine(found.line);
    list.current?.scrollToIndex(found.index, { align: "nearest", offset: by < 0 ? -44 : 20 });
  };
  useShortcuts({
    n: () => goBy(1),
    p: () => goBy(-1),
    j: () => moveLine(1),
    k: () => moveLine(-1),
    v: () => {
      if (!entry) return;
      const was = isViewed(viewed, entry);
      actions.view(entry, !was);
      if (!was) goBy(1);
    },
    c: () => {
      const at = rows.findIndex((row) => hasLine(row, line));
      const found = line ? rows[at] : firstChange(rows, entry);
      if (!found || (found.type !== "line" && found.type !== "pair")) return;
      const target = lineOf(found);
      if (target) pick(found.block, target, target.kind === "removed" ? "before" : "after", false);
    },
  });

  return { list, entry, isHeadHidden: top?.isHeadHidden ?? false, line, onScroll, goTo, pick };
}

function placeOf(block: Block, a: PatchLine, b: PatchLine, side: Side): Place | undefined {
  const ends = [a[side], b[side]].filter((value) => value !== undefined);
  const { entry } = block;
  const from = Math.min(...ends);
  const to = Math.max(...ends);
  if (ends.length === 0 || to - from >= COMMENT_LINES_MAX) return undefined;
  const code = block.lines.filter((line) => {
    const at = line[side];
    return at !== undefined && at >= from && at <= to;
  });
  return {
    repoIndex: entry.repoIndex,
    repoUrl: entry.repo.repoUrl,
    path: entry.file.path,
    side,
    from,
    to,
    code: code.map((line) => line.text),
  };
}

function lineOf(row: Row): PatchLine | undefined {
  if (row.type === "line") return row.line;
  return row.type === "pair" ? (row.pair.right ?? row.pair.left) : undefined;
}

export function hasLine(row: Row, line: PatchLine | undefined): boolean {
  if (line === undefined) return false;
  if (row.type === "line") return row.line === line;
  return row.type === "pair" && (row.pair.left === line || row.pair.right === line);
}

function firstChange(rows: readonly Row[], entry: Entry | undefined): Row | undefined {
  return rows.find((row) => row.entry === entry && lineOf(row) && lineOf(row)?.kind !== "context");
}

/** The next line in a direction; without a line, the first of the current file. */
function nextLine(
  rows: readonly Row[],
  line: PatchLine | undefined,
  entry: Entry | undefined,
  by: number,
): { line: PatchLine; index: number } | undefined {
  let index = line ? rows.findIndex((row) => hasLine(row, line)) : -1;
  if (index === -1) index = rows.findIndex((row) => row.entry === entry);
  for (index += by; index >= 0 && index < rows.length; index += by) {
    const row = rows[index];
    const found = row && lineOf(row);
    if (found) return { line: found, index };
  }
  return undefined;
}
