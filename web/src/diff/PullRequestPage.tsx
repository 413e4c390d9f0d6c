import { GitBranch, GitPullRequest } from "lucide-react";
import { useMemo, useState } from "react";
import { useParams } from "react-router";
import { useAgent } from "../api/queries";
import { Badge, type Tone } from "../ui/Badge";
import { CopyButton } from "../ui/CopyButton";
import { EmptyState } from "../ui/EmptyState";
import { Banner, ErrorState } from "../ui/ErrorState";
import { ExternalLink } from "../ui/ExternalLink";
import { Markdown } from "../ui/Markdown";
import { useRepoIndex } from "./ChangesPage";
import { CommitList } from "./CommitList";
import { DiffSkeleton } from "./DiffSkeleton";
import { DiffView } from "./DiffView";
import { type Finding, findingsOf } from "./findings";
import { EvidenceList, FindingList, Risk } from "./Judged";
import { MergeButton } from "./MergeButton";
import styles from "./PullRequestPage.module.css";
import { type PullRequest, useDiff, usePullRequests } from "./queries";
import { StageButton } from "./StageButton";
import { visible } from "./segments";
import { UpdateBranch } from "./UpdateBranch";
import { useFreshChanges } from "./useFreshChanges";
import type { Goal } from "./useGoal";

/** A pull request that Errand keeps itself: what it says, what it changes, and its merge. */
export default function PullRequestPage() {
  const { id = "", number = "" } = useParams();
  const pulls = usePullRequests(id);
  useFreshChanges(id);
  if (pulls.isPending) return <DiffSkeleton />;
  if (pulls.isError) {
    return (
      <ErrorState
        title="Could not load the pull request"
        error={pulls.error}
        onRetry={() => void pulls.refetch()}
      />
    );
  }
  const pull = pulls.data.find((each) => String(each.number) === number);
  if (!pull) {
    return (
      <EmptyState icon={<GitPullRequest aria-hidden="true" />} title="No such pull request">
        This agent has no pull request {number}.
      </EmptyState>
    );
  }
  return <Whole key={`${pull.repoUrl} ${pull.number}`} agent={id} pull={pull} />;
}

function Whole({ agent, pull }: { agent: string; pull: PullRequest }) {
  const [goal, setGoal] = useState<Goal>();
  const repoIndex = useRepoIndex(agent)(pull);
  const findings = useMemo(() => findingsOf(pull.review, repoIndex), [pull.review, repoIndex]);
  const onGo = ({ id, repoIndex, path }: Finding) => setGoal({ finding: id, repoIndex, path });
  return (
    <div className={styles.page}>
      <Head agent={agent} pull={pull} findings={findings} onGo={onGo} />
      <PullDiff agent={agent} pull={pull} findings={findings} goal={goal} />
    </div>
  );
}

const STATES: Record<string, { tone: Tone; word: string }> = {
  open: { tone: "green", word: "Open" },
  merged: { tone: "blue", word: "Merged" },
  closed: { tone: "neutral", word: "Closed" },
  unknown: { tone: "amber", word: "State unknown" },
};

interface HeadProps {
  agent: string;
  pull: PullRequest;
  findings: readonly Finding[];
  onGo(finding: Finding): void;
}

function Head({ agent, pull, findings, onGo }: HeadProps) {
  const state = STATES[pull.state] ?? { tone: "neutral" as const, word: pull.state };
  return (
    <div className={styles.head}>
      <div className={styles.titleRow}>
        <h2 className={styles.title}>
          {visible(pull.title)} <span className={styles.number}>#{pull.number}</span>
        </h2>
        <StageButton agent={agent} pull={pull} />
        <MergeButton agent={agent} pull={pull} />
      </div>
      <div className={styles.facts}>
        <Badge tone={state.tone} icon={<GitPullRequest aria-hidden="true" />}>
          {pull.isDraft && pull.state === "open" ? "Draft" : state.word}
        </Badge>
        <Risk review={pull.review} />
        <span className={styles.branches}>
          <GitBranch aria-hidden="true" />
          <code>{visible(pull.head)}</code> into <code>{visible(pull.base)}</code>
        </span>
        <CopyButton text={pull.head} label="Copy the branch" />
        {pull.keptBy === "host" && (
          <ExternalLink href={pull.url}>At the repository's host</ExternalLink>
        )}
        {pull.mergeCommit && (
          <span>
            as <code>{pull.mergeCommit.slice(0, 10)}</code>
          </span>
        )}
      </div>
      {pull.problem && (
        <Banner tone="amber">
          {`The repository's host did not say how this stands: ${visible(pull.problem)}. Below is what Errand itself knows.`}
        </Banner>
      )}
      <UpdateBranch agent={agent} pull={pull} />
      {pull.review && <FindingList review={pull.review} findings={findings} onGo={onGo} />}
      {pull.evidence && <EvidenceList evidence={pull.evidence} />}
      {pull.body.trim() !== "" && (
        <details className={styles.description} open={findings.length === 0}>
          <summary>Description</summary>
          <div className={styles.text}>
            <Markdown text={pull.body} />
          </div>
        </details>
      )}
    </div>
  );
}

interface PullDiffProps {
  agent: string;
  pull: PullRequest;
  findings: readonly Finding[];
  goal: Goal | undefined;
}

const NO_FINDINGS: readonly Finding[] = [];

function PullDiff({ agent, pull, findings, goal }: PullDiffProps) {
  const { data } = useAgent(agent);
  const diff = useDiff(agent, { kind: "base" });
  const indexOf = useRepoIndex(agent);
  const repos = useMemo(
    () => diff.data?.repos.filter((repo) => repo.repoUrl === pull.repoUrl) ?? [],
    [diff.data, pull.repoUrl],
  );
  if (diff.isPending || !data) return <DiffSkeleton />;
  if (diff.isError) {
    return (
      <ErrorState
        title="Could not load the changes"
        error={diff.error}
        onRetry={() => void diff.refetch()}
      />
    );
  }
  const [repo] = repos;
  if (!repo || repo.files.length === 0) {
    return <EmptyState title="No changes">The branch holds what its base holds.</EmptyState>;
  }
  return (
    <>
      {repo.head !== pull.commit && (
        <div className={styles.banner}>
          <Banner>
            The agent saved more work after this pull request was last updated. The changes below
            include it.
          </Banner>
        </div>
      )}
      <DiffView
        agent={agent}
        repos={repos}
        indexOf={indexOf}
        // Lines of another commit may be others.
        findings={repo.head === pull.commit ? findings : NO_FINDINGS}
        goal={goal}
        aside={<CommitList commits={repo.commits} onSelect={undefined} />}
      />
    </>
  );
}
