import { beforeAll, expect, it, vi } from "vitest";
import type { Agent } from "./types";

// The client names its own address when it is loaded; a page has one, this test has not.
let agents: typeof import("./agents");
let withAgent: typeof agents.withAgent;
beforeAll(async () => {
  vi.stubGlobal("location", { origin: "http://127.0.0.1" });
  agents = await import("./agents");
  ({ withAgent } = agents);
});

const any = { search: "", status: "any", repository: "" } as const;

function agent(id: string, more: Partial<Agent> = {}): Agent {
  return {
    id,
    name: id,
    seq: 1,
    status: "IDLE",
    latestRunStatus: "FINISHED",
    createdAt: `2026-01-01T00:00:0${id}.000Z`,
    repos: [],
    sandbox: { state: "none", epoch: 0, provider: "local" },
    ...more,
  } as unknown as Agent;
}

function pages(...items: Agent[][]): Parameters<typeof withAgent>[0] {
  return { pages: items.map((each) => ({ items: each })), pageParams: items.map(() => undefined) };
}

const ids = (found: { pages: { items: Agent[] }[] }) =>
  found.pages.map(({ items }) => items.map(({ id }) => id));

it("changes an agent where it stands", () => {
  const before = pages([agent("4"), agent("3")], [agent("2")]);
  const after = withAgent(before, agent("2", { seq: 2, name: "two" }), any);
  expect(ids(after)).toEqual([["4", "3"], ["2"]]);
  expect(after.pages[1]?.items[0]?.name).toBe("two");
  expect(after.pages[0]).toBe(before.pages[0]);
});

it("keeps the newer state when an older one comes late", () => {
  const before = pages([agent("1", { seq: 9 })]);
  expect(withAgent(before, agent("1", { seq: 4 }), any)).toBe(before);
});

it("puts a new agent first and leaves unknown old ones to their page", () => {
  const before = pages([agent("3")]);
  expect(ids(withAgent(before, agent("4"), any))).toEqual([["4", "3"]]);
  expect(withAgent(before, agent("2"), any)).toBe(before);
});

it("takes away what fits the filter no more", () => {
  const before = pages([agent("2"), agent("1")]);
  const archived = agent("2", { seq: 2, status: "ARCHIVED" });
  expect(ids(withAgent(before, archived, any))).toEqual([["1"]]);
  const failed = { ...any, status: "failed" } as const;
  expect(ids(withAgent(pages([agent("2")]), agent("2", { seq: 2 }), failed))).toEqual([[]]);
});

it("brings an answer up to date with what was told while it was on its way", async () => {
  let answer: ((items: Agent[]) => void) | undefined;
  vi.stubGlobal(
    "fetch",
    () =>
      new Promise<Response>((done) => {
        answer = (items) => done(Response.json({ items }));
      }),
  );
  const { signal } = new AbortController();
  const page = agents.fetchPage(any, undefined, signal);
  const archived = agent("3", { seq: 2, status: "ARCHIVED" });
  for (const told of [agent("2", { seq: 2, name: "two" }), archived, agent("5")]) {
    agents.putAgent(told);
  }
  agents.dropAgent("1");
  await vi.waitFor(() => expect(answer).toBeDefined());
  answer?.([agent("4"), agent("3"), agent("2"), agent("1")]);
  const { items } = await page;
  expect(items.map(({ id }) => id)).toEqual(["5", "4", "2"]);
  expect(items[2]?.name).toBe("two");
});
