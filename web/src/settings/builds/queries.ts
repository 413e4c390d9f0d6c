import { useMutation, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../../api/client";
import { queryClient } from "../../api/queries";
import type { BuildBody } from "../../api/types";

const BUILDS = ["builds"];
/** Time between two looks while one is at work, and while none is: agents begin some by themselves. */
const BUSY_MS = 3_000;
const QUIET_MS = 20_000;

const readAgain = () => queryClient.invalidateQueries({ queryKey: BUILDS });

/** All builds. */
export function useBuilds() {
  return useQuery({
    queryKey: BUILDS,
    queryFn: async () => (await unwrap(api.GET("/v1/builds"))).items,
    refetchInterval: ({ state }) =>
      state.data?.some(({ status }) => status === "RUNNING") ? BUSY_MS : QUIET_MS,
  });
}

/** What a build brings that runs by itself; a layer never changes. */
export function useChanges(layer: string) {
  return useQuery({
    queryKey: [...BUILDS, layer, "changes"],
    queryFn: () => unwrap(api.GET("/v1/builds/{layer}/changes", { params: { path: { layer } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** One repository of a build. */
export interface BuildRepository {
  url: string;
  startingRef?: string;
}

/** Begins a build. */
export function useBuild() {
  return useMutation({
    mutationFn: (repos: BuildRepository[]) => unwrap(api.POST("/v1/builds", { body: { repos } })),
    onSuccess: readAgain,
  });
}

/** Pins a build, or lets it go again. */
export function usePin() {
  return useMutation({
    mutationFn: ({ layer, pinned }: Pick<BuildBody, "layer" | "pinned">) =>
      unwrap(api.PATCH("/v1/builds/{layer}", { params: { path: { layer } }, body: { pinned } })),
    onSuccess: readAgain,
  });
}

/** Forgets a build. */
export function useForget() {
  return useMutation({
    mutationFn: ({ layer }: Pick<BuildBody, "layer">) =>
      unwrap(api.DELETE("/v1/builds/{layer}", { params: { path: { layer } } })),
    onSuccess: readAgain,
  });
}
