import { expect, it } from "vitest";
import type { CallRow } from "../rows";
import { tell } from "./tool";

function row(name: string, input: unknown, result?: Partial<CallRow["result"]>): CallRow {
  const place = { key: "call:1", seq: 1, at: 0, run: "run-1", step: 1, call: "1" };
  const text = typeof input === "string" ? input : JSON.stringify(input);
  return {
    kind: "call",
    ...place,
    name,
    arguments: text,
    state: result ? "done" : "running",
    ...(result && { result: { text: "", isError: false, ...result } }),
  };
}

it("tells a command by its first words and its output without the exit code", () => {
  const told = tell(
    row("shell", { command: "ls" }, { text: "Exit code 0.\na\n", detail: { exitCode: 0 } }),
  );
  expect(told).toMatchObject({ target: "ls", body: { type: "output", text: "a\n" } });
});

it("shows an edit as the diff that was made, and before that as the one asked for", () => {
  const input = { path: "/workspace/shop/a.py", old: "x", new: "y\nz" };
  expect(tell(row("edit_file", input)).body).toEqual({ type: "diff", text: "-x\n+y\n+z" });
  const done = tell(row("edit_file", input, { detail: { diff: "@@ -1 +1 @@\n-x\n+y\n" } }));
  expect(done).toMatchObject({ target: "a.py", outcome: "+1 −1" });
});

it("counts what was found", () => {
  const found = tell(row("grep", { pattern: "x" }, { text: "a:1:x\na-2-y\nb:3:x\n" }));
  expect(found.outcome).toBe("2 matches");
  expect(tell(row("glob", { pattern: "*" }, { text: "No file matches." })).outcome).toBe("0 files");
  expect(tell(row("list_dir", {}, { text: "a\nb\n" })).outcome).toBe("2 entries");
});

it("tells a tool it does not know with what was asked and answered", () => {
  const told = tell(row("fly_away", { to: "moon" }, { text: "no" }));
  expect(told).toMatchObject({ verb: "fly_away", body: { type: "raw", text: "no" } });
});

it.each(["", "{", "null", "[]", '"x"', '{"command": 7, "todos": 3, "path": []}'])(
  "takes any arguments: %s",
  (input) => {
    for (const name of [
      "shell",
      "read_file",
      "edit_file",
      "write_file",
      "grep",
      "todo_write",
      "x",
    ]) {
      expect(() => tell(row(name, input, { text: "y" }))).not.toThrow();
    }
  },
);
