import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../api/types";
import { detailsOf, sinceOf, whoOf } from "./words";

const record = (details: AuditRecord["details"]): AuditRecord => ({
  seq: 1,
  at: "2026-10-04T12:00:00.000Z",
  kind: "egress.passed",
  who: "agent",
  details,
  hash: "00",
});

describe("records in words", () => {
  it("tells who did it", () => {
    expect([whoOf("key:Ada"), whoOf("agent"), whoOf("server")]).toEqual([
      "Ada",
      "the agent",
      "Errand",
    ]);
  });

  it("tells what is there, and shows signs that turn text around", () => {
    const details = {
      host: "a.example",
      methods: { GET: 2, POST: 1 },
      hosts: ["b", "c"],
      statuses: {},
      code: null,
      event: { seq: 1, hash: "ff" },
      key: "id",
    };
    expect(detailsOf(record(details))).toBe("host a.example · methods GET 2, POST 1 · hosts b, c");
    expect(detailsOf(record({ host: "a\u202eb" }))).not.toContain("\u202e");
  });

  it("goes back whole hours", () => {
    const now = Date.parse("2026-10-04T12:34:56Z");
    expect(sinceOf("1", now)).toBe("2026-10-03T12:00:00.000Z");
    expect(sinceOf("0", now)).toBe("");
  });
});
