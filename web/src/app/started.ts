import { Stored } from "./stored";

const KEPT = 1000;

/** Ids of agents that were started from this browser, newest first. */
export const started = new Stored<string[]>("started", (value) =>
  Array.isArray(value) ? value.filter((id) => typeof id === "string") : [],
);

/** Notes that this browser started an agent. */
export function markStarted(id: string): void {
  started.set([id, ...started.get().filter((other) => other !== id)].slice(0, KEPT));
}
