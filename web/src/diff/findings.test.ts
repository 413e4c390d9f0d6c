import { describe, expect, it } from "vitest";
import { type Finding, findingsOf, quotesOf, type Review, whereOf } from "./findings";

const REVIEW: Review = {
  score: { band: "high", points: 65, factors: [{ rule: "ci-new", count: 1, points: 5 }] },
  moreFindings: 0,
  unreadFiles: 0,
  findings: [
    {
      rule: "test-deleted",
      family: "tests",
      severity: "warning",
      path: "a_test.go",
      line: 8,
      side: "before",
      why: "A test is gone.",
    },
    { rule: "diff-large", family: "size", severity: "notice", side: "after", why: "Split it." },
  ],
};

describe("findingsOf", () => {
  it("keeps place and side, and tells findings of one rule apart", () => {
    const found = findingsOf({ ...REVIEW, findings: [...REVIEW.findings, ...REVIEW.findings] }, 2);
    expect(found[0]).toMatchObject({ repoIndex: 2, path: "a_test.go", side: "before", line: 8 });
    expect(new Set(found.map(({ id }) => id)).size).toBe(4);
  });

  it("has none where the diff was not judged", () => {
    expect(findingsOf(undefined, 0)).toEqual([]);
  });
});

describe("whereOf", () => {
  it("names file, line and side, or the diff as a whole", () => {
    const words = findingsOf(REVIEW, 0).map(whereOf);
    expect(words).toEqual(["a_test.go:8 (before the change)", "The whole diff"]);
    const file = { path: "a", line: undefined, side: "after" } as Finding;
    expect(whereOf(file)).toBe("a");
  });
});

describe("quotesOf", () => {
  it("sets apart what is quoted, and nothing where quotation marks do not pair", () => {
    expect(quotesOf("`eval(x)` runs. Look")).toEqual([
      { text: "eval(x)", isQuote: true },
      { text: " runs. Look", isQuote: false },
    ]);
    expect(quotesOf("`a` b` runs")).toEqual([{ text: "`a` b` runs", isQuote: false }]);
  });
});
