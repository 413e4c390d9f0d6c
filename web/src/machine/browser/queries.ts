import { useMutation, useQuery } from "@tanstack/react-query";
import { call } from "../../api/client";
import { queryClient } from "../../api/queries";
import { machinePath, noticeSleep } from "../queries";

/** The browser inside: `GET /v1/agents/{id}/browser`. */
export interface Browser {
  available: boolean;
  running: boolean;
  url?: string | null;
  title?: string | null;
  writer?: string | null;
  viewers: number;
}

const LOOK_MS = 5_000;

const keyOf = (agent: string) => ["machine", agent, "browser"];

export function useBrowser(agent: string) {
  return useQuery({
    queryKey: keyOf(agent),
    refetchInterval: LOOK_MS,
    queryFn: async () => {
      try {
        return await call<Browser>("GET", machinePath(agent, "browser"));
      } catch (error) {
        noticeSleep(agent, error);
        throw error;
      }
    },
  });
}

export function refreshBrowser(agent: string): Promise<void> {
  return queryClient.invalidateQueries({ queryKey: keyOf(agent) });
}

export function useStartBrowser(agent: string) {
  return useMutation({
    mutationFn: () => call<Browser>("POST", machinePath(agent, "browser")),
    onSuccess: (browser) => queryClient.setQueryData(keyOf(agent), browser),
  });
}

export function useEndBrowser(agent: string) {
  return useMutation({
    mutationFn: () => call("DELETE", machinePath(agent, "browser")),
    onSettled: () => refreshBrowser(agent),
  });
}
