import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Agent } from "../../src/api/types";
import { PacedModel, type Plan } from "../fixtures/pacedModel";
import { type House, until } from "./house";

/** Calls of a step of a long log. Each step makes 3 events and 3 for each call. */
const CALLS = 40;
/** Runs of a long log; what is beside the steps is theirs. */
const RUNS = 4;
const LIMITS = { steps: 100_000, minutes: 480 };

/** A house whose model is as fast, and says as much, as a test asks. */
export class PacedHouse {
  readonly house: House;
  readonly model: PacedModel;
  readonly #before: string;

  private constructor(house: House, model: PacedModel) {
    this.house = house;
    this.model = model;
    this.#before = readFileSync(this.#config, "utf8");
  }

  static async start(house: House): Promise<PacedHouse> {
    const paced = new PacedHouse(house, await PacedModel.start());
    await paced.#with(`[models]\nscripted_url = "${paced.model.url}"\n`);
    return paced;
  }

  /** Gives the house its own model back. */
  async stop(): Promise<void> {
    await this.#with(this.#before);
    await this.model.stop();
  }

  /** Begins a run, of a new agent or of one there is; its id. */
  async begin(plan: Plan, agent?: string): Promise<string> {
    this.model.reset();
    const prompt = { text: `A long errand.\npaced: ${JSON.stringify(plan)}` };
    if (agent !== undefined) {
      await this.house.call("POST", `/v1/agents/${agent}/runs`, { prompt });
      return agent;
    }
    const body = { prompt, limits: LIMITS };
    return (await this.house.call<{ agent: Agent }>("POST", "/v1/agents", body)).agent.id;
  }

  /** Waits for the end of what an agent does, as long as it does something. */
  async rest(agent: string): Promise<Agent> {
    for (let before = -1; ; ) {
      let now: Agent | undefined;
      const look = async () => {
        now = await this.house.call<Agent>("GET", `/v1/agents/${agent}`);
        return now.status === "IDLE";
      };
      const isResting = await until(look, () => `still at event ${now?.seq}`).then(
        () => true,
        () => false,
      );
      if (now === undefined || (!isResting && now.seq === before)) throw new Error("it is stuck");
      if (isResting) return now;
      before = now.seq;
    }
  }

  /** An agent with about so many events, whose last words are `word0 word1 word2`. */
  async longLog(events: number): Promise<Agent> {
    const steps = Math.ceil(events / (3 + 3 * CALLS) / RUNS);
    let id: string | undefined;
    for (let run = 0; run < RUNS; run += 1) {
      id = await this.begin({ steps, calls: CALLS, pieces: 3 }, id);
      await this.rest(id);
    }
    return this.rest(id ?? "");
  }

  get #config(): string {
    return join(this.house.data, "errand.toml");
  }

  async #with(config: string): Promise<void> {
    await this.house.kill();
    writeFileSync(this.#config, config);
    await this.house.open();
  }
}
