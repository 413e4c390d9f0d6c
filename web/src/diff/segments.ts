/** Cuts a line of code into stretches of one look, with everything invisible made visible. */

import { visibleBidi } from "../ui/untrusted";
import type { Token } from "./syntax";
import type { Mark } from "./words";

export interface Segment {
  text: string;
  kind: string | undefined;
  isMarked: boolean;
}

/** Characters of a line that are shown. */
export const LINE_CHARS_SHOWN = 2_000;

/** The stretches of a line, at most `LINE_CHARS_SHOWN` characters of it. */
export function segmentsOf(
  text: string,
  tokens: readonly Token[] = [],
  marks: readonly Mark[] = [],
): Segment[] {
  const length = Math.min(text.length, LINE_CHARS_SHOWN);
  const cuts = new Set([length]);
  for (const token of tokens) cuts.add(Math.min(token.to, length));
  for (const mark of marks) {
    cuts.add(Math.min(mark.from, length));
    cuts.add(Math.min(mark.to, length));
  }
  const segments: Segment[] = [];
  let from = 0;
  let token = 0;
  let mark = 0;
  for (const to of [...cuts].sort((a, b) => a - b)) {
    if (to <= from) continue;
    while ((tokens[token]?.to ?? Number.POSITIVE_INFINITY) <= from) token += 1;
    while ((marks[mark]?.to ?? Number.POSITIVE_INFINITY) <= from) mark += 1;
    segments.push({
      text: visible(text.slice(from, to)),
      kind: tokens[token]?.kind,
      isMarked: (marks[mark]?.from ?? Number.POSITIVE_INFINITY) <= from,
    });
    from = to;
  }
  return segments;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not stay unseen
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** What takes no room: soft hyphen, fillers, joiners of words, tag characters. */
const UNSEEN =
  /[\u00ad\u115f\u1160\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0\u{e0000}-\u{e007f}]/gu;

/** Control, unseen and reordering characters as signs that a reader sees. */
export function visible(text: string): string {
  return visibleBidi(text)
    .replace(CONTROLS, (char) => {
      const code = char.charCodeAt(0);
      return code === 0x7f ? "␡" : String.fromCharCode(0x2400 + code);
    })
    .replace(UNSEEN, (char) => {
      return `⟦U+${char.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}⟧`;
    });
}
