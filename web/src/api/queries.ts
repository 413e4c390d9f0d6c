import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { takeCode } from "./code";
import { ApiError } from "./errors";
import type { Session } from "./types";

const RETRIES = 2;

/** The cache of what the server said. Refusals are not asked again; lost networks are. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) =>
        failures < RETRIES && !(error instanceof ApiError && error.status < 500),
    },
    mutations: { retry: false },
  },
});

/** One agent. Live changes are written into the same place. */
export const agentQuery = (id: string) =>
  queryOptions({
    queryKey: ["agent", id],
    queryFn: () => unwrap(api.GET("/v1/agents/{id}", { params: { path: { id } } })),
  });

/** One agent. */
export function useAgent(id: string) {
  return useQuery(agentQuery(id));
}

/** Models that can be chosen. */
export function useModels() {
  return useQuery({
    queryKey: ["models"],
    queryFn: async () => (await unwrap(api.GET("/v1/models"))).items,
    staleTime: 5 * 60_000,
  });
}

/** Repositories that agents were given, for choosing again. */
export function useRepositories() {
  return useQuery({
    queryKey: ["repositories"],
    queryFn: async () => (await unwrap(api.GET("/v1/repositories"))).items,
  });
}

/** Who is signed in. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: readSession,
  staleTime: Number.POSITIVE_INFINITY,
});

/** Who is signed in. */
export function useSession() {
  return useQuery(sessionQuery);
}

// `errand open` leads here with a one-time code in the address: it is spent before anything is asked.
async function readSession(): Promise<Session> {
  const code = takeCode();
  if (code !== undefined) await unwrap(api.POST("/v1/session", { body: { code } }));
  return unwrap(api.GET("/v1/session"));
}

/** What holds for new agents. */
export function useSettings() {
  return useQuery({
    queryKey: ["settings"],
    queryFn: () => unwrap(api.GET("/v1/settings")),
  });
}

/** What this server is and can do. */
export function useServer() {
  return useQuery({
    queryKey: ["server"],
    queryFn: () => unwrap(api.GET("/v1/server")),
    staleTime: 5 * 60_000,
  });
}
