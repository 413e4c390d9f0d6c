/** The runs of the agent that is shown, newest first. */
import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import type { Run } from "../api/types";
import { useScope } from "./useTimeline";
import type { RunStatus } from "./wire";

/** What a run is doing whose end is still to come. */
const GOING_ON = new Set<string>(["CREATING", "RUNNING"] satisfies RunStatus[]);
/** Runs that are read. */
const RUNS = 100;
/** Characters of a title at most. */
const TITLE = 80;

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

/** Those that are over, newest first. */
export function useEndedRuns(): Run[] {
  return useRuns().data?.filter(({ status }) => !GOING_ON.has(status)) ?? [];
}

/** By what people know a run again: how its message began. */
export function titleOf({ promptText }: Run): string {
  return promptText.trim().split("\n", 1)[0]?.slice(0, TITLE) || "A message";
}
