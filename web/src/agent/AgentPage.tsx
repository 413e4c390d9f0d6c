import { GitCompare, MessageSquareText, Monitor } from "lucide-react";
import { useEffect } from "react";
import { Outlet, useParams } from "react-router";
import { ApiError } from "../api/errors";
import { queryClient, useAgent } from "../api/queries";
import { PageHeader } from "../app/PageHeader";
import { ErrorState } from "../ui/ErrorState";
import { NavTabs } from "../ui/Tabs";
import { AgentHeader } from "./AgentHeader";
import styles from "./AgentPage.module.css";
import { Facts } from "./Facts";
import { Reconnecting } from "./Reconnecting";
import { runsKey } from "./useRuns";
import { TimelineContext, type TimelineScope, useNewTimeline } from "./useTimeline";
import type { AgentEvent } from "./wire";

/** Events after which the agent itself, as the server tells it, is another. */
const CHANGING = new Set<AgentEvent["type"]>([
  "RunStarted",
  "RunEnded",
  "Renamed",
  "PullRequestPublished",
  "PullRequestMerged",
  "BranchUpdated",
  "SandboxUp",
  "SandboxStopped",
  "Archived",
  "Unarchived",
]);

/** The frame around everything about one agent: header, tabs, the chosen tab. */
export default function AgentPage() {
  const { id = "" } = useParams();
  return <OneAgent key={id} id={id} />;
}

function OneAgent({ id }: { id: string }) {
  const agent = useAgent(id);
  const scope = useNewTimeline(id);
  useFreshAgent(scope);
  if (agent.isError && agent.data === undefined) {
    const isGone = agent.error instanceof ApiError && agent.error.status === 404;
    return (
      <>
        <PageHeader title="Agent" />
        <ErrorState
          title={isGone ? "There is no such agent" : "Could not open this agent"}
          error={
            isGone ? new Error("It may have been deleted, or the address is wrong.") : agent.error
          }
          onRetry={isGone ? undefined : () => agent.refetch()}
        />
      </>
    );
  }
  const base = `/agents/${id}`;
  const tabs = [
    { to: base, label: "Conversation", icon: <MessageSquareText />, end: true },
    { to: `${base}/changes`, label: "Changes", icon: <GitCompare /> },
    { to: `${base}/machine`, label: "Machine", icon: <Monitor /> },
  ];
  const short = tabs.map((tab) => (tab.end ? { ...tab, label: "Chat" } : tab));
  return (
    <TimelineContext value={scope}>
      <AgentHeader agent={agent.data} />
      <div className={styles.second}>
        <NavTabs label="Agent" tabs={tabs} />
        <Facts agent={agent.data} />
      </div>
      <Reconnecting />
      <Outlet />
      <div className={styles.below}>
        <NavTabs label="Agent, below" tabs={short} bottom />
      </div>
    </TimelineContext>
  );
}

/** Reads the agent again when its log says that it changed. */
function useFreshAgent({ agent, timeline }: TimelineScope): void {
  useEffect(() => {
    const readRuns = () => void queryClient.invalidateQueries({ queryKey: runsKey(agent) });
    // What was read on an earlier visit may lack what was done since.
    readRuns();
    return timeline.subscribeEvents(({ event }) => {
      if (!CHANGING.has(event.type)) return;
      void queryClient.invalidateQueries({ queryKey: ["agent", agent], exact: true });
      if (event.type === "RunStarted" || event.type === "RunEnded") readRuns();
    });
  }, [agent, timeline]);
}
