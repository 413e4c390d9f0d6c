import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Fold } from "./fold";
import { spentAfter } from "./head";
import type { Row } from "./rows";
import type { Delta, LogEntry } from "./wire";

/** Logs recorded from a real server with the scripted model, with the deltas a watcher saw. */
type Recorded = ({ event: LogEntry } | { delta: Delta })[];

const FOLDER = new URL("../../tests/fixtures/logs/", import.meta.url);

function recorded(name: string): Recorded {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) as Recorded;
}

function entries(name: string): LogEntry[] {
  return recorded(name).flatMap((item) => ("event" in item ? [item.event] : []));
}

function folded(log: readonly LogEntry[]): Fold {
  const fold = new Fold();
  fold.applyAll(log);
  return fold;
}

function watched(name: string): Fold {
  const fold = new Fold();
  for (const item of recorded(name)) {
    if ("event" in item) fold.apply(item.event);
    else fold.delta(item.delta, 0);
  }
  return fold;
}

function rows(fold: Fold): Row[] {
  return fold.keys.map((key) => {
    const row = fold.rows.get(key);
    if (!row) throw new Error(`no row ${key}`);
    return row;
  });
}

function kinds(name: string): string[] {
  return rows(folded(entries(name))).map((row) => (row.kind === "note" ? row.note.type : row.kind));
}

const names = readdirSync(FOLDER).map((file) => file.replace(".json", ""));

describe("every recorded log", () => {
  it.each(names)("%s: each key stands once and has its row", (name) => {
    const fold = watched(name);
    expect(new Set(fold.keys).size).toBe(fold.keys.length);
    expect([...fold.rows.keys()].sort()).toEqual([...fold.keys].sort());
  });

  it.each(names)("%s: with deltas in between it ends with the same rows", (name) => {
    const strip = (row: Row) => ({
      ...row,
      ...{ seq: 0, at: 0, upto: 0 },
      ...{ live: undefined, gap: undefined, progress: undefined },
    });
    const shown = (fold: Fold) =>
      rows(fold)
        .filter((row) => row.kind !== "retry")
        .map((row) => JSON.stringify(strip(row)));
    // What was being written when a run was cut off is known to its watchers only.
    if (name === "cancel") return;
    expect(shown(watched(name)).sort()).toEqual(shown(folded(entries(name))).sort());
  });

  it.each(names)("%s: cut in two pages anywhere, it ends with the same rows", (name) => {
    const log = entries(name);
    const whole = folded(log);
    for (let cut = 1; cut < log.length; cut += 1) {
      const fold = folded(log.slice(cut));
      fold.prepend(folded(log.slice(0, cut)));
      expect(fold.keys, `cut at ${cut}`).toEqual(whole.keys);
      expect(fold.first).toBe(1);
      expect(fold.weight).toBe(whole.weight);
    }
  });
});

it("tells an errand from message to pull request", () => {
  expect(kinds("errand").filter((kind) => kind !== "thinking")).toEqual([
    "prompt",
    "setup",
    ...["text", "call", "call"],
    ...["text", "call", "call"],
    ...["text", "call"],
    ...["text", "call"],
    "text",
    "publish",
    "end",
  ]);
  const publish = rows(folded(entries("errand"))).find((row) => row.kind === "publish");
  expect(publish).toMatchObject({ pulls: [{ number: 1 }], checkpoint: [{ newCommits: 1 }] });
});

it("keeps failure, code and phase of a run that failed", () => {
  const end = rows(folded(entries("failed"))).find((row) => row.kind === "end");
  expect(end).toMatchObject({ kind: "end", status: "ERROR", failure: { code: "model_auth" } });
});

it("puts a queued message where its run starts", () => {
  const fold = folded(entries("steer").filter(({ seq }) => seq <= 14));
  expect(fold.head.queue.map((row) => row.prompt?.text.split("\n")[0])).toEqual(["And then this."]);
  expect(fold.head.steers).toHaveLength(1);
  const all = folded(entries("steer"));
  expect(all.head.queue).toEqual([]);
  expect(kinds("steer")).toEqual([
    ...["prompt", "setup", "text", "call", "steer", "text", "call", "text", "publish", "end"],
    ...["prompt", "text", "publish", "end"],
  ]);
});

it("shows a question in place of its call, with the answer", () => {
  expect(kinds("question")).toEqual(["prompt", "setup", "question", "text", "end"]);
  const question = rows(folded(entries("question")))[2];
  expect(question).toMatchObject({ answer: { text: "Green", principal: "admin" } });
});

it("counts refused connections by host", () => {
  const denied = rows(folded(entries("denied"))).filter((row) => row.kind === "note");
  expect(denied.map((row) => row.note)).toMatchObject([
    { host: "evil.example.com", count: 1 },
    { host: "203.0.113.9", count: 1 },
  ]);
});

it("keeps a call that was running when its machine was lost, and prepares another machine", () => {
  expect(kinds("lost").filter((kind) => kind === "setup" || kind === "lost")).toEqual([
    "setup",
    "lost",
    "setup",
  ]);
});

it("ends what was running when a run is cancelled", () => {
  const call = rows(watched("cancel")).find((row) => row.kind === "call");
  expect(call).toMatchObject({ state: "stopped" });
  expect(folded(entries("cancel")).head.active).toBeUndefined();
});

it("grows a text block with each delta and leaves other rows as they are", () => {
  const fold = new Fold();
  const log = recorded("errand");
  const at = log.findIndex((item) => "delta" in item && item.delta.type === "text");
  for (const item of log.slice(0, at)) {
    if ("event" in item) fold.apply(item.event);
  }
  const before = new Map(fold.rows);
  for (const item of log.slice(at, at + 2)) if ("delta" in item) fold.delta(item.delta, 0);
  expect(fold.rows.get("b:1:0")).toMatchObject({
    kind: "thinking",
    live: true,
    text: "A small repository. Before I change anything I want to see what is there.",
  });
  for (const [key, row] of before) expect(fold.rows.get(key)).toBe(row);
});

it("marks text whose middle was missed", () => {
  const fold = new Fold();
  const place = { run: "run-1", step: 1, attempt: 1 };
  const at = "2026-01-01T00:00:00Z";
  fold.apply({ seq: 1, at, event: { type: "StepStarted", ...place, model: "m" } });
  const text = (part: string, end: number): Delta => ({
    type: "text",
    kind: "text",
    ...place,
    text: part,
    end,
  });
  fold.delta(text("hé", 3), 0);
  fold.delta(text("late", 20), 0);
  fold.delta(text("late", 20), 0);
  expect(fold.rows.get("b:1:0")).toMatchObject({ text: "hé … late", gap: true });
});

it("throws away what was written before a retry", () => {
  const fold = watched("retry");
  expect(fold.row("retry:1", "retry")).toMatchObject({ attempts: 3 });
  expect(rows(fold).filter((row) => row.kind === "text")).toHaveLength(1);
});

it("bounds the output of a running command", () => {
  const fold = new Fold();
  const at = "2026-01-01T00:00:00Z";
  const call = { run: "run-1", step: 1, call: "c", epoch: 1, name: "shell", arguments: "{}" };
  fold.apply({ seq: 1, at, event: { type: "ToolCalled", ...call } });
  const text = "x".repeat(10_000);
  for (let i = 0; i < 500; i += 1) {
    const offset = i * text.length;
    fold.delta({ type: "output", run: "run-1", call: "c", stream: "stdout", offset, text }, 0);
  }
  expect(fold.weight).toBeLessThan(80_000);
  expect(fold.row("call:c", "call")).toMatchObject({ outputCut: true });
});

it("drops the oldest rows and can read them again", () => {
  const log = entries("errand");
  const whole = folded(log);
  const fold = folded(log);
  expect(fold.dropOldest(6, Number.POSITIVE_INFINITY)).toBe(true);
  expect(fold.keys).toHaveLength(6);
  fold.prepend(folded(log.filter(({ seq }) => seq < fold.first)));
  expect(fold.keys).toEqual(whole.keys);
});

it("counts what steps cost behind an event", () => {
  const { head } = folded(entries("errand"));
  const all = spentAfter(head, 0).tokens;
  const some = spentAfter(head, 20).tokens;
  expect(some).toBeGreaterThan(0);
  expect(some).toBeLessThan(all);
});

it("folds 50,000 events in linear time", () => {
  const fold = new Fold();
  const at = "2026-01-01T00:00:00Z";
  let seq = 0;
  const put = (event: LogEntry["event"]) => fold.apply({ seq: ++seq, at, event });
  for (let step = 1; seq < 50_000; step += 1) {
    const where = { run: "run-1", step };
    const call = `c${step}`;
    put({ type: "StepStarted", ...where, attempt: 1, model: "m" });
    put({
      type: "MessageFinished",
      ...where,
      attempt: 1,
      parts: [{ type: "toolCall", call, name: "shell", arguments: "{}" }],
    });
    put({ type: "ToolCalled", ...where, call, epoch: 1, name: "shell", arguments: "{}" });
    put({
      type: "ToolReturned",
      ...where,
      call,
      result: { text: "x", isError: false },
      durationMs: 1,
    });
  }
  expect(fold.keys).toHaveLength(12_500);
});

describe("strangers' text, secrets and a way out", () => {
  const at = "2026-11-20T10:00:00Z";
  const reading = { integrity: "web", source: "what docs.example answered" };
  const legs = { secrets: ["TOKEN"], outward: ["drop.example"], whenAllThree: "narrow" } as const;
  const met: LogEntry["event"][] = [
    { type: "LegsChanged", legs: { ...legs, secrets: [...legs.secrets], outward: [] } },
    { type: "IntegrityLowered", epoch: 1, reading },
    {
      type: "AllThreeMet",
      reading,
      legs: { ...legs, secrets: ["TOKEN"], outward: ["drop.example"] },
    },
  ];
  const notes = (events: LogEntry["event"][]) =>
    rows(folded(events.map((event, nth) => ({ seq: nth + 1, at, event })))).flatMap((row) =>
      row.kind === "note" ? [row.note] : [],
    );

  it("are told once, with what was read", () => {
    expect(notes(met)).toMatchObject([{ type: "allThree", reading, isAllowed: false }]);
  });

  it("are told to be allowed at the level that was allowed", () => {
    const allowed = (integrity: string) =>
      notes([...met, { type: "FlowAllowed", integrity, principal: "ada" }]);
    expect(allowed("web")).toMatchObject([{ isAllowed: true }, { principal: "ada" }]);
    expect(allowed("outsider")).toMatchObject([{ isAllowed: false }, { principal: "ada" }]);
  });
});
