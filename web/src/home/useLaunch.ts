import { useCallback, useEffect, useState } from "react";
import { useLocation } from "react-router";
import { useSettings } from "../api/queries";
import { Stored } from "../app/stored";
import { emptyLaunch, type Launch, withoutSecrets } from "./launch";

/** The launch that was being written, so that a reload loses nothing and starts nothing twice. */
const draft = new Stored<Launch | undefined>("draft", (value) => {
  if (typeof value !== "object" || value === null) return undefined;
  return { ...emptyLaunch(), ...(value as Partial<Launch>) };
});

/** The composer's launch, kept in this browser while it is written. */
export function useLaunch() {
  const [launch, setLaunch] = useState<Launch>(() => draft.get() ?? emptyLaunch());
  const defaults = useSettings().data;
  const wanted = useWantedRepository();
  const change = useCallback((part: Partial<Launch>) => {
    setLaunch((now) => ({ ...now, ...part }));
  }, []);

  useEffect(() => draft.set(withoutSecrets(launch)), [launch]);
  useEffect(() => {
    if (wanted !== undefined) change({ repositories: [{ url: wanted, ref: "" }] });
  }, [wanted, change]);
  useEffect(() => {
    if (defaults === undefined) return;
    setLaunch((now) => withDefaults(now, defaults.defaultRepository ?? undefined));
  }, [defaults]);

  /** After sending: nothing is left, and the next one gets an id of its own. */
  const clear = useCallback(() => {
    draft.set(undefined);
    setLaunch((now) => ({ ...emptyLaunch(), repositories: now.repositories, mode: now.mode }));
  }, []);
  return { launch, change, setLaunch, clear };
}

function withDefaults(launch: Launch, repository: string | undefined): Launch {
  if (repository === undefined || launch.repositories.length > 0 || launch.text !== "")
    return launch;
  return { ...launch, repositories: [{ url: repository, ref: "" }] };
}

function useWantedRepository(): string | undefined {
  const state: unknown = useLocation().state;
  const url = typeof state === "object" && state !== null ? Reflect.get(state, "repository") : null;
  return typeof url === "string" ? url : undefined;
}
