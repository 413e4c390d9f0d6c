/** What the next page will need, fetched before anybody asks for it. */
import { askAhead } from "../agent/firstPage";
import { type PageCode, pages } from "./pages";

/** The longest that a busy browser puts it off, in milliseconds. */
const PATIENCE_MS = 2_000;
/** The address of an agent's conversation. */
const CONVERSATION = /^\/agents\/(bc-[0-9a-f-]+)\/?$/;
/** What is opened from nearly everywhere, the likeliest first. */
const LIKELY = [pages.agent, pages.conversation, pages.home, pages.new, pages.changes];

/** At the start: a conversation's code and newest events come beside the session, not after it. */
export function aheadOfStart(path: string): void {
  const agent = CONVERSATION.exec(path)?.[1];
  if (agent === undefined) return;
  void fetchCode([pages.agent, pages.conversation]);
  askAhead(agent);
}

/** Once a page stands: the code of those that people open next. */
export function aheadOfNext(): void {
  const go = () => void fetchCode(LIKELY);
  if ("requestIdleCallback" in window) requestIdleCallback(go, { timeout: PATIENCE_MS });
  else setTimeout(go, PATIENCE_MS);
}

async function fetchCode(those: readonly PageCode[]): Promise<void> {
  // What could not be had is fetched again when it is opened, and that page says what went wrong.
  await Promise.allSettled(those.map((page) => page.fetch()));
}
