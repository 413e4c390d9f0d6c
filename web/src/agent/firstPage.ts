/** The newest events of an agent, which `public/start.js` asks for before its page's code is there. */
import { call } from "../api/client";
import type { LogEntry } from "./wire";

/** Events of the first page: enough to fill a screen, few enough to come at once. */
const FIRST_EVENTS = 120;

/** Where the newest events are. */
export function firstPagePath(agent: string): string {
  const range = `before=${Number.MAX_SAFE_INTEGER}&limit=${FIRST_EVENTS}`;
  return `/v1/agents/${encodeURIComponent(agent)}/events?${range}`;
}

let ahead: { agent: string; entries: LogEntry[] } | undefined;

/** Reads them before the page of the agent is drawn. */
export async function readAhead(agent: string): Promise<void> {
  ahead = { agent, entries: await firstPage(agent) };
}

/** What was read ahead, once. */
export function takeAhead(agent: string): LogEntry[] | undefined {
  const known = ahead?.agent === agent ? ahead.entries : undefined;
  ahead = undefined;
  return known;
}

/** The newest events, oldest first. */
export async function firstPage(agent: string): Promise<LogEntry[]> {
  return (await call<{ items: LogEntry[] }>("GET", firstPagePath(agent))).items;
}
