import { describe, expect, it } from "vitest";
import { EMPTY, lineOf, SAMPLES, sleepWords, withStats } from "./usage";

function stats(atMs: number, cpuMs: number) {
  const limits = { processesLimit: 10, cpuLimitMillis: 2000 };
  const disk = { diskUsedBytes: 0, diskTotalBytes: 1 };
  return { atMs, cpuMs, memoryBytes: 1, processes: 1, ...limits, ...disk };
}

describe("withStats", () => {
  it("tells cores from the difference of two measurements", () => {
    const one = withStats(EMPTY, stats(1_000, 500));
    expect(one.samples).toEqual([]);
    expect(withStats(one, stats(3_000, 3_500)).samples[0]?.cores).toBe(1.5);
  });

  it("takes CPU time that fell because a process ended for none", () => {
    const one = withStats(EMPTY, stats(1_000, 5_000));
    expect(withStats(one, stats(2_000, 10)).samples[0]?.cores).toBe(0);
  });

  it("ignores a measurement told twice and keeps only so many", () => {
    let history = withStats(EMPTY, stats(1, 0));
    for (let at = 2; at < 500; at += 1) history = withStats(history, stats(at, at));
    expect(history.samples).toHaveLength(SAMPLES);
    expect(withStats(history, stats(499, 0))).toBe(history);
  });
});

describe("lineOf", () => {
  it("puts the newest value at the right and scales to the largest", () => {
    const { points, top } = lineOf([1, 2], 1);
    expect(top).toBe(2);
    expect(points.split(" ").at(-1)).toBe("100,0");
  });
});

describe("sleepWords", () => {
  const at = (idle: number | null, hard: number | null) =>
    sleepWords({ ...stats(0, 0), idleStopAtMs: idle, hardStopAtMs: hard }, 1_000);

  it("counts down to what comes first", () => {
    expect(at(601_000, 3_601_000)).toBe("Goes to sleep in 10 min if nothing happens until then.");
    expect(at(3_601_000, 601_000)).toBe("Reaches its time limit in 10 min and goes to sleep.");
  });

  it("says that a run keeps it awake, up to its time limit", () => {
    expect(at(null, 601_000)).toBe(
      "Awake while the run works. Reaches its time limit in 10 min and goes to sleep.",
    );
  });

  it("does not count below nothing", () => {
    expect(at(500, 3_601_000)).toBe("Goes to sleep now.");
    expect(at(null, null)).toBeUndefined();
  });
});
