/** What an agent asks, as lists say it. */

import type { Agent } from "../api/types";

type Question = NonNullable<Agent["question"]>;

/** A plan is a page of its own: lists say that there is one. */
export function askedWords({ kind, text }: Question): string {
  return kind === "plan_approval" ? "May it carry out its plan?" : text;
}
