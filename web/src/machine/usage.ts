/** Measurements of a machine as figures over time. */

import { duration } from "../ui/format";
import type { Stats } from "./queries";

/** Measurements kept for the charts. */
export const SAMPLES = 90;

const MINUTE_MS = 60_000;

export interface Sample {
  atMs: number;
  /** Of one core: 1.5 is one and a half cores. */
  cores: number;
  memoryBytes: number;
  processes: number;
}

export interface History {
  samples: readonly Sample[];
  last: Stats | undefined;
}

export const EMPTY: History = { samples: [], last: undefined };

/** Adds a measurement. CPU time is told as a sum, which falls when a process ends. */
export function withStats(history: History, stats: Stats): History {
  const { last } = history;
  if (last && stats.atMs <= last.atMs) return history;
  const cores = last ? Math.max(0, stats.cpuMs - last.cpuMs) / (stats.atMs - last.atMs) : 0;
  const sample: Sample = {
    atMs: stats.atMs,
    cores,
    memoryBytes: stats.memoryBytes,
    processes: stats.processes,
  };
  // The first measurement has nothing to be compared with.
  const samples = last ? [...history.samples, sample].slice(-SAMPLES) : [];
  return { samples, last: stats };
}

/** Points of a line in a box of 100 × 100, newest at the right, and the figure at its top. */
export function lineOf(values: readonly number[], floor: number): { points: string; top: number } {
  const top = Math.max(floor, ...values);
  const step = 100 / (SAMPLES - 1);
  const points = values.map((value, index) => {
    const x = 100 - (values.length - 1 - index) * step;
    return `${round(x)},${round(100 - (value / top) * 100)}`;
  });
  return { points: points.join(" "), top };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** When the machine goes to sleep, and why; nothing where it is not up. */
export function sleepWords(stats: Stats, nowMs: number): string | undefined {
  const { idleStopAtMs: idle, hardStopAtMs: hard } = stats;
  if (typeof hard !== "number") return undefined;
  const isIdle = typeof idle === "number";
  const left = Math.min(hard, isIdle ? idle : hard) - nowMs;
  if (left <= 0) return "Goes to sleep now.";
  const inTime = duration(left < MINUTE_MS ? left : Math.ceil(left / MINUTE_MS) * MINUTE_MS);
  if (isIdle && idle <= hard) return `Goes to sleep in ${inTime} if nothing happens until then.`;
  const limit = `Reaches its time limit in ${inTime} and goes to sleep.`;
  return isIdle ? limit : `Awake while the run works. ${limit}`;
}
