import type { Agent, Run } from "../../src/api/types";
import { type House, until } from "./house";

/** What the scripted model does in one turn; see the fakes' script. */
export type Turn =
  | { text: string; fault?: string }
  | { calls: ({ shell: string } | { write: { path: string; content: string } })[] };

interface Options {
  name?: string;
  autoCreatePR?: boolean;
  /** How its run is to end. */
  ends?: Run["status"];
}

/** Gives an agent a script and waits until its run is over. */
export async function work(
  house: House,
  repo: string | undefined,
  turns: Turn[],
  { ends = "FINISHED", ...options }: Options = {},
): Promise<Agent> {
  const prompt = { text: `script: ${JSON.stringify({ turns })}` };
  const { agent, run } = await house.call<{ agent: Agent; run: Run }>("POST", "/v1/agents", {
    prompt,
    ...(repo !== undefined && { repos: [{ url: repo }] }),
    ...options,
  });
  await finished(house, agent.id, run.id, ends);
  return agent;
}

/** Sends a follow-up script and waits until its run is over. */
export async function workOn(house: House, agent: string, turns: Turn[]): Promise<Run> {
  const prompt = { text: `script: ${JSON.stringify({ turns })}` };
  const { run } = await house.call<{ run: Run }>("POST", `/v1/agents/${agent}/runs`, { prompt });
  return finished(house, agent, run.id);
}

/** Lets through what kept an agent's push back, once the run that was to mend it is over, and works on. */
export async function letThrough(house: House, agent: string, turns: Turn[]): Promise<Run> {
  let runs: Run[] = [];
  await until(
    async () => {
      runs = (await house.call<{ items: Run[] }>("GET", `/v1/agents/${agent}/runs`)).items;
      return runs.length > 1 && runs.every((run) => !["CREATING", "RUNNING"].includes(run.status));
    },
    () => `the run that mends is not over: ${JSON.stringify(runs)}`,
  );
  const { stops = [] } = await house.call<Agent>("GET", `/v1/agents/${agent}`);
  for (const { mark } of stops) {
    await house.call("POST", `/v1/agents/${agent}/stops`, { mark, reason: "It is what is tried" });
  }
  return workOn(house, agent, turns);
}

async function finished(
  house: House,
  agent: string,
  run: string,
  ends: Run["status"] = "FINISHED",
): Promise<Run> {
  let found: Run | undefined;
  await until(
    async () => {
      found = await house.call<Run>("GET", `/v1/agents/${agent}/runs/${run}`);
      return !["CREATING", "RUNNING"].includes(found.status);
    },
    () => `run ${run} is not over: ${JSON.stringify(found)}`,
  );
  if (found?.status !== ends) throw new Error(`the run ended otherwise: ${JSON.stringify(found)}`);
  return found;
}
