/** The runs of the agent that is shown, newest first. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { useScope } from "./useTimeline";

/** Runs that are read. */
const RUNS = 100;

/** Where they are cached; the agent's page reads them again when a run begins or ends. */
export function runsKey(agent: string): readonly string[] {
  return ["agent", agent, "runs"];
}

export function useRuns() {
  const { agent } = useScope();
  return useQuery({
    queryKey: runsKey(agent),
    queryFn: async () => {
      const params = { path: { id: agent }, query: { limit: RUNS } };
      return (await unwrap(api.GET("/v1/agents/{id}/runs", { params }))).items;
    },
  });
}
