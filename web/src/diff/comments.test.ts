import { describe, expect, it, vi } from "vitest";
import { type Comment, messageOf, newCommentId, placeText } from "./comments";

function comment(path: string, from: number, text: string, more: Partial<Comment["place"]> = {}) {
  const code = ["let x = 1;"];
  const place = {
    repoIndex: 0,
    repoUrl: "git.example/a",
    path,
    side: "after" as const,
    from,
    to: from,
    code,
  };
  return { id: `${path}${from}`, place: { ...place, ...more }, text };
}

describe("messageOf", () => {
  it("names file and line, quotes the code and orders by place", () => {
    const text = messageOf([comment("b.rs", 3, "Why?"), comment("a.rs", 9, " Rename this. ")]);
    expect(text).toBe(
      "Please address these 2 comments on your changes.\n\n" +
        "1. a.rs:9\n> let x = 1;\nRename this.\n\n" +
        "2. b.rs:3\n> let x = 1;\nWhy?",
    );
  });

  it("says which repository when there are several", () => {
    const text = messageOf([
      comment("a", 1, "x"),
      comment("a", 1, "y", { repoUrl: "git.example/b" }),
    ]);
    expect(text).toContain("1. a:1 in git.example/a");
    expect(text).toContain("2. a:1 in git.example/b");
  });

  it("cuts long quotations", () => {
    const code = Array.from({ length: 40 }, () => "z".repeat(900));
    const text = messageOf([comment("a", 1, "x", { to: 40, code })]);
    expect(text.length).toBeLessThan(6_000);
    expect(text).toContain("> … 28 more lines");
    expect(text).toContain("a:1-40");
  });
});

describe("placeText", () => {
  it("says when the line is one of before the change", () => {
    expect(placeText(comment("a.rs", 4, "", { side: "before" }).place)).toBe(
      "a.rs:4 (before the change)",
    );
  });
});

it("tells comments apart where a page over plain HTTP has no `randomUUID`", () => {
  const real = crypto;
  vi.stubGlobal("crypto", { getRandomValues: (into: Uint32Array) => real.getRandomValues(into) });
  expect(newCommentId()).not.toBe(newCommentId());
  vi.unstubAllGlobals();
});
