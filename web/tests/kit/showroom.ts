import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@playwright/test";
import type { Agent } from "../../src/api/types";
import * as stories from "../fixtures/stories";
import { House, until } from "./house";
import { Storyteller } from "./storyteller";

/** How long an errand may take beside everything else that a machine does. */
const ERRAND_MS = 120_000;

const ALL = [
  stories.ROUNDING,
  stories.DATES,
  stories.RATES,
  stories.ORDERS,
  stories.FORMS,
  ...stories.SMALL,
];

/** A house of its own whose agents did, and do, what real ones would. */
export class Showroom {
  readonly house: House;
  readonly #teller: Storyteller;
  #shop = "";

  private constructor(house: House, teller: Storyteller) {
    this.house = house;
    this.#teller = teller;
  }

  /** A house without agents. */
  static async open(): Promise<Showroom> {
    const house = await House.start();
    const config = join(house.data, "errand.toml");
    const scripted = /scripted_url = "([^"]*)"/.exec(readFileSync(config, "utf8"))?.[1] ?? "";
    const teller = await Storyteller.start(scripted, ALL);
    await house.kill();
    writeFileSync(config, configuration(teller.url));
    await house.open();
    return new Showroom(house, teller);
  }

  async close(): Promise<void> {
    await this.house.stop();
    await this.#teller.stop();
  }

  /** Has everybody begin, and waits until each stands where the pictures want it. */
  async furnish(): Promise<{ done: Agent; running: Agent; asking: Agent; planned: Agent }> {
    this.#shop = this.house.repository("tea-shop", stories.SHOP);
    for (const { name, prompt } of stories.SMALL) {
      await this.#until(await this.#send(prompt, name), "IDLE");
    }
    const failed = await this.#send(stories.FORMS.prompt, "Move the settings to the new forms");
    await this.#until(failed, "IDLE");
    const planned = await this.#send(stories.ORDERS.prompt, "Split the orders table", "plan");
    const done = await this.#send(stories.ROUNDING.prompt, "Round invoice totals the same way");
    await this.#until(done, "IDLE");
    const asking = await this.#send(stories.RATES.prompt, "Record an exchange rate for tests");
    await this.#asks(asking);
    await this.#asks(planned);
    const running = await this.#send(stories.DATES.prompt, "Fix the date parser for 29 February");
    return { done, running, asking, planned };
  }

  /** The agent that failed. */
  async failed(): Promise<Agent> {
    const { items } = await this.house.call<{ items: Agent[] }>("GET", "/v1/agents");
    const found = items.find(({ latestRunStatus }) => latestRunStatus === "ERROR");
    if (found === undefined) throw new Error("no agent failed");
    return found;
  }

  /** Wakes an agent's machine. */
  async wake({ id }: Agent): Promise<void> {
    await this.house.call("POST", `/v1/agents/${id}/wake`);
    await until(
      async () => (await this.#now(id)).sandbox.state === "up",
      () => "the machine does not come up",
    );
  }

  async #send(text: string, name: string, mode = "agent"): Promise<Agent> {
    const body = { prompt: { text }, name, mode, repos: [{ url: this.#shop }], autoCreatePR: true };
    return (await this.house.call<{ agent: Agent }>("POST", "/v1/agents", body)).agent;
  }

  #now(id: string): Promise<Agent> {
    return this.house.call<Agent>("GET", `/v1/agents/${id}`);
  }

  async #until({ id, name }: Agent, status: string): Promise<void> {
    const message = `“${name}” becomes ${status}`;
    await expect
      .poll(async () => (await this.#now(id)).status, { message, timeout: ERRAND_MS })
      .toBe(status);
  }

  async #asks({ id, name }: Agent): Promise<void> {
    const message = `“${name}” asks`;
    await expect
      .poll(async () => (await this.#now(id)).question?.kind, { message, timeout: ERRAND_MS })
      .toBeDefined();
  }
}

function configuration(model: string): string {
  return `[run]
minutes = 30

[models]
default = "house-model"

[[models.list]]
id = "house-model"
dialect = "anthropic"
base_url = "${model}"
context_window = 200000
images = true
thinking = true
input_price = 3.0
output_price = 15.0
cache_write_price = 3.75
cache_read_price = 0.3
`;
}
