/** What the next page will need, fetched before anybody asks for it. */
import { readAhead } from "../agent/firstPage";
import { isAskedAhead } from "../api/asked";
import { agentQuery, queryClient, sessionQuery } from "../api/queries";
import { type PageCode, pages } from "./pages";

/** The longest that a busy browser puts it off, in milliseconds. */
const PATIENCE_MS = 2_000;
/** The address of an agent's conversation. */
const CONVERSATION = /^\/agents\/(bc-[0-9a-f-]+)\/?$/;
/** What is opened from nearly everywhere, the likeliest first. */
const LIKELY = [pages.agent, pages.conversation, pages.home, pages.new, pages.changes];

let begun: Promise<unknown> | undefined;

/** At the start: everything that the page at an address shows first. Never fails; pages tell what did. */
export function aheadOfStart(path: string): Promise<unknown> {
  const agent = CONVERSATION.exec(path)?.[1];
  const needs: Promise<unknown>[] = [];
  if (agent !== undefined) needs.push(fetchCode([pages.agent, pages.conversation]));
  else if (path === "/") needs.push(fetchCode([pages.home]));
  if (isAskedAhead) {
    needs.push(queryClient.prefetchQuery(sessionQuery));
    if (agent !== undefined)
      needs.push(queryClient.prefetchQuery(agentQuery(agent)), readAhead(agent));
  }
  begun = Promise.allSettled(needs);
  return begun;
}

/** Once a page stands: the code of those that people open next. */
export async function aheadOfNext(): Promise<void> {
  await begun;
  const go = () => void fetchCode(LIKELY);
  if ("requestIdleCallback" in window) requestIdleCallback(go, { timeout: PATIENCE_MS });
  else setTimeout(go, PATIENCE_MS);
}

async function fetchCode(those: readonly PageCode[]): Promise<void> {
  // What could not be had is fetched again when it is opened, and that page says what went wrong.
  await Promise.allSettled(those.map((page) => page.fetch()));
}
