import type { AgentFilter, StatusFilter } from "../api/agents";
import { repositoryName } from "../api/status";
import type { Agent } from "../api/types";
import { Stored } from "./stored";

/** How the sidebar shows its list; kept in this browser, but for the search. */
export interface ListView {
  status: StatusFilter;
  repository: string;
  grouped: boolean;
  /** Only agents opened with the caller's key, or from this browser. */
  mine: boolean;
}

export const STATUSES: readonly { id: StatusFilter; label: string }[] = [
  { id: "any", label: "All" },
  { id: "working", label: "Working" },
  { id: "attention", label: "Needs you" },
  { id: "done", label: "Done" },
  { id: "failed", label: "Failed" },
  { id: "archived", label: "Archived" },
];

export const listView = new Stored<ListView>("list", (value) => {
  const found = (typeof value === "object" && value !== null ? value : {}) as Partial<ListView>;
  return {
    status: STATUSES.find(({ id }) => id === found.status)?.id ?? "any",
    repository: typeof found.repository === "string" ? found.repository : "",
    grouped: found.grouped === true,
    mine: found.mine === true,
  };
});

/** Whether the list leaves anything out that people would look for. */
export function isFiltered(view: ListView): boolean {
  return view.status !== "any" || view.repository !== "" || view.mine;
}

/** The list's question to the server. */
export function filterOf(view: ListView, search: string): AgentFilter {
  return { search, status: view.status, repository: view.repository };
}

export type ListRow =
  | { kind: "group"; key: string; label: string; count: number }
  | { kind: "agent"; key: string; agent: Agent };

const NO_REPOSITORY = "No repository";

/** Rows in the order shown. Groups stand in the order of their newest agent. */
export function rowsOf(agents: readonly Agent[], grouped: boolean): ListRow[] {
  if (!grouped) return agents.map(rowOf);
  const groups = new Map<string, Agent[]>();
  for (const agent of agents) {
    const url = agent.repos[0]?.url;
    const label = url === undefined ? NO_REPOSITORY : repositoryName(url);
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [agent]);
    else group.push(agent);
  }
  return [...groups].flatMap(([label, members]) => [
    { kind: "group" as const, key: `group ${label}`, label, count: members.length },
    ...members.map(rowOf),
  ]);
}

function rowOf(agent: Agent): ListRow {
  return { kind: "agent", key: agent.id, agent };
}
