import { expect, it } from "vitest";
import { LINE_CHARS, parseAnsi } from "./ansi";

function plain(text: string): string {
  return parseAnsi(text)
    .map((line) => line.map((span) => span.text).join(""))
    .join("\n");
}

it("keeps colour and weight, across lines, until they are reset", () => {
  expect(parseAnsi("a\u001b[31;1mb\nc\u001b[0md\u001b[92me\u001b[m")).toEqual([
    [
      { text: "a", style: "" },
      { text: "b", style: "red bold" },
    ],
    [
      { text: "c", style: "red bold" },
      { text: "d", style: "" },
      { text: "e", style: "green" },
    ],
  ]);
});

it("reads past colours it does not show", () => {
  expect(parseAnsi("\u001b[38;2;255;0;0mx\u001b[38;5;1my\u001b[48;5;9mz")).toEqual([
    [
      { text: "x", style: "" },
      { text: "yz", style: "red" },
    ],
  ]);
});

it("applies no title, no clipboard write and no link", () => {
  expect(plain("\u001b]0;TITLE\u0007a\u001b]52;c;ZXZpbA==\u0007b")).toBe("ab");
  expect(plain("\u001b]8;;http://evil.example\u001b\\github.com\u001b]8;;\u001b\\")).toBe(
    "github.com",
  );
  expect(plain("\u009d0;TITLE\u009ca\u0090q\u009cb")).toBe("ab");
});

it("lets nothing printed be rewritten or erased", () => {
  expect(plain("first\rsecond")).toBe("first\nsecond");
  expect(plain("one\r\ntwo\r\r\nthree")).toBe("one\ntwo\nthree");
  expect(plain("a\u001b[1A\u001b[2K\u001b[10;1Hb\u001b[3Jc\u001bcd")).toBe("abcd");
  expect(plain("rm -rf\b\b\b\b\b\bls")).toBe("rm -rfls");
});

it("drops what asks the terminal, and sequences that are broken off", () => {
  expect(plain("\u001b[6n\u001b[c\u001b[>q\u001bZx")).toBe("x");
  expect(plain("x\u001b[31")).toBe("x");
  expect(plain("x\u001b")).toBe("x");
  expect(plain("x\u001b]0;never ended\nnext")).toBe("x\nnext");
  expect(plain("\u001b(Bx")).toBe("x");
});

it("makes characters visible that reorder text", () => {
  expect(plain("a\u202egpj.exe\u2069")).toBe("a⟦U+202E⟧gpj.exe⟦U+2069⟧");
});

it("cuts a line of any length, with a mark", () => {
  const [line] = parseAnsi("x".repeat(1_000_000));
  expect(line?.[0]?.text).toHaveLength(LINE_CHARS);
  expect(line?.[1]).toEqual({ text: "… 998000 more characters", style: "mark" });
});
