import { Outlet, useParams } from "react-router";
import { useAgent } from "../api/queries";
import { PageHeader } from "../app/PageHeader";
import { ErrorState } from "../ui/ErrorState";
import { NavTabs } from "../ui/Tabs";

/** The frame around everything about one agent: header, tabs, the chosen tab. */
export default function AgentPage() {
  const { id = "" } = useParams();
  const agent = useAgent(id);
  if (agent.isError) {
    return (
      <ErrorState
        title="Could not open this agent"
        error={agent.error}
        onRetry={() => agent.refetch()}
      />
    );
  }
  const base = `/agents/${id}`;
  return (
    <>
      <PageHeader title={agent.data?.name ?? "Agent"} />
      <NavTabs
        label="Agent"
        tabs={[
          { to: base, label: "Conversation", end: true },
          { to: `${base}/changes`, label: "Changes" },
          { to: `${base}/machine`, label: "Machine" },
        ]}
      />
      <Outlet />
    </>
  );
}
