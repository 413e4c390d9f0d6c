import { describe, expect, it } from "vitest";
import type { BuildBody } from "../../api/types";
import {
  beginningOf,
  changeOf,
  changesOf,
  forgettingOf,
  groupsOf,
  namesOf,
  statusOf,
} from "./builds";

const SHOP = "https://git.example.com/team/shop.git";
const API = "git@git.example.com:team/api.git";

function build(layer: string, more: Partial<BuildBody> = {}): BuildBody {
  return {
    id: `bc-${layer}`,
    layer,
    repos: [SHOP],
    status: "READY",
    origin: "asked",
    current: false,
    pinned: false,
    createdAt: "2026-01-01T00:00:00Z",
    commits: [],
    bytes: 0,
    files: 0,
    ...more,
  };
}

it("puts builds of the same repositories together, the newest first", () => {
  const both = [SHOP, API];
  const groups = groupsOf([
    build("1", { createdAt: "2026-01-01T00:00:00Z" }),
    build("3", { createdAt: "2026-01-03T00:00:00Z" }),
    build("2", { createdAt: "2026-01-02T00:00:00Z", repos: both }),
    build("4", { createdAt: "2026-01-04T00:00:00Z", repos: both }),
  ]);
  expect(groups.map(({ repos }) => namesOf(repos))).toEqual([
    "team/shop and team/api",
    "team/shop",
  ]);
  expect(groups.map(({ builds }) => builds.map(({ layer }) => layer))).toEqual([
    ["4", "2"],
    ["3", "1"],
  ]);
});

it("says how a build stands", () => {
  expect(statusOf(build("1", { status: "RUNNING" })).word).toBe("Building");
  expect(statusOf(build("1", { status: "FAILED" })).word).toBe("Failed");
  expect(statusOf(build("1")).word).toBe("Ready");
  expect(statusOf(build("1", { current: true })).word).toBe("Current");
});

describe("what new agents begin with", () => {
  const said = (...builds: BuildBody[]) => beginningOf({ key: "", repos: [SHOP], builds });

  it("is the pinned build before the newest", () => {
    const pinned = build("1", { current: true, pinned: true });
    expect(said(build("2"), pinned)).toContain("the pinned build");
    expect(said(build("2", { current: true }), build("1"))).toContain("the newest build");
  });

  it("is nothing as long as none is ready", () => {
    expect(said(build("1", { status: "RUNNING" }))).toContain("until this build is ready");
    expect(said(build("1", { status: "FAILED" }))).toContain("no build is ready");
  });
});

it("says what forgetting a build changes", () => {
  const [one, other] = [build("1", { current: true }), build("2")];
  expect(forgettingOf(one, [one, other])).toContain("begin with the newest other build");
  expect(forgettingOf(one, [one])).toContain("begin from scratch");
  expect(forgettingOf(other, [one, other])).toBe("Agents that began with it go on as they are.");
  expect(forgettingOf(build("3", { status: "RUNNING" }), [])).toContain("ended at once");
});

it("says how what runs by itself differs from the build before", () => {
  const change = { path: "/home/agent/.bashrc", kind: "startup", change: "changed" };
  expect(changeOf(change)).toBe("Changed, read at a start:");
  expect(changeOf({ ...change, kind: "knownProgram", change: "added" })).toBe(
    "Added, a program that everybody calls:",
  );
  expect(changesOf({ items: [], whole: true })).toContain("brings no program");
  expect(changesOf({ items: [change], whole: true })).toContain("where programs are looked for");
  expect(changesOf({ beside: "bc-1", items: [], whole: true })).toContain("Nothing");
  expect(changesOf({ beside: "bc-1", items: [change], whole: true })).toContain("Beside");
});
