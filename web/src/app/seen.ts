import type { Agent } from "../api/types";
import { Stored } from "./stored";

const KEPT = 2000;

/** What a person has read, per browser: the newest event seen of each agent. */
export interface Seen {
  /** When this browser first came; older agents are not news. */
  since: string;
  seqs: Record<string, number>;
}

export const seen = new Stored<Seen>("seen", parseSeen);

/** Notes that the agent was looked at. */
export function markSeen(agent: Agent): void {
  const now = seen.get();
  if ((now.seqs[agent.id] ?? -1) >= agent.seq) return;
  const { [agent.id]: _, ...others } = now.seqs;
  const kept = Object.entries(others).slice(-(KEPT - 1));
  seen.set({ since: now.since, seqs: { ...Object.fromEntries(kept), [agent.id]: agent.seq } });
}

/** Whether the agent came to rest, or asks, since it was last looked at. */
export function isUnread(agent: Agent, now: Seen): boolean {
  if (agent.status === "ARCHIVED") return false;
  if (agent.status === "ACTIVE" && agent.question == null) return false;
  const seq = now.seqs[agent.id];
  return seq === undefined ? agent.updatedAt > now.since : agent.seq > seq;
}

function parseSeen(value: unknown): Seen {
  const found = typeof value === "object" && value !== null ? (value as Partial<Seen>) : {};
  const seqs = typeof found.seqs === "object" && found.seqs !== null ? found.seqs : {};
  return {
    since: typeof found.since === "string" ? found.since : new Date().toISOString(),
    seqs,
  };
}
