import { test } from "@playwright/test";

/** Tells medians of what was measured, to people and to the report. */
export function figure(what: string, values: readonly number[]): void {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
  const words = `${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, of ${sorted.length}`;
  test.info().annotations.push({ type: "figure", description: words });
  // biome-ignore lint/suspicious/noConsole: the figure is what is asked for
  console.log(words);
}
