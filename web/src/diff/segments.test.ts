import { describe, expect, it } from "vitest";
import { LINE_CHARS_SHOWN, segmentsOf, visible } from "./segments";

describe("segmentsOf", () => {
  it("cuts where colours and marks begin and end", () => {
    const tokens = [
      { to: 3, kind: "keyword" },
      { to: 9, kind: undefined },
    ];
    expect(segmentsOf("let total", tokens, [{ from: 2, to: 6 }])).toEqual([
      { text: "le", kind: "keyword", isMarked: false },
      { text: "t", kind: "keyword", isMarked: true },
      { text: " to", kind: undefined, isMarked: true },
      { text: "tal", kind: undefined, isMarked: false },
    ]);
  });

  it("shows only the start of a long line", () => {
    const shown = segmentsOf("x".repeat(1_000_000));
    expect(shown.map((segment) => segment.text.length)).toEqual([LINE_CHARS_SHOWN]);
  });

  it("gives nothing for an empty line", () => {
    expect(segmentsOf("")).toEqual([]);
  });
});

describe("visible", () => {
  it("shows what would hide or reorder code", () => {
    expect(visible("a\u202eb\u200bc\u001b[31m\r\t")).toBe("a⟦U+202E⟧b⟦U+200B⟧c␛[31m␍\t");
    expect(visible("let\u3164 x\u{e0041}\u00ad;")).toBe("let⟦U+3164⟧ x⟦U+E0041⟧⟦U+00AD⟧;");
    expect(visible("family 👩‍👩‍👧 é")).toBe("family 👩‍👩‍👧 é");
  });
});
