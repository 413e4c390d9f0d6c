import { describe, expect, it } from "vitest";
import { Fold } from "./fold";
import { standingOf, standingWords } from "./standing";
import type { AgentEvent, Delta, Failure, SetUpOutcome } from "./wire";

const RUN = { run: "run-1" };
const FIRST = { epoch: 1 };
const AT = "2026-01-01T00:00:00Z";
const FULL: Failure = { code: "disk_full", phase: "sandbox", message: "The disk is full." };

/** Events of a log, by what they add to the usual. */
const opened = (build?: object): AgentEvent => ({
  type: "Opened",
  settings: build ? { build } : {},
});
const started: AgentEvent = { type: "RunStarted", ...RUN };
const wanted: AgentEvent = { type: "SandboxWanted", ...FIRST, provider: "local" };
const up: AgentEvent = { type: "SandboxUp", ...FIRST, bootMs: 40 };
const ready: AgentEvent = { type: "WorkspaceReady", ...RUN, ...FIRST };
const stopped: AgentEvent = { type: "SandboxStopped", ...FIRST };
const followed: AgentEvent = {
  type: "EnvironmentRead",
  ...RUN,
  environment: { file: "x.json", install: "npm ci", terminals: [{ name: "web" }] },
};
const failedRun: AgentEvent = {
  type: "RunEnded",
  ...RUN,
  status: "ERROR",
  failure: FULL,
  result: "",
  durationMs: 1,
};

function finished(phase: string, type: "done" | "kept"): AgentEvent {
  return { type: "SetUpFinished", ...FIRST, phase, outcome: { type }, durationMs: 5 };
}

function folded(...events: AgentEvent[]): Fold {
  const fold = new Fold();
  fold.applyAll(events.map((event, at) => ({ seq: at + 1, at: AT, event })));
  return fold;
}

function stands(fold: Fold, epoch = 1) {
  const row = fold.row(`setup:${epoch}`, "setup");
  if (!row) throw new Error("there is no machine");
  const standing = standingOf(row, fold.head);
  return [standing, standingWords(row, standing)];
}

const notes = (fold: Fold) =>
  [...fold.rows.values()].flatMap((row) => (row.kind === "note" ? [row.note.type] : []));

describe("a machine that is made ready", () => {
  it("is worked on while the run goes on", () => {
    expect(stands(folded(started, wanted))[0]).toBe("working");
    expect(stands(folded(started, wanted, up))[0]).toBe("working");
    expect(stands(folded(started, wanted, up, ready))).toEqual(["ready", "Machine ready"]);
  });

  it("is worked on by nobody once the run that needed it has failed", () => {
    const tried: AgentEvent = { type: "EffectFailed", key: "bc-1/e1/provision", failure: FULL };
    const fold = folded(started, wanted, tried, failedRun, stopped);
    expect(stands(fold)).toEqual(["stopped", "The machine was stopped before it was needed"]);
    const lost: AgentEvent = { type: "SandboxLost", ...FIRST, reason: "gone" };
    expect(stands(folded(started, wanted, tried, lost, failedRun))[0]).toBe("over");
    expect(fold.row("setup:1", "setup")?.retries).toEqual([FULL]);
  });

  it("says that it failed when it never came, also after it was cleared away", () => {
    const failed: AgentEvent = { type: "SandboxFailed", ...FIRST, failure: FULL };
    const stop: AgentEvent = {
      type: "SandboxStopWanted",
      ...FIRST,
      keepDisk: false,
      reason: "broken",
    };
    const fold = folded(started, wanted, failed, failedRun, stop, stopped);
    expect(stands(fold)).toEqual(["failed", "The machine could not be made ready"]);
    expect(fold.row("setup:1", "setup")?.failure).toEqual(FULL);
  });

  it("is left when another one is made", () => {
    const again: AgentEvent = { type: "SandboxWanted", epoch: 2, provider: "local" };
    const fold = folded(started, wanted, again);
    expect(stands(fold)[0]).toBe("over");
    expect(stands(fold, 2)[0]).toBe("working");
  });

  it("is ready when somebody woke it and no run needs it", () => {
    const woken: AgentEvent = { type: "Woken", principal: "ada" };
    expect(stands(folded(woken, wanted))[0]).toBe("working");
    expect(stands(folded(woken, wanted, up))[0]).toBe("ready");
  });
});

describe("what the environment file asks for", () => {
  it("is awaited after the workspace is there, one after the other", () => {
    const before = [opened(), started, wanted, followed, up, ready];
    expect(stands(folded(...before))).toEqual([
      "settingUp",
      "Machine ready. Installing what the project needs",
    ]);
    const fold = folded(...before, finished("install", "kept"));
    expect(stands(fold)[1]).toBe("Machine ready. Opening the project's terminals");
    expect(stands(folded(...before, failedRun))[0], "nobody goes on with it").toBe("ready");
    const all = folded(...before, finished("install", "kept"), finished("terminals", "done"));
    expect(stands(all)[0]).toBe("ready");
    expect(all.row("setup:1", "setup")).toMatchObject({
      file: "x.json",
      phases: [{ phase: "install", detail: "done on this disk before" }, { phase: "terminals" }],
    });
  });

  it("shows what it prints until it is over", () => {
    const fold = folded(started, wanted, followed, up, ready);
    const say = (text: string): Delta => ({ type: "progress", ...FIRST, phase: "install", text });
    fold.delta(say("fetching"), 0);
    fold.delta(say("x".repeat(9_000)), 0);
    fold.delta(say("done"), 0);
    const output = fold.row("setup:1", "setup")?.output ?? "";
    expect(output.length).toBeLessThan(8_200);
    expect(output.endsWith("x\ndone")).toBe(true);
    fold.apply({ seq: 9, at: AT, event: finished("install", "done") });
    expect(fold.row("setup:1", "setup")?.output).toBeUndefined();
  });

  it("is told in a note where it failed, and the agent goes on", () => {
    const fold = folded(started, wanted, followed, up, ready, {
      type: "SetUpFinished",
      ...FIRST,
      phase: "install",
      outcome: { type: "failed", failure: FULL },
      durationMs: 5,
    });
    expect(notes(fold)).toEqual(["failure"]);
    expect(fold.row("setup:1", "setup")?.phases).toMatchObject([{ isFailed: true }]);
  });

  it("may be made of an image, which is fetched before", () => {
    const environment = { file: "x.json", image: "node:24" };
    const read: AgentEvent = { type: "EnvironmentRead", ...RUN, environment };
    const resolved: AgentEvent = { type: "BaseResolved", ...RUN, repos: [] };
    const chosen = (outcome: SetUpOutcome): AgentEvent => ({
      type: "ImageChosen",
      ...RUN,
      image: { reference: "node:24" },
      outcome,
      durationMs: 5,
    });
    const fold = folded(started, read, resolved);
    fold.delta({ type: "progress", ...FIRST, phase: "image", text: "node:24: fetching it" }, 0);
    const words = "The agent is getting its machine ready: fetching its image";
    expect(stands(fold)).toEqual(["working", words]);
    const whole = folded(started, read, resolved, chosen({ type: "done" }), wanted, up, ready);
    expect(stands(whole)).toEqual(["ready", "Machine ready"]);
    const row = whole.row("setup:1", "setup");
    expect(row?.phases).toMatchObject([{ phase: "image", detail: "node:24" }]);
    expect(row).toMatchObject({ file: "x.json", bases: [], provider: "local" });
    const missed = folded(started, read, resolved, chosen({ type: "failed", failure: FULL }));
    expect(notes(missed)).toEqual(["failure"]);
  });

  it("keeps what was known before it was wanted", () => {
    const resolved: AgentEvent = { type: "BaseResolved", ...RUN, repos: [] };
    const fold = folded(started, followed, resolved, wanted, up, ready);
    expect(fold.row("setup:1", "setup")).toMatchObject({ file: "x.json", bases: [] });
  });

  it("is known over a page boundary", () => {
    const log = [opened(), started, wanted, followed, up, ready, finished("install", "done")];
    const entries = log.map((event, at) => ({ seq: at + 1, at: AT, event }));
    for (let cut = 1; cut < log.length; cut += 1) {
      const [older, newer] = [new Fold(), new Fold()];
      older.applyAll(entries.slice(0, cut));
      newer.applyAll(entries.slice(cut));
      newer.prepend(older);
      const row = newer.row("setup:1", "setup");
      expect(row?.awaits ?? [], `cut at ${cut}`).not.toContain("install");
    }
  });

  it("is left out whole where the file has problems, which a note names", () => {
    const environment = { file: "x.json", install: "npm ci", problems: ["line 1: no"] };
    const fold = folded(
      started,
      wanted,
      { type: "EnvironmentRead", ...RUN, environment },
      up,
      ready,
    );
    expect(notes(fold)).toEqual(["environment"]);
    expect(stands(fold)[0]).toBe("ready");
  });
});

describe("a build", () => {
  const order = { layer: "l", environment: "e" };
  const key = "bc-1/l/freeze";
  const wantsKept: AgentEvent = { type: "SnapshotWanted", key, layer: "l", principal: "errand" };
  const made: AgentEvent = {
    type: "SnapshotMade",
    key,
    layer: "l",
    bytes: 120_000_000,
    files: 5_000,
    freezeMs: 9,
  };

  it("runs install only, and ends in what new agents begin with", () => {
    const fold = folded(opened(order), started, wanted, followed, up, ready);
    expect(fold.head.isBuild).toBe(true);
    expect(fold.row("setup:1", "setup")?.awaits).toEqual(["install"]);
    const all = folded(opened(order), wantsKept);
    expect([notes(all), all.head.isKeeping]).toEqual([[], true]);
    const over = folded(opened(order), wantsKept, made);
    expect([notes(over), over.head.isKeeping]).toEqual([["kept"], false]);
  });

  it("leaves everything as it was when its disk cannot be kept", () => {
    const failed: AgentEvent = { type: "SnapshotFailed", key, failure: FULL };
    const fold = folded(opened(order), wantsKept, failed);
    expect([notes(fold), fold.head.isKeeping]).toEqual([["notKept"], false]);
  });

  it("is told from a fork, which is for one agent and not for all", () => {
    const fold = folded(opened(), { ...wantsKept, purpose: "fork", principal: "ada" }, made);
    expect([notes(fold), fold.head.isKeeping]).toEqual([["forking"], false]);
    const fork = folded({ type: "Opened", settings: { forkedFrom: { agent: "bc-1" } } });
    expect(notes(fork)).toEqual(["forked"]);
  });

  it("is told from a machine that a person keeps", () => {
    const fold = folded(opened(), { ...wantsKept, principal: "ada" }, made);
    expect(notes(fold)).toEqual(["keeping", "kept"]);
    expect(fold.head.isBuild).toBe(false);
  });
});
