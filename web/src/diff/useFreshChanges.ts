import { useEffect, useRef } from "react";
import { live } from "../api/live";
import { queryClient, useAgent } from "../api/queries";
import type { EventBody } from "../api/types";

/** Events after which the branch may hold other changes than before. */
const CHANGING = new Set([
  "CheckpointMade",
  "Pushed",
  "PullRequestPublished",
  "Merged",
  "RunEnded",
]);

/** Reads the changes again when the agent saved some. */
export function useFreshChanges(agent: string): void {
  const seq = useAgent(agent).data?.seq;
  // Where watching starts; what comes later is told by the watch itself.
  const start = useRef(seq);
  start.current ??= seq;
  const isKnown = seq !== undefined;
  useEffect(() => {
    if (!isKnown) return;
    return live.watchAgent(agent, start.current ?? 0, {
      onEvents: (items) => {
        if (!items.some((item) => CHANGING.has(typeOf(item)))) return;
        for (const key of ["diff", "runs", "pulls"]) {
          void queryClient.invalidateQueries({ queryKey: [key, agent] });
        }
      },
    });
  }, [agent, isKnown]);
}

function typeOf(item: EventBody): string {
  const { event } = item;
  const type: unknown =
    typeof event === "object" && event !== null ? Reflect.get(event, "type") : undefined;
  return typeof type === "string" ? type : "";
}
