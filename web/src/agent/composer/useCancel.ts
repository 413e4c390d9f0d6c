import { useMutation } from "@tanstack/react-query";
import { call } from "../../api/client";
import { ApiError } from "../../api/errors";
import { useScope } from "../useTimeline";

/** Ends a run, or takes a queued one back. One that is over already is what was wanted. */
export function useCancel() {
  const { agent } = useScope();
  return useMutation({
    mutationFn: async (run: string) => {
      try {
        await call("POST", `/v1/agents/${agent}/runs/${run}/cancel`);
      } catch (error) {
        if (error instanceof ApiError && error.code === "run_not_cancellable") return;
        throw error;
      }
    },
  });
}
