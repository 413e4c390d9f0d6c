import { useMutation, useQuery } from "@tanstack/react-query";
import { call } from "../api/client";
import { ApiError } from "../api/errors";
import { queryClient, useAgent } from "../api/queries";
import type { Schemas } from "../api/types";

/** A terminal inside: `GET /v1/agents/{id}/terminals`. */
export interface Terminal {
  name: string;
  alive: boolean;
  /** It is a tmux session, which the agent can attach to as well. */
  shared: boolean;
  writer?: string | null;
  viewers: number;
  createdAt: string;
}

/** A port inside on which somebody listens. */
export interface Port {
  port: number;
  address: string;
  name?: string | null;
  process?: string | null;
}

/** What a machine is using. */
export interface Stats {
  cpuMs: number;
  memoryBytes: number;
  memoryLimitBytes?: number | null;
  processes: number;
  processesLimit: number;
  /** Thousandths of one processor. */
  cpuLimitMillis: number;
  diskUsedBytes: number;
  diskTotalBytes: number;
  atMs: number;
  /** None while a run works. */
  idleStopAtMs?: number | null;
  hardStopAtMs?: number | null;
}

export type Artifact = Schemas["Artifact"];

const SETTLING_MS = 1_000;
const PORTS_MS = 3_000;
const ARTIFACTS_MS = 15_000;

export function machinePath(agent: string, rest: string): string {
  return `/v1/agents/${agent}/${rest}`;
}

/** Where the machine stands: `none`, `starting`, `up` or `stopping`; asked often while it moves. */
export function useMachineState(agent: string): string | undefined {
  const state = useAgent(agent).data?.sandbox.state;
  const isMoving = state === "starting" || state === "stopping";
  useQuery({
    queryKey: ["machine-settles", agent],
    enabled: isMoving,
    refetchInterval: SETTLING_MS,
    queryFn: async () => {
      await queryClient.invalidateQueries({ queryKey: ["agent", agent] });
      return Date.now();
    },
  });
  return state;
}

/** Has the machine brought up. */
export function useWake(agent: string) {
  return useMutation({
    mutationFn: () => call("POST", machinePath(agent, "wake")),
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["agent", agent] }),
  });
}

/** Reads the agent again when a request was refused because its machine sleeps. */
export function noticeSleep(agent: string, error: unknown): void {
  if (error instanceof ApiError && error.code === "sandbox_asleep") {
    void queryClient.invalidateQueries({ queryKey: ["agent", agent] });
  }
}

function useMachineList<T>(agent: string, name: string, everyMs?: number) {
  return useQuery({
    queryKey: ["machine", agent, name],
    ...(everyMs !== undefined && { refetchInterval: everyMs }),
    queryFn: async () => {
      try {
        return (await call<{ items: T[] }>("GET", machinePath(agent, name))).items;
      } catch (error) {
        noticeSleep(agent, error);
        throw error;
      }
    },
  });
}

export function useTerminals(agent: string) {
  return useMachineList<Terminal>(agent, "terminals", PORTS_MS);
}

export function usePorts(agent: string) {
  return useMachineList<Port>(agent, "ports", PORTS_MS);
}

/** Files that runs left for people; they are there while the machine sleeps, too. */
export function useArtifacts(agent: string) {
  return useMachineList<Artifact>(agent, "artifacts", ARTIFACTS_MS);
}
