import { useMutation } from "@tanstack/react-query";
import { GitPullRequestArrow } from "lucide-react";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { queryClient } from "../api/queries";
import { Button } from "../ui/Button";
import { Banner } from "../ui/ErrorState";
import { plural } from "../ui/format";
import type { PullRequest } from "./queries";
import { visible } from "./segments";
import styles from "./UpdateBranch.module.css";

/** Says that the base has moved, and brings the branch up to date. */
export function UpdateBranch({ agent, pull }: { agent: string; pull: PullRequest }) {
  const updating = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/agents/{id}/pull-requests/{number}/update", {
          params: { path: { id: agent, number: pull.number } },
          body: { repoUrl: pull.repoUrl },
        }),
      ),
    onSettled: () => {
      for (const key of ["pulls", "agent", "diff"]) {
        void queryClient.invalidateQueries({ queryKey: [key, agent] });
      }
    },
  });
  if (pull.state !== "open" || !pull.behind) return null;
  return (
    <div className={styles.update}>
      <span>
        {plural(pull.behind, "newer commit")} on <code>{visible(pull.base)}</code>
      </span>
      <Button
        icon={<GitPullRequestArrow />}
        isPending={updating.isPending}
        onPress={() => updating.mutate()}
      >
        Update the branch
      </Button>
      {updating.isError && (
        // Files and branches may be called anything.
        <Banner tone="red">{visible(explain(updating.error).message)}</Banner>
      )}
    </div>
  );
}
