/** What people may ask for at a host, between the form and the server. */
import type { TriggersBody } from "./queries";

/** The form: lists are one text each. */
export interface Draft extends Omit<TriggersBody, "labels" | "bots"> {
  labels: string;
  bots: string;
}

export function draftOf(triggers: TriggersBody): Draft {
  return { ...triggers, labels: triggers.labels.join(", "), bots: triggers.bots.join(", ") };
}

export function triggersOf(draft: Draft): TriggersBody {
  return {
    ...draft,
    name: draft.name.trim(),
    labels: listed(draft.labels),
    bots: listed(draft.bots),
  };
}

/** The entries of a list with commas, each once. */
function listed(text: string): string[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return [...new Set(entries)].filter((entry) => entry !== "");
}
