/** Which words of a changed line differ from the line it replaces. */

import { changeAt, type PatchLine } from "./patch";

/** A stretch of a line, in UTF-16 positions, end excluded. */
export interface Mark {
  from: number;
  to: number;
}

/** Characters of a line looked at; longer ones get no marks. */
const LINE_CHARS_MAX = 600;
/** Cells of the comparison table. */
const CELLS_MAX = 40_000;
/** Lines that share less than this are two different lines. */
const LIKENESS_MIN = 0.35;

const WORD = /[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu;

/** Marks for each changed line of a hunk that has a counterpart. */
export function marksOf(lines: readonly PatchLine[]): Map<PatchLine, Mark[]> {
  const marks = new Map<PatchLine, Mark[]>();
  for (let index = 0; index < lines.length; ) {
    const change = changeAt(lines, index);
    for (const [row, removed] of change.removed.entries()) {
      const added = change.added[row];
      const found = added && compareWords(removed.text, added.text);
      if (!added || !found) continue;
      marks.set(removed, found.before);
      marks.set(added, found.after);
    }
    index = Math.max(change.end, index + 1);
  }
  return marks;
}

/** The differing stretches on both sides; none when the lines have little in common. */
export function compareWords(
  before: string,
  after: string,
): { before: Mark[]; after: Mark[] } | undefined {
  if (before.length > LINE_CHARS_MAX || after.length > LINE_CHARS_MAX) return undefined;
  const left = before.match(WORD) ?? [];
  const right = after.match(WORD) ?? [];
  if (left.length * right.length > CELLS_MAX) return undefined;
  const same = longestCommon(left, right);
  const shared = same.reduce((sum, [at]) => sum + (left[at]?.trim().length ?? 0), 0);
  const longest = Math.max(lengthOf(left), lengthOf(right));
  if (longest === 0 || shared / longest < LIKENESS_MIN) return undefined;
  return {
    before: outside(left, new Set(same.map(([at]) => at))),
    after: outside(right, new Set(same.map(([, at]) => at))),
  };
}

function lengthOf(words: readonly string[]): number {
  return words.reduce((sum, word) => sum + word.trim().length, 0);
}

/** Positions of the words of a longest common subsequence. */
function longestCommon(left: readonly string[], right: readonly string[]): [number, number][] {
  const width = right.length + 1;
  const table = new Uint16Array((left.length + 1) * width);
  const at = (row: number, column: number) => table[row * width + column] ?? 0;
  for (let row = left.length - 1; row >= 0; row -= 1) {
    for (let column = right.length - 1; column >= 0; column -= 1) {
      table[row * width + column] =
        left[row] === right[column]
          ? at(row + 1, column + 1) + 1
          : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let row = 0, column = 0; row < left.length && column < right.length; ) {
    if (left[row] === right[column]) {
      pairs.push([row, column]);
      row += 1;
      column += 1;
    } else if (at(row + 1, column) >= at(row, column + 1)) row += 1;
    else column += 1;
  }
  return pairs;
}

/** Stretches of the words that are not in `same`; neighbours are joined over lone spaces. */
function outside(words: readonly string[], same: ReadonlySet<number>): Mark[] {
  const marks: Mark[] = [];
  let position = 0;
  let spaceFrom = -1;
  for (const [index, word] of words.entries()) {
    const end = position + word.length;
    const last = marks.at(-1);
    if (!same.has(index)) {
      if (last && (last.to === position || (last.to === spaceFrom && spaceFrom !== -1))) {
        last.to = end;
      } else marks.push({ from: position, to: end });
    }
    spaceFrom = same.has(index) && word.trim() === "" ? position : -1;
    position = end;
  }
  return marks;
}
