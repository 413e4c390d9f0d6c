import { describe, expect, it } from "vitest";
import { parsePatch } from "./patch";
import { compareWords, marksOf } from "./words";

const cut = (text: string, marks: { from: number; to: number }[] = []) =>
  marks.map(({ from, to }) => text.slice(from, to));

describe("compareWords", () => {
  it("marks the word that changed", () => {
    const [before, after] = ["let total = price * 2;", "let total = price * rate;"];
    const found = compareWords(before, after);
    expect(cut(before, found?.before)).toEqual(["2"]);
    expect(cut(after, found?.after)).toEqual(["rate"]);
  });

  it("joins changed words over the space between them", () => {
    const [before, after] = ["return a very old name here;", "return one new name here;"];
    const found = compareWords(before, after);
    expect(cut(after, found?.after)).toEqual(["one new"]);
  });

  it("marks nothing when the lines have little in common", () => {
    expect(compareWords("import os", "def total(items):")).toBeUndefined();
    expect(compareWords("", "x")).toBeUndefined();
  });

  it("leaves lines alone that are too long to compare", () => {
    expect(compareWords("a ".repeat(5000), "b ".repeat(5000))).toBeUndefined();
  });
});

describe("marksOf", () => {
  it("compares the lines of each change in order", () => {
    const [hunk] = parsePatch(
      "@@ -1,3 +1,3 @@\n-alpha one\n-beta one\n+alpha two\n+beta two\n x\n",
    );
    const lines = hunk?.lines ?? [];
    const marks = marksOf(lines);
    expect(lines.map((line) => cut(line.text, marks.get(line)))).toEqual([
      ["one"],
      ["one"],
      ["two"],
      ["two"],
      [],
    ]);
  });
});
