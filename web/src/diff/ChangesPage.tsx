import { FileDiff as FileDiffIcon } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useParams, useSearchParams } from "react-router";
import { useAgent } from "../api/queries";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { ErrorState } from "../ui/ErrorState";
import { CommitList } from "./CommitList";
import { DiffSkeleton } from "./DiffSkeleton";
import { DiffView } from "./DiffView";
import type { RepoDiff } from "./entry";
import { type Scope, useDiff, useRuns } from "./queries";
import { ScopePicker } from "./ScopePicker";
import { useFreshChanges } from "./useFreshChanges";

/** What an agent changed: since it started, in one run, or in one commit. */
export default function ChangesPage() {
  const { id = "" } = useParams();
  const [scope, setScope] = useScope();
  const diff = useDiff(id, scope);
  const whole = useDiff(id, { kind: "base" });
  const runs = useRuns(id);
  const indexOf = useRepoIndex(id);
  useFreshChanges(id);

  const commits = useMemo(() => (whole.data?.repos ?? []).flatMap((repo) => repo.commits), [whole]);
  if (diff.isPending) return <DiffSkeleton />;
  if (diff.isError) {
    return (
      <ErrorState
        title="Could not load the changes"
        error={diff.error}
        onRetry={() => void diff.refetch()}
      />
    );
  }
  const { repos } = diff.data;
  if (repos.every((repo) => repo.files.length === 0)) {
    return scope.kind === "base" ? (
      <NothingYet agent={id} />
    ) : (
      <EmptyState
        icon={<FileDiffIcon aria-hidden="true" />}
        title={scope.kind === "run" ? "This run changed no files" : "This commit changed no files"}
        actions={<Button onPress={() => setScope({ kind: "base" })}>Show all changes</Button>}
      />
    );
  }
  return (
    <DiffView
      key={scope.kind === "base" ? "base" : scope.id}
      agent={id}
      repos={repos}
      indexOf={indexOf}
      scope={
        <ScopePicker scope={scope} runs={runs.data ?? []} commits={commits} onChange={setScope} />
      }
      aside={
        <CommitList
          commits={commits}
          selected={scope.kind === "commit" ? scope.id : undefined}
          onSelect={(commit) =>
            setScope(commit === undefined ? { kind: "base" } : { kind: "commit", id: commit })
          }
        />
      }
    />
  );
}

function NothingYet({ agent }: { agent: string }) {
  const { data } = useAgent(agent);
  const hasRepos = (data?.repos.length ?? 1) > 0;
  const isWorking = data?.status === "ACTIVE";
  return (
    <EmptyState
      icon={<FileDiffIcon aria-hidden="true" />}
      title={hasRepos ? "No changes yet" : "This agent works without a repository"}
    >
      {hasRepos
        ? isWorking
          ? "The agent is at work. Its changes appear here when they are saved, at the latest when the run ends."
          : "The agent changed no files. Send it a message to go on."
        : "It has no branch to compare. Files it left for you are under Machine, Artifacts."}
    </EmptyState>
  );
}

/** The scope stands in the address, so that it can be shared and reloaded. */
function useScope(): [Scope, (scope: Scope) => void] {
  const [params, setParams] = useSearchParams();
  const run = params.get("run");
  const commit = params.get("commit");
  const scope = useMemo<Scope>(() => {
    if (run) return { kind: "run", id: run };
    return commit ? { kind: "commit", id: commit } : { kind: "base" };
  }, [run, commit]);
  const choose = (next: Scope) =>
    setParams(next.kind === "base" ? {} : { [next.kind]: next.id }, { replace: true });
  return [scope, choose];
}

/** Repositories without a starting commit are missing in a diff, so places are found by address. */
export function useRepoIndex(agent: string): (repo: Pick<RepoDiff, "repoUrl">) => number {
  const { data } = useAgent(agent);
  const urls = data?.repos.map((repo) => withoutScheme(repo.url)).join("\n");
  return useCallback(
    (repo: Pick<RepoDiff, "repoUrl">) => {
      const index = (urls ?? "").split("\n").indexOf(withoutScheme(repo.repoUrl));
      return Math.max(0, index);
    },
    [urls],
  );
}

function withoutScheme(url: string): string {
  return url.replace(/^[a-z+]+:\/\//i, "").replace(/\.git$/, "");
}
