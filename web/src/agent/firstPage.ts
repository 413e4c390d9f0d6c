/** The newest events of an agent, which may be asked for before its page's code is there. */
import { call } from "../api/client";
import type { LogEntry } from "./wire";

/** Events of the first page: enough to fill a screen, few enough to come at once. */
const FIRST_EVENTS = 120;
/** An answer older than this is asked for again. */
const FRESH_MS = 10_000;

let asked: { agent: string; atMs: number; answer: Promise<LogEntry[]> } | undefined;

/** Asks ahead for what the agent's page will ask first. */
export function askAhead(agent: string): void {
  const answer = newest(agent);
  // Whoever asks again is told what went wrong.
  answer.catch(() => undefined);
  asked = { agent, atMs: performance.now(), answer };
}

/** The newest events, oldest first; from what was asked ahead, once. */
export async function firstPage(agent: string): Promise<LogEntry[]> {
  const ahead = asked;
  asked = undefined;
  if (ahead?.agent === agent && performance.now() - ahead.atMs < FRESH_MS) {
    const answer = await ahead.answer.catch(() => undefined);
    if (answer !== undefined) return answer;
  }
  return newest(agent);
}

async function newest(agent: string): Promise<LogEntry[]> {
  const range = `before=${Number.MAX_SAFE_INTEGER}&limit=${FIRST_EVENTS}`;
  const path = `/v1/agents/${encodeURIComponent(agent)}/events?${range}`;
  return (await call<{ items: LogEntry[] }>("GET", path)).items;
}
