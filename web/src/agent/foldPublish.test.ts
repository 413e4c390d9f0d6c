import { expect, it } from "vitest";
import { Fold } from "./fold";
import type { LogEntry } from "./wire";

const run = "run-1";

function entry(seq: number, event: LogEntry["event"]): LogEntry {
  return { seq, at: "2026-11-23T10:00:00Z", event };
}

it("shows that a commit is checked, and then what was found", () => {
  const fold = new Fold();
  const row = () => fold.row(`publish:${run}`, "publish");
  fold.applyAll([entry(1, { type: "ChecksWanted", run, url: "u", commit: "c" })]);
  expect(row()?.checking).toBe(true);
  const checks = [{ command: "make test", exitCode: 2, durationMs: 5 }];
  const report = { url: "u", commit: "c", checks };
  fold.applyAll([entry(2, { type: "Checked", run, report })]);
  expect(row()?.checking).toBe(false);
  expect(row()?.checked).toEqual(report);
});
