import { useMutation } from "@tanstack/react-query";
import { GitMerge } from "lucide-react";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { ApiError, explain } from "../api/errors";
import { queryClient } from "../api/queries";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Banner } from "../ui/ErrorState";
import { plural } from "../ui/format";
import type { PullRequest } from "./queries";

/** What to do about each way in which a merge can be refused. */
const ADVICE: Record<string, string> = {
  head_moved: "The agent changed its branch meanwhile. Look at the new changes, then merge again.",
  merge_conflict:
    "The branch and its base changed the same lines. Ask the agent to merge the base branch into its own and to solve the conflicts.",
  base_moved: "The base branch changed at this very moment. Try again.",
  branch_missing: "The branch, or its base, is gone from the repository.",
  branch_checked_out:
    "The base branch is checked out in the repository's own folder, so it cannot be changed from outside. Check out another branch there, or merge by hand.",
  pull_request_not_open: "It was merged or closed already.",
  forge_unreachable:
    "The repository's host does not answer. Nothing may have been done: look there, then try again.",
  forge_rate_limited: "The repository's host asks to be left alone for a while. Try again later.",
  forge_credential_refused:
    "The repository's host does not take the credential any more. An administrator enters a new one under Settings, Forges.",
  push_refused: "The repository refused the push. A rule or a hook there may say why.",
};

/** Merges after asking once. */
export function MergeButton({ agent, pull }: { agent: string; pull: PullRequest }) {
  const [isOpen, setOpen] = useState(false);
  const refresh = () => {
    for (const key of ["pulls", "agent", "diff"]) {
      void queryClient.invalidateQueries({ queryKey: [key, agent] });
    }
  };
  const merging = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/agents/{id}/pull-requests/{number}/merge", {
          params: { path: { id: agent, number: pull.number } },
          // The commit that was on the screen: another one by now is refused.
          body: { commit: pull.commit, repoUrl: pull.repoUrl },
        }),
      ),
    onSuccess: () => setOpen(false),
    onSettled: refresh,
  });
  if (pull.state !== "open") return null;
  const { stat } = pull;
  return (
    <>
      <Button
        variant="primary"
        icon={<GitMerge />}
        onPress={() => {
          merging.reset();
          setOpen(true);
        }}
      >
        Merge
      </Button>
      <Dialog
        isOpen={isOpen}
        onOpenChange={setOpen}
        role="alertdialog"
        size="s"
        title="Merge this pull request?"
        footer={
          <>
            <Button onPress={() => setOpen(false)}>Cancel</Button>
            <Button
              variant="primary"
              icon={<GitMerge />}
              isPending={merging.isPending}
              onPress={() => merging.mutate()}
            >
              {`Merge into ${pull.base}`}
            </Button>
          </>
        }
      >
        {merging.isError && (
          <Banner tone="red">{adviceFor(merging.error) ?? explain(merging.error).message}</Banner>
        )}
        <p>
          {plural(stat.files, "file")} with {plural(stat.additions, "added line")} and{" "}
          {plural(stat.deletions, "removed line")} go into <code>{pull.base}</code> of the
          repository. Undoing this takes another commit.
        </p>
      </Dialog>
    </>
  );
}

function adviceFor(error: unknown): string | undefined {
  return error instanceof ApiError ? ADVICE[error.code] : undefined;
}
