/** The runs of the agent that is shown, newest first. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { useHead, useScope } from "./useTimeline";

/** Runs that are read. */
const RUNS = 100;

export function useRuns() {
  const { agent } = useScope();
  const head = useHead();
  return useQuery({
    // Another run, or the end of one, is another list.
    queryKey: ["agent", agent, "runs", head.active?.run ?? "", head.ended, head.queue.length],
    queryFn: async () => {
      const params = { path: { id: agent }, query: { limit: RUNS } };
      return (await unwrap(api.GET("/v1/agents/{id}/runs", { params }))).items;
    },
    placeholderData: (before) => before,
  });
}
