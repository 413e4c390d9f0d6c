import { useQuery } from "@tanstack/react-query";
import { call, send } from "../api/client";
import type { Run, Schemas } from "../api/types";

/** Which changes are shown: everything since the start, one run's, or one commit's. */
export type Scope = { kind: "base" } | { kind: "run"; id: string } | { kind: "commit"; id: string };

export type PullRequest = Schemas["PullRequestBody"];

/** The changes of an agent. */
export function useDiff(agent: string, scope: Scope) {
  const query = scope.kind === "base" ? "" : `?${scope.kind}=${encodeURIComponent(scope.id)}`;
  return useQuery({
    queryKey: ["diff", agent, scope],
    queryFn: () => call<Schemas["DiffBody"]>("GET", `/v1/agents/${agent}/diff${query}`),
  });
}

/** The agent's runs, newest first. */
export function useRuns(agent: string) {
  return useQuery({
    queryKey: ["runs", agent],
    queryFn: async () =>
      (await call<{ items: Run[] }>("GET", `/v1/agents/${agent}/runs?limit=100`)).items,
  });
}

/** The pull requests that Errand keeps for an agent. */
export function usePullRequests(agent: string) {
  return useQuery({
    queryKey: ["pulls", agent],
    queryFn: async () =>
      (await call<Schemas["Items_PullRequestBody"]>("GET", `/v1/agents/${agent}/pull-requests`))
        .items,
  });
}

/** A file of a repository as it was at a commit. */
export interface BlobPlace {
  agent: string;
  repoIndex: number;
  commit: string;
  path: string;
}

async function fetchBlob({ agent, repoIndex, commit, path }: BlobPlace): Promise<Blob> {
  const query = new URLSearchParams({ repo: String(repoIndex), commit, path });
  return (await send("GET", `/v1/agents/${agent}/blobs?${query}`)).blob();
}

/** The lines of a text file at a commit. */
export async function fetchLines(place: BlobPlace): Promise<string[]> {
  const lines = (await (await fetchBlob(place)).text()).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

const IMAGE_TYPES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  bmp: "image/bmp",
  ico: "image/x-icon",
  svg: "image/svg+xml",
};

/** An image at a commit; it goes into an `<img>` only, where an SVG can run nothing. */
export function useImage(place: BlobPlace, enabled: boolean) {
  return useQuery({
    queryKey: ["blob", place],
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    queryFn: async () => {
      const blob = await fetchBlob(place);
      const extension = place.path.slice(place.path.lastIndexOf(".") + 1).toLowerCase();
      return new Blob([blob], { type: IMAGE_TYPES[extension] ?? "application/octet-stream" });
    },
  });
}
