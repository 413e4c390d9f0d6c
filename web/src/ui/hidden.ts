/** Characters that people do not see and models read, as the server counts them (`harness::hidden`). */

const KINDS: readonly (readonly [string, string, RegExp])[] = [
  ["tag character", "tag characters", /[\u{e0000}-\u{e007f}]/u],
  ["override of direction", "overrides of direction", /[\u202a-\u202e\u2066-\u2069]/u],
  [
    "character without width",
    "characters without width",
    /[\u200b-\u200f\u061c\u180e\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb]/u,
  ],
  ["blank letter", "blank letters", /[\u115f\u1160\u3164\uffa0\u2800]/u],
  ["variation selector", "variation selectors", /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u],
  ["unassigned character", "unassigned characters", /[\u{e0080}-\u{e00ff}\u{e01f0}-\u{e0fff}]/u],
];

/** What nobody sees in a text, and in which lines of it. */
export interface Hidden {
  /** "6 tag characters, 1 blank letter". */
  words: string;
  /** Counted from 1, each once. */
  lines: number[];
}

/** What is hidden in a text; nothing where all is seen, or does what it is for. */
export function hiddenIn(text: string): Hidden | undefined {
  // Nearly every text is this.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(text)) return undefined;
  const signs = Array.from(text.replace(/^\ufeff/, ""));
  const counts = new Map<number, number>();
  const lines = new Set<number>();
  let line = 1;
  for (const [at, sign] of signs.entries()) {
    if (sign === "\n") line += 1;
    const kind = kindOf(sign);
    if (kind < 0 || isInPlace(sign, signs[at - 1], signs[at + 1])) continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    lines.add(line);
  }
  if (counts.size === 0) return undefined;
  const words = KINDS.flatMap(([one, many], kind) => {
    const count = counts.get(kind);
    return count === undefined ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  return { words: words.join(", "), lines: [...lines] };
}

function kindOf(sign: string): number {
  return sign < "\u0080" ? -1 : KINDS.findIndex(([, , pattern]) => pattern.test(sign));
}

/** Whether what could hide something does what it is for between these two. */
function isInPlace(sign: string, before = "", after = ""): boolean {
  switch (sign) {
    case "\u200d":
      return isShown(after) && (isShown(before) || before === "\ufe0f");
    case "\u200c":
      return isShown(before) && isShown(after);
    case "\ufe0e":
    case "\ufe0f":
      return isShown(before) || /^[0-9#*]$/.test(before);
    default:
      return false;
  }
}

function isShown(sign: string): boolean {
  return sign >= "\u0080" && !/\s/.test(sign) && kindOf(sign) < 0;
}
