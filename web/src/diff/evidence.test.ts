import { expect, it } from "vitest";
import { type Evidence, endedOf, factsOf } from "./evidence";

const EVIDENCE: Evidence = {
  commands: [],
  moreCommands: 0,
  unproven: [],
  denials: { count: 3, hosts: ["a.test", "b.test"], moreHosts: 1 },
  exceptions: [
    { what: "connections to docs.test", by: "ann" },
    { what: "a push that the gate had stopped", by: "bob", reason: "a sample" },
  ],
  plainSecrets: ["TOKEN"],
  interventions: [
    { kind: "follow_up", count: 2, by: ["ann", "bob"] },
    { kind: "takeover", count: 1, by: ["ann"] },
  ],
  durationMs: 1000,
};

it("says what was refused, allowed and done by people", () => {
  expect(factsOf(EVIDENCE)).toEqual([
    "3 connections out of the sandbox refused: a.test, b.test and 1 more.",
    "ann allowed connections to docs.test.",
    "bob allowed a push that the gate had stopped: a sample",
    "The sandbox had these secrets in plain text: TOKEN.",
    "ann, bob sent a follow-up 2 times.",
    "ann took over a terminal or the browser.",
  ]);
});

it("calls nothing passed that did not end with 0", () => {
  const run = { command: "make", durationMs: 1, by: "sandbox" } as const;
  expect(endedOf({ ...run, exitCode: 0 })).toEqual({ tone: "green", word: "Passed" });
  expect(endedOf({ ...run, exitCode: 2 }).word).toBe("Exit code 2");
  expect(endedOf(run).word).toBe("Did not end");
});
