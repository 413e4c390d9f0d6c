import { Link } from "react-router";
import { useSettings } from "../api/queries";
import { agentStatus, repositoryName } from "../api/status";
import type { Agent } from "../api/types";
import { StatusDot } from "../ui/Badge";
import { Money } from "../ui/Money";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import { askedWords } from "./asked";
import styles from "./Home.module.css";

const RECENT = 8;

/** How the newest agents do: those that need someone first. */
export function Overview({ agents }: { agents: readonly Agent[] | undefined }) {
  if (agents === undefined) return <OverviewSkeleton />;
  const asking = agents.filter(({ question }) => question != null);
  const working = agents.filter(({ status, question }) => status === "ACTIVE" && question == null);
  const resting = agents.filter(({ status }) => status === "IDLE").slice(0, RECENT);
  return (
    <div className={styles.overview}>
      <Group title="Needs you" agents={asking} />
      <Group title="At work" agents={working} />
      <Group title="Recent" agents={resting} />
    </div>
  );
}

function Group({ title, agents }: { title: string; agents: readonly Agent[] }) {
  if (agents.length === 0) return null;
  return (
    <section className={styles.group}>
      <h2>
        {title} <span className={styles.count}>{agents.length}</span>
      </h2>
      <ul className={styles.rows}>
        {agents.map((agent) => (
          <li key={agent.id}>
            <Row agent={agent} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Row({ agent }: { agent: Agent }) {
  const summary = useSettings().data?.displayAgentSummary ?? true;
  const status = agentStatus(agent);
  const repository = agent.repos[0]?.url;
  const cents = agent.usage.cost.rawCostCents;
  return (
    <Link to={`/agents/${agent.id}`} className={styles.row}>
      <StatusDot {...status} dotOnly />
      <span className={styles.name}>{agent.name}</span>
      <Time at={agent.updatedAt} className={styles.when} />
      <span className={styles.about}>
        <span>{status.word}</span>
        <span>{repository === undefined ? "No repository" : repositoryName(repository)}</span>
        {cents > 0 && <Money cents={cents} />}
        {agent.question != null && summary && (
          <span className={styles.ask}>{askedWords(agent.question)}</span>
        )}
      </span>
    </Link>
  );
}

const WIDTHS = [260, 330, 210, 290];

function OverviewSkeleton() {
  return (
    <div className={styles.skeleton} role="status" aria-label="Loading agents">
      {WIDTHS.map((width) => (
        <Skeleton key={width} width={width} />
      ))}
    </div>
  );
}
