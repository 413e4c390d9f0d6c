/** Risks that the server saw in a diff, and how the page puts them. */

import type { Schemas } from "../api/types";
import type { Tone } from "../ui/Badge";

export type Review = Schemas["ReviewBody"];
type Severity = Schemas["FindingSeverity"];

/** A risk seen in a diff; with a line it stands under that line, too. */
export interface Finding {
  id: string;
  /** Place of the repository among the agent's. */
  repoIndex: number;
  path: string;
  side: "before" | "after";
  line: number | undefined;
  severity: Severity;
  /** What it is and what to do; it may quote the diff. */
  title: string;
  /** Stable name of what found it. */
  rule: string;
}

/** Colour and word of each loudness. */
export const SEVERITY: Record<Severity, { tone: Tone; word: string }> = {
  info: { tone: "neutral", word: "Info" },
  notice: { tone: "blue", word: "Notice" },
  warning: { tone: "amber", word: "Risk" },
  high: { tone: "red", word: "High risk" },
};

/** What a number of points means. */
export const RISK: Record<Schemas["RiskBand"], { tone: Tone; word: string; advice: string }> = {
  low: { tone: "green", word: "Low risk", advice: "Review as usual." },
  medium: { tone: "amber", word: "Medium risk", advice: "Read each alarm." },
  high: {
    tone: "red",
    word: "High risk",
    advice: "Do not merge before each alarm is explained.",
  },
};

/** The findings of one repository, as the page shows them. */
export function findingsOf(review: Review | null | undefined, repoIndex: number): Finding[] {
  return (review?.findings ?? []).map((found, index) => ({
    id: `${repoIndex}:${index}:${found.rule}`,
    repoIndex,
    path: found.path ?? "",
    side: found.side ?? "after",
    line: found.line ?? undefined,
    severity: found.severity,
    title: found.why,
    rule: found.rule,
  }));
}

/** `src/main.rs:12`, and the side where it is the old one. */
export function whereOf({ path, line, side }: Finding): string {
  if (path === "") return "The whole diff";
  if (line === undefined) return path;
  return `${path}:${line}${side === "before" ? " (before the change)" : ""}`;
}

/** A sentence with what it quotes of the diff apart; an odd quotation mark is no more than that. */
export function quotesOf(why: string): { text: string; isQuote: boolean }[] {
  const parts = why.split("`");
  if (parts.length % 2 === 0) return [{ text: why, isQuote: false }];
  return parts
    .map((text, index) => ({ text, isQuote: index % 2 === 1 }))
    .filter(({ text }) => text !== "");
}
