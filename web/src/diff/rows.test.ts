import { describe, expect, it } from "vitest";
import { entriesOf, type RepoDiff } from "./entry";
import { type EntryState, rowsOf } from "./rows";

const PATCH = "@@ -5,7 +5,8 @@ fn a() {\n l5\n l6\n l7\n-old\n+new\n+more\n l9\n l10\n l11\n";

function entry(change: object = {}) {
  const file = {
    path: "a.rs",
    status: "modified",
    binary: false,
    additions: 2,
    deletions: 1,
    patch: PATCH,
  };
  const repo = { files: [{ ...file, ...change }], repoUrl: "r", base: "b", head: "h" };
  const [made] = entriesOf([repo as unknown as RepoDiff], () => 0);
  if (!made) throw new Error("no entry");
  return made;
}

const OPEN: EntryState = {
  isOpen: true,
  forced: false,
  reveals: new Map(),
  comments: [],
  findings: [],
};
const text = Array.from({ length: 30 }, (_, index) => `l${index + 1}`);
const kinds = (rows: ReturnType<typeof rowsOf>) => rows.map((row) => row.type).join(" ");

describe("rowsOf", () => {
  it("shows lines with what is hidden around them", () => {
    const rows = rowsOf(entry(), OPEN, "unified");
    expect(kinds(rows)).toBe(`file gap ${"line ".repeat(9)}gap space`);
    expect(rowsOf(entry(), OPEN, "split").filter((row) => row.type === "pair")).toHaveLength(8);
  });

  it("shows hidden lines as far as was asked", () => {
    const reveals = new Map([[0, { top: 0, bottom: 2 }]]);
    const rows = rowsOf(entry(), { ...OPEN, text, reveals }, "unified");
    expect(rows[1]).toMatchObject({ type: "gap", gap: { afterFrom: 1, count: 2 } });
    expect(rows.slice(2, 4)).toMatchObject([{ line: { after: 3 } }, { line: { after: 4 } }]);
  });

  it("knows that a file ends where git could show no further lines", () => {
    const rows = rowsOf(entry({ patch: "@@ -1,1 +1,2 @@\n a\n+b\n" }), OPEN, "unified");
    expect(kinds(rows)).toBe("file line line space");
  });

  it("puts comments and risks under their line", () => {
    const place = {
      repoIndex: 0,
      repoUrl: "r",
      path: "a.rs",
      side: "before",
      from: 8,
      to: 8,
      code: [],
    };
    const comments = [{ id: "1", text: "x", place }] as unknown as EntryState["comments"];
    const findings: EntryState["findings"] = [
      {
        id: "f",
        repoIndex: 0,
        path: "a.rs",
        side: "after",
        line: 9,
        severity: "high",
        title: "t",
        rule: "r",
      },
    ];
    const unified = rowsOf(entry(), { ...OPEN, comments, findings }, "unified");
    expect(kinds(unified)).toBe(
      "file gap line line line line comment line line finding line line line gap space",
    );
    const split = rowsOf(entry(), { ...OPEN, comments }, "split");
    expect(kinds(split)).toContain("pair comment pair");
  });

  it("folds what cannot be shown, with its reason", () => {
    expect(entry({ patch: "", binary: true }).folded).toBe("binary");
    expect(entry({ patch: "", path: "a.png", binary: true }).folded).toBe("image");
    expect(entry({ patch: "" }).folded).toBe("left_out");
    expect(entry({ patch: "", additions: 0, deletions: 0 }).folded).toBe("no_lines");
    expect(entry({ path: "x/Cargo.lock" }).folded).toBe("generated");
    expect(kinds(rowsOf(entry({ path: "Cargo.lock" }), OPEN, "unified"))).toBe("file note space");
    const forced = rowsOf(entry({ path: "Cargo.lock" }), { ...OPEN, forced: true }, "unified");
    expect(kinds(forced)).toContain("line");
  });
});
