/** Reads one file's patch, as the server writes it, into hunks of typed lines. */

export type LineKind = "context" | "added" | "removed";

export interface PatchLine {
  kind: LineKind;
  /** Number before the change; absent for added lines. */
  before?: number;
  /** Number after the change; absent for removed lines. */
  after?: number;
  text: string;
}

export interface Hunk {
  beforeStart: number;
  beforeCount: number;
  afterStart: number;
  afterCount: number;
  /** The function or section around it, as git guesses it. */
  section: string;
  lines: PatchLine[];
}

const HEADER = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;

/** Text that is no hunk, and lines beyond what a header announced, are left out. */
export function parsePatch(patch: string): Hunk[] {
  const hunks: Hunk[] = [];
  let hunk: Hunk | undefined;
  let before = 0;
  let after = 0;
  for (const raw of linesOf(patch)) {
    if (hunk && !isFull(hunk, before, after)) {
      const line = lineOf(raw, before, after);
      if (line) {
        hunk.lines.push(line);
        if (line.before !== undefined) before += 1;
        if (line.after !== undefined) after += 1;
        continue;
      }
    }
    const header = raw.startsWith("@@") ? HEADER.exec(raw) : null;
    if (!header) continue;
    hunk = {
      beforeStart: Number(header[1]),
      beforeCount: Number(header[2] ?? 1),
      afterStart: Number(header[3]),
      afterCount: Number(header[4] ?? 1),
      section: header[5] ?? "",
      lines: [],
    };
    before = hunk.beforeStart;
    after = hunk.afterStart;
    hunks.push(hunk);
  }
  return hunks;
}

function isFull(hunk: Hunk, before: number, after: number): boolean {
  return (
    before >= hunk.beforeStart + hunk.beforeCount && after >= hunk.afterStart + hunk.afterCount
  );
}

function lineOf(raw: string, before: number, after: number): PatchLine | undefined {
  const text = raw.slice(1);
  switch (raw[0]) {
    case " ":
      return { kind: "context", before, after, text };
    case "+":
      return { kind: "added", after, text };
    case "-":
      return { kind: "removed", before, text };
    default:
      return undefined;
  }
}

function* linesOf(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf("\n", from);
    if (end === -1) {
      yield text.slice(from);
      return;
    }
    yield text.slice(from, end);
    from = end + 1;
  }
}

/** A removed line beside the added one that took its place; either may be missing. */
export interface Pair {
  left?: PatchLine;
  right?: PatchLine;
}

/** Lines of a hunk for two columns. */
export function pairsOf(lines: readonly PatchLine[]): Pair[] {
  const pairs: Pair[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index];
    if (!line) break;
    if (line.kind === "context") {
      pairs.push({ left: line, right: line });
      index += 1;
      continue;
    }
    const change = changeAt(lines, index);
    const rows = Math.max(change.removed.length, change.added.length);
    for (let row = 0; row < rows; row += 1) {
      pairs.push({ left: change.removed[row], right: change.added[row] });
    }
    index = change.end;
  }
  return pairs;
}

export interface Change {
  removed: PatchLine[];
  added: PatchLine[];
  /** Index after its last line. */
  end: number;
}

/** The stretch of changed lines that starts at `index`. */
export function changeAt(lines: readonly PatchLine[], index: number): Change {
  const removed: PatchLine[] = [];
  const added: PatchLine[] = [];
  let end = index;
  for (let line = lines[end]; line && line.kind !== "context"; line = lines[end]) {
    // A removal after an addition belongs to the next change.
    if (line.kind === "removed" && added.length > 0) break;
    (line.kind === "removed" ? removed : added).push(line);
    end += 1;
  }
  return { removed, added, end };
}

/** Unchanged lines hidden before a hunk, between two, or after the last. */
export interface Gap {
  beforeFrom: number;
  afterFrom: number;
  /** How many lines; `Infinity` until the length of the file is known. */
  count: number;
}

/** The hidden stretch in front of each hunk, and behind the last one. */
export function gapsOf(hunks: readonly Hunk[], afterLength = Number.POSITIVE_INFINITY): Gap[] {
  const gaps: Gap[] = [];
  let beforeFrom = 1;
  let afterFrom = 1;
  for (const hunk of hunks) {
    // A side without lines is numbered by the line in front of it.
    const start = hunk.afterCount === 0 ? hunk.afterStart + 1 : hunk.afterStart;
    gaps.push({ beforeFrom, afterFrom, count: Math.max(0, start - afterFrom) });
    beforeFrom =
      (hunk.beforeCount === 0 ? hunk.beforeStart + 1 : hunk.beforeStart) + hunk.beforeCount;
    afterFrom = start + hunk.afterCount;
  }
  gaps.push({ beforeFrom, afterFrom, count: Math.max(0, afterLength - afterFrom + 1) });
  return gaps;
}

/** Unchanged lines of a gap out of the file's text after the change. */
export function linesOfGap(gap: Gap, text: readonly string[]): PatchLine[] {
  const lines: PatchLine[] = [];
  const count = Math.min(gap.count, text.length - gap.afterFrom + 1);
  for (let index = 0; index < count; index += 1) {
    lines.push({
      kind: "context",
      before: gap.beforeFrom + index,
      after: gap.afterFrom + index,
      text: text[gap.afterFrom + index - 1] ?? "",
    });
  }
  return lines;
}
