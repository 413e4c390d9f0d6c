import { describe, expect, it } from "vitest";
import { entriesOf, type RepoDiff } from "./entry";
import { inTreeOrder, treeOf } from "./tree";

function entries(...paths: string[]) {
  const files = paths.map((path) => {
    return { path, status: "modified", binary: false, additions: 1, deletions: 0, patch: "" };
  });
  return entriesOf([{ files, repoUrl: "r" } as unknown as RepoDiff], () => 0);
}

describe("treeOf", () => {
  it("writes folders that hold only one folder as one line, folders before files", () => {
    const lines = treeOf(
      entries("a.md", "web/src/app/x.ts", "web/src/app/y.ts"),
      new Set(),
      () => undefined,
    );
    expect(lines.map((line) => [line.type, line.name, line.depth])).toEqual([
      ["folder", "web/src/app", 0],
      ["file", "x.ts", 1],
      ["file", "y.ts", 1],
      ["file", "a.md", 0],
    ]);
  });

  it("leaves out what is in closed folders and counts it", () => {
    const lines = treeOf(entries("a/b.md", "a/c/d.md"), new Set(["/a"]), () => undefined);
    expect(lines).toMatchObject([{ type: "folder", name: "a", count: 2 }]);
  });
});

describe("inTreeOrder", () => {
  it("goes the way the tree goes", () => {
    const sorted = inTreeOrder(entries("a.md", "z/b.md", "c/d.md"));
    expect(sorted.map((entry) => entry.file.path)).toEqual(["c/d.md", "z/b.md", "a.md"]);
  });
});
