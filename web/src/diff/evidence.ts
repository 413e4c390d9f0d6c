/** What there is to show for a pull request, in words. */

import type { Schemas } from "../api/types";
import type { Tone } from "../ui/Badge";
import { plural } from "../ui/format";

export type Evidence = Schemas["EvidenceBody"];

/** How a command ended. */
export function endedOf(run: Schemas["CommandBody"]): { tone: Tone; word: string } {
  if (run.exitCode === 0) return { tone: "green", word: "Passed" };
  if (run.exitCode === undefined || run.exitCode === null) {
    return { tone: "red", word: "Did not end" };
  }
  return { tone: "red", word: `Exit code ${run.exitCode}` };
}

/** Who says how it ended. */
export const BY: Record<Schemas["CommandBy"], string> = {
  sandbox: "reported by the agent's sandbox",
  errand: "checked by Errand",
};

const DID: Record<Schemas["InterventionKind"], string> = {
  follow_up: "sent a follow-up",
  steering: "steered the agent while it worked",
  answer: "answered a question",
  takeover: "took over a terminal or the browser",
  machine: "worked in the machine",
};

/** What else a reviewer should know, a sentence each. */
export function factsOf(evidence: Evidence): string[] {
  const { denials, exceptions, plainSecrets, interventions } = evidence;
  const facts: string[] = [];
  if (denials.count > 0) {
    const more = denials.moreHosts ? ` and ${denials.moreHosts} more` : "";
    facts.push(
      `${plural(denials.count, "connection")} out of the sandbox refused: ${denials.hosts.join(", ")}${more}.`,
    );
  }
  for (const { what, by, reason } of exceptions) {
    facts.push(`${by} allowed ${what}${reason ? `: ${reason}` : "."}`);
  }
  if (plainSecrets.length > 0) {
    facts.push(`The sandbox had these secrets in plain text: ${plainSecrets.join(", ")}.`);
  }
  for (const { kind, count, by } of interventions) {
    facts.push(`${by.join(", ")} ${DID[kind]}${count > 1 ? ` ${count} times` : ""}.`);
  }
  return facts;
}
