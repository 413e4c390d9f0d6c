// TRUST: what a program printed is hostile. Of all it may ask of a terminal only colour and weight
// are honoured; titles, links, the clipboard, cursor movement and questions are dropped, and a
// carriage return starts a new line, so that nothing printed before can be rewritten.

/** A stretch of text in one style. */
export interface Span {
  text: string;
  style: string;
}

interface Style {
  colour: string;
  bold: boolean;
  faint: boolean;
  italic: boolean;
  underline: boolean;
  strike: boolean;
}

/** Characters of one line that are shown. */
export const LINE_CHARS = 2000;
const PLAIN: Style = {
  colour: "",
  bold: false,
  faint: false,
  italic: false,
  underline: false,
  strike: false,
};
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const ESC = "\u001b";

/** Lines of spans. Style classes are words: `red bold`. */
export function parseAnsi(text: string): Span[][] {
  const lines: Span[][] = [];
  let style = PLAIN;
  for (const line of joined(text).split(/\r?\n|\r/)) {
    const spans: Span[] = [];
    let shown = 0;
    let left = 0;
    for (const piece of pieces(line)) {
      if (typeof piece !== "string") {
        style = restyled(style, piece.codes);
        continue;
      }
      const room = Math.max(0, LINE_CHARS - shown);
      const part = piece.length > room ? piece.slice(0, room) : piece;
      left += piece.length - part.length;
      shown += part.length;
      if (part !== "") push(spans, part, words(style));
    }
    if (left > 0) spans.push({ text: `… ${left} more characters`, style: "mark" });
    lines.push(spans);
  }
  return lines;
}

/** Carriage returns before a line's end say nothing. */
function joined(text: string): string {
  return text.replace(/\r+\n/g, "\n");
}

function push(spans: Span[], text: string, style: string): void {
  const last = spans.at(-1);
  if (last?.style === style) last.text += text;
  else spans.push({ text, style });
}

/** Text and colour changes of one line; everything else is dropped. */
function* pieces(line: string): Generator<string | { codes: string }> {
  let at = 0;
  while (at < line.length) {
    const next = control(line, at);
    if (next > at) yield printable(line.slice(at, next));
    if (next >= line.length) return;
    const [end, codes] = sequence(line, next);
    if (codes !== undefined) yield { codes };
    at = end;
  }
}

function control(line: string, from: number): number {
  for (let at = from; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === 0x1b || (code >= 0x80 && code <= 0x9f)) return at;
  }
  return line.length;
}

/** Where the sequence at `at` ends, and its codes if it is one that colours. */
function sequence(line: string, at: number): [number, string | undefined] {
  const isEscape = line[at] === ESC;
  const kind = isEscape ? line[at + 1] : String.fromCharCode(line.charCodeAt(at) - 0x40);
  const body = at + (isEscape ? 2 : 1);
  if (kind === "[") {
    let end = body;
    while (end < line.length && !isBetween(line, end, 0x40, 0x7e)) {
      // A sequence that is broken off ends where text could not be one.
      if (!isBetween(line, end, 0x20, 0x3f)) return [end, undefined];
      end += 1;
    }
    const codes = line.slice(body, end);
    return [end + 1, line[end] === "m" && /^[\d;:]*$/.test(codes) ? codes : undefined];
  }
  if (kind !== undefined && "]PX^_".includes(kind)) return [stringEnd(line, body), undefined];
  // Other escapes are one or two characters long: `ESC c`, `ESC ( B`.
  const isLong = isEscape && kind !== undefined && " #%()*+-./".includes(kind);
  return [body + (isLong ? 1 : 0), undefined];
}

/** The end of an operating-system command: BEL, ST, or what ends the line. */
function stringEnd(line: string, from: number): number {
  for (let at = from; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === 0x07 || code === 0x9c) return at + 1;
    if (code === 0x1b) return line[at + 1] === "\\" ? at + 2 : at;
  }
  return line.length;
}

function isBetween(line: string, at: number, low: number, high: number): boolean {
  const code = line.charCodeAt(at);
  return code >= low && code <= high;
}

/** Without control characters; ones that reorder text are made visible. */
function printable(text: string): string {
  let out = "";
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (char === "\t") out += "\t";
    else if (code < 0x20 || code === 0x7f) continue;
    else if (isBidi(code)) out += `⟦U+${code.toString(16).toUpperCase().padStart(4, "0")}⟧`;
    else out += char;
  }
  return out;
}

function isBidi(code: number): boolean {
  if (code < 0x61c) return false;
  return (
    code === 0x61c ||
    code === 0x200e ||
    code === 0x200f ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  );
}

function restyled(style: Style, codes: string): Style {
  const numbers = codes.split(/[;:]/).map(Number);
  let next = style;
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at] ?? 0;
    if (code === 38 || code === 48) {
      const isIndexed = numbers[at + 1] === 5;
      const colour = isIndexed ? indexed(numbers[at + 2] ?? 0) : "";
      if (code === 38) next = { ...next, colour };
      at += isIndexed ? 2 : 4;
    } else next = coded(next, code);
  }
  return next;
}

function indexed(index: number): string {
  return index < 16 ? (COLOURS[index % 8] ?? "") : "";
}

function coded(style: Style, code: number): Style {
  if (code === 0) return PLAIN;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, faint: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underline: true };
  if (code === 9) return { ...style, strike: true };
  if (code === 22) return { ...style, bold: false, faint: false };
  if (code === 23) return { ...style, italic: false };
  if (code === 24) return { ...style, underline: false };
  if (code === 29) return { ...style, strike: false };
  if (code === 39) return { ...style, colour: "" };
  if (code >= 30 && code <= 37) return { ...style, colour: COLOURS[code - 30] ?? "" };
  if (code >= 90 && code <= 97) return { ...style, colour: COLOURS[code - 90] ?? "" };
  return style;
}

function words(style: Style): string {
  const names = [style.colour];
  for (const name of ["bold", "faint", "italic", "underline", "strike"] as const) {
    if (style[name]) names.push(name);
  }
  return names.filter(Boolean).join(" ");
}
