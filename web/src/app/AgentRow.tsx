import { Cloud } from "lucide-react";
import { memo } from "react";
import { NavLink } from "react-router";
import { agentStatus, providerName, repositoryName } from "../api/status";
import type { Agent } from "../api/types";
import { askedWords } from "../home/asked";
import { StatusDot } from "../ui/Badge";
import { cx } from "../ui/cx";
import { Time } from "../ui/Time";
import styles from "./AgentRow.module.css";

interface AgentRowProps {
  agent: Agent;
  unread: boolean;
  /** Off: neither questions nor branches, which may hold paths and code. */
  summary: boolean;
  onGo: (() => void) | undefined;
}

/** An agent in the sidebar: how it does, its name, where it works. */
export const AgentRow = memo(function AgentRow({ agent, unread, summary, onGo }: AgentRowProps) {
  const status = agentStatus(agent);
  return (
    <NavLink
      to={`/agents/${agent.id}`}
      onClick={onGo}
      className={({ isActive }) => cx(styles.row, isActive && styles.current)}
    >
      <span className={styles.dot}>
        <StatusDot {...status} dotOnly />
      </span>
      <span className={styles.text}>
        <span className={cx(styles.name, unread && styles.unread)}>
          {agent.name}
          {unread && <span className="visually-hidden"> (new)</span>}
        </span>
        <span className={styles.detail}>
          <Detail agent={agent} summary={summary} word={status.word} />
          <Time at={agent.updatedAt} className={styles.time} short />
        </span>
      </span>
      {unread && <span className={styles.mark} aria-hidden="true" />}
    </NavLink>
  );
});

function Detail({ agent, summary, word }: { agent: Agent; summary: boolean; word: string }) {
  if (agent.question != null) {
    return <span className={styles.ask}>{summary ? askedWords(agent.question) : word}</span>;
  }
  const url = agent.repos[0]?.url;
  const place = providerName(agent.sandbox.provider);
  // Where all of them are need not stand at each.
  const isOwn = place !== agent.sandbox.provider;
  return (
    <>
      <span className={styles.cloud} title={`Its machine is on ${place}`}>
        <Cloud aria-hidden="true" />
        <span className={cx(isOwn && "visually-hidden")}>
          <span className="visually-hidden">On </span>
          {place}
        </span>
      </span>
      <span className={styles.repository}>
        {url === undefined ? "No repository" : repositoryName(url)}
      </span>
    </>
  );
}
