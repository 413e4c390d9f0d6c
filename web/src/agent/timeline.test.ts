import { expect, it } from "vitest";
import { type Feed, Timeline, type TimelineWorld } from "./timeline";
import type { LogEntry } from "./wire";

const AT = "2026-01-01T00:00:00Z";

/** Steps of one call each, four events a step, in one run; what calls print may be padded. */
function log(steps: number, padding = ""): LogEntry[] {
  const entries: LogEntry[] = [];
  const put = (event: LogEntry["event"]) =>
    entries.push({ seq: entries.length + 1, at: AT, event });
  const run = "run-1";
  put({ type: "RunStarted", run });
  for (let step = 1; step <= steps; step += 1) {
    const [where, call] = [{ run, step }, `c${step}`];
    const [name, text] = ["shell", `{"command":"echo ${step}"}`];
    const parts = [{ type: "toolCall" as const, call, name, arguments: text }];
    put({ type: "StepStarted", ...where, attempt: 1, model: "m" });
    put({ type: "MessageFinished", ...where, attempt: 1, parts });
    put({ type: "ToolCalled", ...where, call, epoch: 1, name, arguments: text });
    put({
      type: "ToolReturned",
      ...where,
      call,
      result: { text: `${step}${padding}`, isError: false },
      durationMs: 1,
    });
  }
  return entries;
}

/** A server that has a log and passes on what is appended to it. */
class Server implements TimelineWorld {
  feed: Feed | undefined;
  asked = 0;
  readonly #frames: (() => void)[] = [];

  constructor(readonly entries: LogEntry[]) {}

  newest() {
    return this.page({ before: Number.MAX_SAFE_INTEGER, limit: 120 });
  }

  async page({ before, after, limit }: { before?: number; after?: number; limit: number }) {
    this.asked += 1;
    if (before !== undefined) return this.entries.filter(({ seq }) => seq < before).slice(-limit);
    return this.entries.filter(({ seq }) => seq > (after ?? 0)).slice(0, limit);
  }

  watch(_after: number, feed: Feed) {
    this.feed = feed;
    return () => {
      this.feed = undefined;
    };
  }

  append(entries: LogEntry[]) {
    this.entries.push(...entries);
    this.feed?.onEvents(entries);
  }

  frame(act: () => void) {
    this.#frames.push(act);
  }

  now() {
    return 0;
  }

  /** Lets everything come to rest. */
  async settle() {
    for (let turn = 0; turn < 20; turn += 1) {
      await Promise.resolve();
      for (const act of this.#frames.splice(0)) act();
    }
  }
}

async function opened(entries: LogEntry[]): Promise<[Timeline, Server]> {
  const server = new Server(entries);
  const timeline = new Timeline(server);
  timeline.start();
  await server.settle();
  return [timeline, server];
}

it("opens with the newest events and one request", async () => {
  const entries = log(12_500);
  entries.splice(-2, 0, {
    seq: 0,
    at: AT,
    event: { type: "TodosChanged", run: "run-1", todos: [] },
  });
  const [timeline, server] = await opened(entries.map((entry, at) => ({ ...entry, seq: at + 1 })));
  expect(server.asked).toBe(1);
  expect(timeline.shown.keys.at(-1)).toBe("call:c12500");
  expect(timeline.shown.keys.length).toBeLessThan(100);
  expect(timeline.situation).toMatchObject({ phase: "ready", older: "more" });
});

it("reads back to the beginning without a hole or a double", async () => {
  const [timeline, server] = await opened(log(1000));
  for (let page = 0; page < 20 && timeline.situation.older === "more"; page += 1) {
    await timeline.loadOlder();
    await server.settle();
  }
  const expected = Array.from({ length: 1000 }, (_, at) => `call:c${at + 1}`);
  expect(timeline.shown.keys).toEqual(["prompt:run-1", ...expected]);
  for (const key of expected) expect(timeline.row(key)).toMatchObject({ state: "done" });
  expect(timeline.situation.older).toBe("none");
});

it("stays small while it follows an endless run", async () => {
  const all = log(30_000);
  const [timeline, server] = await opened(all.slice(0, 1000));
  for (let at = 1000; at < all.length; at += 500) {
    server.append(all.slice(at, at + 500));
    await server.settle();
  }
  expect(timeline.shown.keys.length).toBeLessThanOrEqual(3500);
  expect(timeline.shown.keys.at(-1)).toBe("call:c30000");
  timeline.follow(false);
  const top = timeline.shown.keys[0];
  await timeline.loadOlder();
  await server.settle();
  const at = timeline.shown.keys.indexOf(top ?? "");
  expect(at).toBeGreaterThan(0);
  const before = timeline.shown.keys[at - 1];
  expect(Number(before?.slice(6))).toBe(Number(top?.slice(6)) - 1);
});

it("stays small at the end that nobody sees, and joins it without a hole", async () => {
  const all = log(5000);
  const [timeline, server] = await opened(all.slice(0, 2000));
  await timeline.goTo(1);
  for (let at = 2000; at < all.length; at += 500) {
    server.append(all.slice(at, at + 500));
    await server.settle();
  }
  expect(timeline.situation.isPast).toBe(true);
  const expected = Array.from({ length: 5000 }, (_, at) => `call:c${at + 1}`);
  timeline.latest();
  const { keys } = timeline.shown;
  expect(keys.length).toBeLessThanOrEqual(3500);
  expect(keys).toEqual(expected.slice(-keys.length));
  await timeline.goTo(1);
  for (let page = 0; page < 50 && timeline.situation.isPast; page += 1) await timeline.loadNewer();
  expect(timeline.shown.keys).toEqual(["prompt:run-1", ...expected]);
});

it("lets the end go on apart, once what is kept for a reader above it is too much", async () => {
  const all = log(2000, "x".repeat(100_000));
  const [timeline, server] = await opened(all.slice(0, 400));
  timeline.follow(false);
  const top = timeline.shown.keys[0];
  for (let at = 400; at < all.length; at += 400) {
    server.append(all.slice(at, at + 400));
    await server.settle();
  }
  expect(timeline.situation.isPast).toBe(true);
  expect(timeline.shown.keys[0]).toBe(top);
  expect(timeline.shown.keys.length).toBeLessThan(700);
  timeline.latest();
  expect(timeline.shown.keys.at(-1)).toBe("call:c2000");
  expect(timeline.shown.keys.length).toBeLessThan(300);
});

it("jumps far back, reads on until it meets the end, and goes on being told", async () => {
  const all = log(2000);
  const [timeline, server] = await opened(all.slice(0, -4));
  await timeline.goTo(1);
  expect(timeline.situation.isPast).toBe(true);
  expect(timeline.shown.keys[0]).toBe("prompt:run-1");
  server.feed?.onEvents(all.slice(-4));
  await server.settle();
  expect(timeline.shown.keys).not.toContain("call:c2000");
  for (let page = 0; page < 50 && timeline.situation.isPast; page += 1) await timeline.loadNewer();
  expect(timeline.shown.keys).toEqual([
    "prompt:run-1",
    ...Array.from({ length: 2000 }, (_, at) => `call:c${at + 1}`),
  ]);
});

it("returns to the end from the past", async () => {
  const [timeline] = await opened(log(2000));
  const before = timeline.shown.keys;
  await timeline.goTo(1);
  timeline.latest();
  expect(timeline.shown.keys).toEqual(before);
});

it("is told nothing twice after a reconnect", async () => {
  const all = log(100);
  const [timeline, server] = await opened(all.slice(0, 200));
  const told: number[] = [];
  timeline.subscribeEvents(({ seq }) => told.push(seq));
  server.feed?.onEvents(all.slice(190, 300));
  server.feed?.onEvents(all.slice(250));
  await server.settle();
  expect(told).toEqual(all.slice(200).map(({ seq }) => seq));
});

it("tells only the row that changed", async () => {
  const all = log(50);
  const [timeline, server] = await opened(all.slice(0, -1));
  const changed: string[] = [];
  for (const key of timeline.shown.keys) timeline.subscribeRow(key, () => changed.push(key));
  const shown = timeline.shown;
  server.feed?.onEvents(all.slice(-1));
  await server.settle();
  expect(changed).toEqual(["call:c50"]);
  expect(timeline.shown).toBe(shown);
});

it("says when the first page fails, and tries again", async () => {
  const server = new Server(log(3));
  const page = server.page.bind(server);
  server.page = () => Promise.reject(new Error("down"));
  const timeline = new Timeline(server);
  timeline.start();
  await server.settle();
  expect(timeline.situation.phase).toBe("failed");
  server.page = page;
  timeline.retry();
  await server.settle();
  expect(timeline.situation.phase).toBe("ready");
});

it("finds the to-do list of the run under way, where it was written before the first page", async () => {
  const entries = log(500);
  const todos = [{ text: "Read it all", state: "in_progress" as const }];
  entries[20] = { seq: 21, at: AT, event: { type: "TodosChanged", run: "run-1", todos } };
  const [timeline] = await opened(entries);
  expect(timeline.head.todos).toEqual({ run: "run-1", todos });
});
