import { useMutation } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { explain } from "../api/errors";
import { queryClient } from "../api/queries";
import { Button } from "../ui/Button";
import { Banner } from "../ui/ErrorState";
import type { PullRequest } from "./queries";

/** Says that a draft is ready. */
export function StageButton({ agent, pull }: { agent: string; pull: PullRequest }) {
  const change = useMutation({
    mutationFn: () =>
      unwrap(
        api.PUT("/v1/agents/{id}/pull-requests/{number}/stage", {
          params: { path: { id: agent, number: pull.number } },
          body: { draft: false, repoUrl: pull.repoUrl },
        }),
      ),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["pulls", agent] }),
  });
  if (pull.state !== "open" || !pull.isDraft) return null;
  return (
    <>
      {change.isError && <Banner tone="red">{explain(change.error).message}</Banner>}
      <Button isPending={change.isPending} onPress={() => change.mutate()}>
        Ready for review
      </Button>
    </>
  );
}
