import { Navigate } from "react-router";
import { useAgents } from "../api/agents";
import { PageHeader } from "../app/PageHeader";
import { ErrorState } from "../ui/ErrorState";
import { Composer } from "./Composer";
import styles from "./Home.module.css";
import { Overview } from "./Overview";

const EVERYTHING = { search: "", status: "any", repository: "" } as const;

/** Where one arrives: write an errand, and see how the others do. */
export default function HomePage() {
  const agents = useAgents(EVERYTHING);
  const rows = agents.data?.pages[0]?.items;
  if (agents.isSuccess && rows?.length === 0 && !agents.hasNextPage) {
    return <Navigate to="/welcome" replace />;
  }
  return (
    <>
      <PageHeader title="Home" />
      <div className={styles.scroll}>
        <div className={styles.column}>
          <h2 className={styles.greeting}>What should be done?</h2>
          <Composer />
          {agents.isError && rows === undefined ? (
            <ErrorState
              title="Could not load your agents"
              error={agents.error}
              onRetry={() => agents.refetch()}
            />
          ) : (
            <Overview agents={rows} />
          )}
        </div>
      </div>
    </>
  );
}
