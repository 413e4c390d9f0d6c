import { useMutation, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../../api/client";
import { queryClient } from "../../api/queries";
import type { EnvironmentBody, Schemas } from "../../api/types";

const ENVIRONMENTS = ["environments"];
/** Time without a keystroke after which a text is checked. */
const PAUSE_MS = 250;

const readAgain = () => queryClient.invalidateQueries({ queryKey: ENVIRONMENTS });

/** All saved environments, without their texts. */
export function useEnvironments() {
  return useQuery({
    queryKey: ENVIRONMENTS,
    queryFn: async () => (await unwrap(api.GET("/v1/environments"))).items,
  });
}

/** One with its text. */
export function useEnvironment(id: string) {
  return useQuery({
    queryKey: [...ENVIRONMENTS, id],
    queryFn: () => unwrap(api.GET("/v1/environments/{id}", { params: { path: { id } } })),
    // What is being written must not be replaced by what somebody else saved.
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
}

/** The versions of one, newest first, without their texts. */
export function useVersions(id: string) {
  return useQuery({
    queryKey: [...ENVIRONMENTS, id, "versions"],
    queryFn: async () =>
      (await unwrap(api.GET("/v1/environments/{id}/versions", { params: { path: { id } } }))).items,
  });
}

/** One version with its text. */
export function useVersion(id: string, version: number) {
  return useQuery({
    queryKey: [...ENVIRONMENTS, id, "versions", version],
    queryFn: () =>
      unwrap(
        api.GET("/v1/environments/{id}/versions/{version}", { params: { path: { id, version } } }),
      ),
  });
}

/** What the server finds wrong with a text. */
export function useCheck(environmentJson: string) {
  return useQuery({
    queryKey: [...ENVIRONMENTS, "check", environmentJson],
    queryFn: async ({ signal }) => {
      // Whoever writes on within this time asks anew.
      await new Promise((go) => setTimeout(go, PAUSE_MS));
      signal.throwIfAborted();
      return unwrap(api.POST("/v1/environments/check", { body: { environmentJson }, signal }));
    },
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** Saves a new one, or another version of one. */
export function useSave(known: EnvironmentBody | undefined) {
  return useMutation({
    mutationFn: (body: Schemas["CreateEnvironment"] & { repos: { url: string }[] }) =>
      known === undefined
        ? unwrap(api.POST("/v1/environments", { body }))
        : unwrap(
            api.PUT("/v1/environments/{id}", {
              params: { path: { id: known.id } },
              body: { ...body, version: known.version },
            }),
          ),
    onSuccess: (saved) => {
      queryClient.setQueryData([...ENVIRONMENTS, saved.id], saved);
      return readAgain();
    },
  });
}

/** Gives one the text of an earlier version again. */
export function useRestore({ id, version }: Pick<EnvironmentBody, "id" | "version">) {
  return useMutation({
    mutationFn: (from: number) =>
      unwrap(
        api.POST("/v1/environments/{id}/versions/{version}/restore", {
          params: { path: { id, version: from } },
          body: { version },
        }),
      ),
    onSuccess: (saved) => {
      queryClient.setQueryData([...ENVIRONMENTS, saved.id], saved);
      return readAgain();
    },
  });
}

/** Forgets one with its versions. */
export function useForgetEnvironment() {
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/v1/environments/{id}", { params: { path: { id } } })),
    onSuccess: readAgain,
  });
}
