import { Inbox, SearchX } from "lucide-react";
import { useEffect, useMemo, useRef } from "react";
import { useMatch } from "react-router";
import { VList, type VListHandle } from "virtua";
import { useAgents } from "../api/agents";
import { useSession, useSettings } from "../api/queries";
import type { Agent } from "../api/types";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import styles from "./AgentList.module.css";
import { AgentRow } from "./AgentRow";
import { filterOf, isFiltered, type ListRow, type ListView, listView, rowsOf } from "./listView";
import { isUnread, markSeen, seen } from "./seen";
import { started } from "./started";
import { useStored } from "./stored";

const ROWS_AHEAD = 30;
const FULL_ENOUGH = 40;

interface AgentListProps {
  search: string;
  onGo: (() => void) | undefined;
}

/** The agents that fit search and filter; only what is in sight is drawn. */
export function AgentList({ search, onGo }: AgentListProps) {
  const view = useStored(listView);
  const list = useRows(view, search);
  const { rows, query } = list;
  const seenNow = useStored(seen);
  const summary = useSettings().data?.displayAgentSummary ?? true;
  const handle = useRef<VListHandle>(null);
  useReading(rows);

  const { hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (hasNextPage && !isFetching && rows.length < FULL_ENOUGH) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage, rows.length]);
  const more = () => {
    const { current } = handle;
    if (current === null || !hasNextPage || isFetching) return;
    const last = current.findItemIndex(current.scrollOffset + current.viewportSize);
    if (last > rows.length - ROWS_AHEAD) void fetchNextPage();
  };

  if (query.isPending) return <ListSkeleton />;
  if (query.isError && rows.length === 0) {
    return (
      <ErrorState
        title="Could not load your agents"
        error={query.error}
        onRetry={() => query.refetch()}
      />
    );
  }
  if (rows.length === 0 && !hasNextPage) return <Nothing view={view} search={search} />;
  return (
    <VList ref={handle} className={styles.list ?? ""} data={rows} onScroll={more} itemSize={52}>
      {(row) =>
        row.kind === "group" ? (
          <h2 key={row.key} className={styles.group}>
            <span>{row.label}</span>
            <span className={styles.count}>{row.count}</span>
          </h2>
        ) : (
          <AgentRow
            key={row.key}
            agent={row.agent}
            unread={isUnread(row.agent, seenNow)}
            summary={summary}
            onGo={onGo}
          />
        )
      }
    </VList>
  );
}

function useRows(view: ListView, search: string) {
  const query = useAgents(filterOf(view, search));
  const here = useStored(started);
  const me = useSession().data?.principal;
  const rows = useMemo(() => {
    const all = query.data?.pages.flatMap((page) => page.items) ?? [];
    const ids = new Set(here);
    const isMine = ({ id, openedBy }: Agent) => ids.has(id) || (openedBy ?? "") === me;
    return rowsOf(view.mine ? all.filter(isMine) : all, view.grouped);
  }, [query.data, view.mine, view.grouped, here, me]);
  return { rows, query };
}

/** The agent on the page is being read, as long as the page is in sight. */
function useReading(rows: readonly ListRow[]) {
  const id = useMatch("/agents/:id/*")?.params.id;
  const open = useMemo(
    () => rows.find((row) => row.kind === "agent" && row.key === id),
    [rows, id],
  );
  useEffect(() => {
    if (open?.kind !== "agent") return;
    const { agent } = open;
    const read = () => document.visibilityState === "visible" && markSeen(agent);
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [open]);
}

function Nothing({ view, search }: { view: ListView; search: string }) {
  if (search.trim() !== "" || isFiltered(view)) {
    const clear = () => listView.set({ ...view, status: "any", repository: "", mine: false });
    return (
      <EmptyState
        icon={<SearchX />}
        title="No agent fits"
        actions={
          isFiltered(view) && (
            <Button size="s" onPress={clear}>
              Clear filters
            </Button>
          )
        }
      >
        Search looks at the names of agents.
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={<Inbox />} title="No agents yet">
      Write a task and send it. The agent that works on it appears here.
    </EmptyState>
  );
}

const WIDTHS = [150, 118, 170, 96, 140, 160];

function ListSkeleton() {
  return (
    <div className={styles.skeleton} role="status" aria-label="Loading agents">
      {WIDTHS.map((width) => (
        <div key={width}>
          <Skeleton width={width} height={11} />
          <Skeleton width={width * 0.7} height={9} />
        </div>
      ))}
    </div>
  );
}
