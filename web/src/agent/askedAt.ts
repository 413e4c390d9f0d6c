/** Messages that were asked for at a forge: what was asked, and what only came with it. */
import type { AskedAt, Prompt } from "./wire";

/** How what stands beside an order begins (`BESIDE` of the protocol). */
const BESIDE = "\nWhat follows belongs to it.";
/** Times in a row that failing checks are mended. */
const FIXES = 10;

/** A message in two: the order, and what its author did not write. */
export function parted(prompt: Prompt): { order: string; beside: string } {
  const at = prompt.askedAt ? prompt.text.indexOf(BESIDE) : -1;
  if (at < 0) return { order: prompt.text, beside: "" };
  return { order: prompt.text.slice(0, at).trimEnd(), beside: prompt.text.slice(at).trim() };
}

/** Where a message was asked, before the name of the thread. */
export function askedWords({ fix }: AskedAt): string {
  return fix === undefined ? "asked in" : "mending failing checks of";
}

/** Which time in a row it is that failing checks are mended. */
export function timesWords({ fix }: AskedAt): string {
  return fix === undefined ? "" : `, ${fix} of ${FIXES}`;
}

/** The name of a thread, as hosts write it. */
export function threadName({ thread }: AskedAt): string {
  return `${thread.repository} #${thread.number}`;
}
