import { describe, expect, it } from "vitest";
import { EMPTY, lineOf, SAMPLES, withStats } from "./usage";

function stats(atMs: number, cpuMs: number) {
  return { atMs, cpuMs, memoryBytes: 1, processes: 1, diskUsedBytes: 0, diskTotalBytes: 1 };
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
