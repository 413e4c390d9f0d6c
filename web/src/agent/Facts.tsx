import { BookMarked, Clock, Cpu, GitBranch, Users } from "lucide-react";
import { repositoryName } from "../api/status";
import type { Agent } from "../api/types";
import { CopyButton } from "../ui/CopyButton";
import { Money, Tokens } from "../ui/Money";
import styles from "./AgentHeader.module.css";
import { Elapsed } from "./cards/Elapsed";
import { spentAfter } from "./head";
import { useHead } from "./useTimeline";

const MICROS_PER_CENT = 10_000;

/** Where the agent works, with what, and what it has used; live. */
export function Facts({ agent }: { agent: Agent | undefined }) {
  const head = useHead();
  if (!agent) return <div className={styles.facts} />;
  const since = spentAfter(head, agent.seq);
  const cents = agent.usage.cost.rawCostCents + since.costMicros / MICROS_PER_CENT;
  const tokens = agent.usage.totalTokens + since.tokens;
  const [repo, ...others] = agent.repos;
  // A build asks no model and pushes nothing.
  const isAsking = !head.isBuild;
  return (
    <div className={styles.facts}>
      {repo && (
        <span className={styles.fact} title={repo.url}>
          <BookMarked aria-hidden="true" />
          {repositoryName(repo.url)}
          {others.length > 0 && ` and ${others.length} more`}
        </span>
      )}
      {agent.branchName && isAsking && (
        <span className={`${styles.fact} ${styles.branch}`}>
          <GitBranch aria-hidden="true" />
          <code title={agent.branchName}>{agent.branchName}</code>
          <CopyButton text={agent.branchName} label="Copy the branch" />
        </span>
      )}
      {isAsking && (
        <span className={`${styles.fact} ${styles.model}`} title="Model">
          <Cpu aria-hidden="true" />
          {head.active?.model ?? agent.model.id}
        </span>
      )}
      {agent.sandbox.shared && (
        <span
          className={styles.fact}
          title="Other agents can read and change what is in its sandbox"
        >
          <Users aria-hidden="true" />
          Shared sandbox
        </span>
      )}
      {head.active?.startedAt !== undefined && (
        <span className={styles.fact} title="Time of this run">
          <Clock aria-hidden="true" />
          <Elapsed since={head.active.startedAt} />
        </span>
      )}
      {isAsking && (
        <>
          <span className={styles.fact}>
            <Money cents={cents} />
          </span>
          <span className={styles.fact}>
            <Tokens value={tokens} />
          </span>
        </>
      )}
    </div>
  );
}
