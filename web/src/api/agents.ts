import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, unwrap } from "./client";
import { live } from "./live";
import { queryClient } from "./queries";
import { agentStatus } from "./status";
import type { Agent } from "./types";

/** Which agents a list shows. */
export interface AgentFilter {
  search: string;
  status: StatusFilter;
  /** Address of a repository; empty: any. */
  repository: string;
}

export type StatusFilter = "any" | "working" | "attention" | "done" | "failed" | "archived";

interface Page {
  items: Agent[];
  nextCursor?: string | null;
}
type Pages = InfiniteData<Page, string | undefined>;

const PAGE = 100;
const PAGES_READ_AGAIN = 3;
const LISTS = ["agents"] as const;

/** What the server filters by; the rest is `matches`. */
const SERVER_STATUS: Record<StatusFilter, string | undefined> = {
  any: undefined,
  working: "ACTIVE",
  attention: "ACTIVE",
  done: "IDLE",
  failed: "IDLE",
  archived: "ARCHIVED",
};

/** Whether an agent belongs into a list. */
export function matches(agent: Agent, filter: AgentFilter): boolean {
  if (filter.repository !== "" && !agent.repos.some(({ url }) => url === filter.repository)) {
    return false;
  }
  const search = filter.search.trim().toLowerCase();
  if (search !== "" && !agent.name.toLowerCase().includes(search)) return false;
  if (filter.status === "any") return agent.status !== "ARCHIVED";
  if (filter.status === "archived") return agent.status === "ARCHIVED";
  const { word, live: working } = agentStatus(agent);
  if (filter.status === "attention") return word === "Needs you";
  if (filter.status === "working") return working || word === "Needs you";
  const failed = word === "Failed" || word === "Out of time";
  return agent.status === "IDLE" && (filter.status === "failed") === failed;
}

/** The agents of a list, newest first, a page at a time; the live socket keeps them fresh. */
export function useAgents(filter: AgentFilter) {
  return useInfiniteQuery({
    queryKey: [...LISTS, filter],
    queryFn: ({ pageParam, signal }) => fetchPage(filter, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.nextCursor ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // Comparing 50,000 rows at each change would cost more than drawing the few in sight.
    structuralSharing: false,
    placeholderData: (previous) => previous,
  });
}

/** Keeps every list and every opened agent fresh while the caller is on the page. */
export function useLiveAgents(): void {
  useEffect(
    () =>
      live.watchList({
        onAgent: putAgent,
        onGone: dropAgent,
        onLive: readAgain,
      }),
    [],
  );
}

type Told = Map<string, Agent | "gone">;

/** What was told while each answer was on its way, which may be from before. */
const meanwhile = new Set<Told>();

/** Writes a new or changed agent into everything that shows it. */
export function putAgent(agent: Agent): void {
  for (const told of meanwhile) told.set(agent.id, agent);
  const known = queryClient.getQueryData<Agent>(["agent", agent.id]);
  if (known === undefined || known.seq <= agent.seq) {
    queryClient.setQueryData(["agent", agent.id], agent);
  }
  for (const [key, pages] of queryClient.getQueriesData<Pages>({ queryKey: LISTS })) {
    const filter = key[1] as AgentFilter;
    if (pages !== undefined) queryClient.setQueryData(key, withAgent(pages, agent, filter));
  }
}

/** Takes a deleted agent out of everything. */
export function dropAgent(id: string): void {
  for (const told of meanwhile) told.set(id, "gone");
  // A build belongs into no list, so it is told as gone; its page, if that is open, stays.
  queryClient.removeQueries({ queryKey: ["agent", id], type: "inactive" });
  void queryClient.invalidateQueries({ queryKey: ["agent", id] });
  queryClient.setQueriesData<Pages>({ queryKey: LISTS }, (pages) => pages && without(pages, id));
}

/** The pages with the agent in its place; one that fits no more leaves, a new one comes first. */
export function withAgent(pages: Pages, agent: Agent, filter: AgentFilter): Pages {
  const fits = matches(agent, filter);
  for (const [index, page] of pages.pages.entries()) {
    const row = page.items.findIndex(({ id }) => id === agent.id);
    const old = page.items[row];
    if (old === undefined) continue;
    if (old.seq > agent.seq) return pages;
    const items = fits ? page.items.with(row, agent) : page.items.toSpliced(row, 1);
    return { ...pages, pages: pages.pages.with(index, { ...page, items }) };
  }
  const first = pages.pages[0];
  if (!fits || first === undefined || !belongsOnTop(first, agent)) return pages;
  const items = [agent, ...first.items];
  return { ...pages, pages: pages.pages.with(0, { ...first, items }) };
}

// An old agent that was never loaded is found in its place when its page is read.
function belongsOnTop(first: Page, agent: Agent): boolean {
  const newest = first.items[0];
  return newest === undefined || newest.createdAt <= agent.createdAt;
}

function without(pages: Pages, id: string): Pages {
  const has = (page: Page) => page.items.some((agent) => agent.id === id);
  if (!pages.pages.some(has)) return pages;
  const rest = (page: Page) => page.items.filter((agent) => agent.id !== id);
  return {
    ...pages,
    pages: pages.pages.map((page) => (has(page) ? { ...page, items: rest(page) } : page)),
  };
}

function readAgain(): void {
  queryClient.setQueriesData<Pages>(
    { queryKey: LISTS },
    (pages) =>
      pages && {
        pages: pages.pages.slice(0, PAGES_READ_AGAIN),
        pageParams: pages.pageParams.slice(0, PAGES_READ_AGAIN),
      },
  );
  void queryClient.invalidateQueries({ queryKey: LISTS });
  void queryClient.invalidateQueries({ queryKey: ["agent"] });
}

/** A page of a list as it is when it arrives. */
export async function fetchPage(
  filter: AgentFilter,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<Page> {
  const status = SERVER_STATUS[filter.status];
  const search = filter.search.trim();
  const query = {
    limit: PAGE,
    includeArchived: filter.status === "archived",
    ...(cursor !== undefined && { cursor }),
    ...(status !== undefined && { status }),
    ...(search !== "" && { search }),
    ...(filter.repository !== "" && { repo: filter.repository }),
  };
  const told: Told = new Map();
  meanwhile.add(told);
  try {
    const page = await unwrap(api.GET("/v1/agents", { params: { query }, signal }));
    const items = page.items.filter((agent) => matches(agent, filter));
    return upToDate({ ...page, items }, told, filter, cursor);
  } finally {
    meanwhile.delete(told);
  }
}

function upToDate(page: Page, told: Told, filter: AgentFilter, cursor: string | undefined): Page {
  let pages: Pages = { pages: [page], pageParams: [cursor] };
  for (const [id, agent] of told) {
    const isKnown = page.items.some((known) => known.id === id);
    if (agent === "gone") pages = without(pages, id);
    // What is new stands on the first page.
    else if (isKnown || cursor === undefined) pages = withAgent(pages, agent, filter);
  }
  return pages.pages[0] ?? page;
}
