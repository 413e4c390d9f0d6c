import type { AuditRecord } from "../../api/types";
import { visibleBidi } from "../../ui/untrusted";

/** Kinds of records that can be chosen: all, or those of a noun. */
export const KINDS = [
  { id: "", label: "Everything" },
  { id: "secret", label: "Secrets" },
  { id: "egress", label: "What left" },
  { id: "egress.denied", label: "What was refused" },
  { id: "host", label: "Hosts allowed" },
  { id: "key", label: "API keys" },
  { id: "session", label: "Signing in" },
  { id: "settings", label: "Settings" },
  { id: "agent", label: "Agents" },
  { id: "run", label: "Runs" },
  { id: "git", label: "Pushes" },
  { id: "pull_request", label: "Pull requests" },
  { id: "terminal", label: "Terminals" },
  { id: "browser", label: "Browsers" },
  { id: "preview", label: "Previews" },
] as const;

/** How far back, in days. */
export const TIMES = [
  { id: "0", label: "At any time" },
  { id: "1", label: "In the last day" },
  { id: "7", label: "In the last week" },
  { id: "30", label: "In the last month" },
] as const;

const DAY_MS = 86_400_000;

/** The time so many days ago, to the hour, so that the same question is asked the same way for a while. */
export function sinceOf(days: string, nowMs: number): string {
  if (days === "0") return "";
  const hour = 3_600_000;
  return new Date(Math.floor((nowMs - Number(days) * DAY_MS) / hour) * hour).toISOString();
}

/** Who did it, as people say it. */
export function whoOf(who: string): string {
  if (who === "agent") return "the agent";
  if (who === "server") return "Errand";
  return visibleBidi(who.replace(/^key:/, ""));
}

/** Members that refer to other logs, not to what happened. */
const APART = new Set(["event", "key"]);

/** What else a record tells, as one text. */
export function detailsOf({ details }: AuditRecord): string {
  const told = Object.entries(details).filter(
    ([name, value]) => !APART.has(name) && value !== null && value !== "" && !isEmpty(value),
  );
  return visibleBidi(told.map(([name, value]) => `${name} ${textOf(value)}`).join(" · "));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value === "object" && value !== null) {
    return Object.entries(value)
      .map(([name, inner]) => `${name} ${textOf(inner)}`)
      .join(", ");
  }
  return String(value);
}
