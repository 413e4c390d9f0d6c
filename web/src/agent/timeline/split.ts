/**
 * Cuts Markdown into pieces that mean the same apart, so that only the last one is read again while
 * a text grows. A piece ends at an empty line that is neither inside a fence nor inside a list.
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
/** A line that may belong to what stands before the empty line: list items, indented text, quotes. */
const CONTINUES = /^(?: {2,}|\t|[-*+] |\d{1,9}[.)] |>)/;
/** A definition that other pieces may use: then nothing is cut. */
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;

/** The pieces of a text, in order. */
export function splitMarkdown(text: string): string[] {
  if (DEFINITION.test(text)) return [text];
  const pieces: string[] = [];
  let lines: string[] = [];
  let fence = "";
  let isAfterGap = false;
  for (const line of text.split("\n")) {
    const isStart = isAfterGap && line.trim() !== "" && !CONTINUES.test(line);
    if (fence === "" && isStart && lines.length > 0) {
      pieces.push(lines.join("\n"));
      lines = [];
    }
    const mark = FENCE.exec(line)?.[1];
    if (mark !== undefined) {
      if (fence === "") fence = mark;
      else if (mark.startsWith(fence) && line.trim() === mark) fence = "";
    }
    isAfterGap = line.trim() === "";
    lines.push(line);
  }
  if (lines.length > 0) pieces.push(lines.join("\n"));
  return pieces;
}
