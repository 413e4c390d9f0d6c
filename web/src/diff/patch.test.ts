import { describe, expect, it } from "vitest";
import { gapsOf, linesOfGap, pairsOf, parsePatch } from "./patch";

const PATCH = `@@ -1,4 +1,5 @@ fn main() {
 one
-two
+TWO
+two and a half
 three
 four
@@ -20,2 +21,1 @@
 twenty
-twenty-one
`;

describe("parsePatch", () => {
  it("numbers the lines of both sides", () => {
    const [first, second] = parsePatch(PATCH);
    expect(first?.section).toBe("fn main() {");
    expect(first?.lines.map((line) => [line.kind, line.before, line.after, line.text])).toEqual([
      ["context", 1, 1, "one"],
      ["removed", 2, undefined, "two"],
      ["added", undefined, 2, "TWO"],
      ["added", undefined, 3, "two and a half"],
      ["context", 3, 4, "three"],
      ["context", 4, 5, "four"],
    ]);
    expect(second?.lines.at(-1)).toEqual({ kind: "removed", before: 21, text: "twenty-one" });
  });

  it("takes a line that looks like a header for the text it is", () => {
    const hunks = parsePatch("@@ -1,1 +1,2 @@\n @@ -9,9 +9,9 @@\n+@@ -1 +1 @@ x\n");
    expect(hunks).toHaveLength(1);
    expect(hunks[0]?.lines.map((line) => line.text)).toEqual(["@@ -9,9 +9,9 @@", "@@ -1 +1 @@ x"]);
  });

  it("reads headers that leave out a count of one, carriage returns and empty lines", () => {
    const [hunk] = parsePatch("@@ -3 +3,2 @@\n-a\r\n+\n+b");
    expect(hunk?.lines.map((line) => line.text)).toEqual(["a\r", "", "b"]);
  });

  it("gives nothing for no text", () => {
    expect(parsePatch("")).toEqual([]);
  });

  it("keeps what there is of a patch that was cut off", () => {
    const [hunk] = parsePatch("@@ -1,100 +1,100 @@\n one\n-tw");
    expect(hunk?.lines).toHaveLength(2);
  });

  it("leaves out the note about a missing line break", () => {
    const [hunk] = parsePatch("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n");
    expect(hunk?.lines.map((line) => line.kind)).toEqual(["removed", "added"]);
  });
});

describe("pairsOf", () => {
  it("puts a removed line beside the added one that took its place", () => {
    const [hunk] = parsePatch(PATCH);
    const pairs = pairsOf(hunk?.lines ?? []);
    expect(pairs.map((pair) => [pair.left?.text, pair.right?.text])).toEqual([
      ["one", "one"],
      ["two", "TWO"],
      [undefined, "two and a half"],
      ["three", "three"],
      ["four", "four"],
    ]);
  });
});

describe("gapsOf", () => {
  it("names the hidden lines between hunks with both numbers", () => {
    expect(gapsOf(parsePatch(PATCH), 30)).toEqual([
      { beforeFrom: 1, afterFrom: 1, count: 0 },
      { beforeFrom: 5, afterFrom: 6, count: 15 },
      { beforeFrom: 22, afterFrom: 22, count: 9 },
    ]);
  });

  it("places the gaps around lines that were only removed or only added", () => {
    expect(gapsOf(parsePatch("@@ -5,2 +4,0 @@\n-a\n-b\n"), 10)).toEqual([
      { beforeFrom: 1, afterFrom: 1, count: 4 },
      { beforeFrom: 7, afterFrom: 5, count: 6 },
    ]);
    expect(gapsOf(parsePatch("@@ -4,0 +5,2 @@\n+a\n+b\n"), 10)).toEqual([
      { beforeFrom: 1, afterFrom: 1, count: 4 },
      { beforeFrom: 5, afterFrom: 7, count: 4 },
    ]);
  });

  it("takes the lines of a gap from the file", () => {
    const text = ["a", "b", "c", "d"];
    expect(linesOfGap({ beforeFrom: 8, afterFrom: 3, count: 9 }, text)).toEqual([
      { kind: "context", before: 8, after: 3, text: "c" },
      { kind: "context", before: 9, after: 4, text: "d" },
    ]);
  });
});
