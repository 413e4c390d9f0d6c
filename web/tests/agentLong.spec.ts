import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { PacedModel } from "./fixtures/pacedModel";
import { expect, test } from "./kit";
import { type House, until } from "./kit/house";

/** Events of the long log. Each step makes 3 events and 3 for each call; the rest is the run's own. */
const EVENTS = Number(process.env.ERRAND_LONG_EVENTS ?? 50_000);
const CALLS = 40;
const STEPS = Math.ceil(EVENTS / (3 + 3 * CALLS));
const RUNS = 4;

let model: PacedModel;

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);
test.describe.configure({ mode: "serial" });

let before = "";

test.beforeAll(async ({ house }) => {
  model = await PacedModel.start();
  const config = join(house.data, "errand.toml");
  before = readFileSync(config, "utf8");
  await house.kill();
  writeFileSync(config, `[models]\nscripted_url = "${model.url}"\n`);
  await house.open();
});

test.afterAll(async ({ house }) => {
  await house.kill();
  writeFileSync(join(house.data, "errand.toml"), before);
  await house.open();
  await model.stop();
});

async function begin(house: House, plan: object, agent?: string): Promise<string> {
  model.reset();
  const prompt = { text: `A long errand.\npaced: ${JSON.stringify(plan)}` };
  if (agent !== undefined) {
    await house.call("POST", `/v1/agents/${agent}/runs`, { prompt });
    return agent;
  }
  const limits = { steps: 100_000, minutes: 480 };
  const made = await house.call<{ agent: Agent }>("POST", "/v1/agents", { prompt, limits });
  return made.agent.id;
}

async function rest(house: House, agent: string): Promise<Agent> {
  let now: Agent | undefined;
  for (;;) {
    const isResting = await until(
      async () => {
        now = await house.call<Agent>("GET", `/v1/agents/${agent}`);
        return now.status === "IDLE";
      },
      () => `still at event ${now?.seq}`,
    ).then(
      () => true,
      () => false,
    );
    if (isResting && now) return now;
  }
}

/** From the navigation until the newest row stands and the page answers. */
async function timeToInteractive(page: Page, id: string, words: string): Promise<number> {
  await page.goto("/settings/appearance");
  await page.waitForLoadState("networkidle");
  const began = await page.evaluate(
    async ({ id, words }) => {
      const began = performance.now();
      history.pushState(null, "", `/agents/${id}`);
      window.dispatchEvent(new PopStateEvent("popstate"));
      const isThere = () =>
        document.querySelector("section[aria-label='Conversation']")?.textContent?.includes(words);
      while (!isThere()) await new Promise((go) => requestAnimationFrame(go));
      await new Promise((go) => setTimeout(go));
      return performance.now() - began;
    },
    { id, words },
  );
  return began;
}

test("a long log opens at once, is read back to its beginning and jumped through", async ({
  page,
  house,
}) => {
  test.setTimeout(600_000);
  let id: string | undefined;
  for (let run = 0; run < RUNS; run += 1) {
    id = await begin(house, { steps: Math.ceil(STEPS / RUNS), calls: CALLS, pieces: 3 }, id);
    await rest(house, id);
  }
  if (id === undefined) throw new Error("no agent");
  const { seq } = await rest(house, id);
  const took = await timeToInteractive(page, id, "word2");
  test.info().annotations.push({
    type: "figure",
    description: `${seq} events: interactive after ${Math.round(took)} ms`,
  });
  // biome-ignore lint/suspicious/noConsole: the figure is what this test is for
  console.log(`${seq} events: interactive after ${Math.round(took)} ms`);
  expect(seq).toBeGreaterThan(EVENTS * 0.9);

  const talk = page.getByRole("region", { name: "Conversation" });
  await talk.hover();
  const place = await talk.evaluate(async (element) => {
    // Stable: what is in sight stays in its place while older rows come in above it.
    const moved: number[] = [];
    for (let at = 0; at < 120; at += 1) {
      element.scrollTop -= 400;
      // Rows that come into sight are measured first; what moves after that, moves before one's eyes.
      for (let frame = 0; frame < 3; frame += 1) {
        await new Promise((go) => requestAnimationFrame(go));
      }
      const box = element.getBoundingClientRect();
      const mark = [...element.querySelectorAll("[id^='row-']")].find(
        (row) => row.getBoundingClientRect().top > box.top + 100,
      );
      const before = mark?.getBoundingClientRect().top ?? 0;
      const top = element.scrollTop;
      await new Promise((go) => setTimeout(go, 30));
      if (mark?.isConnected) moved.push(Math.abs(mark.getBoundingClientRect().top - before));
      if (top === 0) break;
    }
    return Math.max(...moved);
  });
  expect(place).toBeLessThan(40);

  await page.getByRole("button", { name: "Jump to a run" }).click();
  await page.getByRole("menuitem").last().click();
  await expect(talk.getByText("Step 1.", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(talk.getByText("word2").last()).toBeVisible();
});

test("a delta stands on the page soon after the model sent it", async ({ page, house }) => {
  await page.addInitScript(noteArrivals);
  await page.goto("/settings/appearance");
  const id = await begin(house, { steps: 0, pieces: 120, pauseMs: 50 });
  await page.goto(`/agents/${id}`);
  await page.evaluate(noteShown);
  await rest(house, id);
  const { arrived, shown } = await page.evaluate(() => ({
    arrived: Reflect.get(window, "arrived") as Record<string, number>,
    shown: Reflect.get(window, "shown") as Record<string, number>,
  }));
  const words = model.sent.slice(30).filter(({ text }) => arrived[text] && shown[text]);
  figure(
    "model to page",
    words.map(({ text, atMs }) => (shown[text] ?? 0) - atMs),
  );
  figure(
    "arrival to page",
    words.map(({ text }) => (shown[text] ?? 0) - (arrived[text] ?? 0)),
  );
  expect(words.length).toBeGreaterThan(40);
});

/** In the page: when each word came through the socket. */
function noteArrivals(): void {
  const arrived: Record<string, number> = {};
  Reflect.set(window, "arrived", arrived);
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => {
        for (const [word] of String(data).matchAll(/word\d+/g)) arrived[word] ??= Date.now();
      });
    }
  };
}

/** In the page: when each word stood in the conversation. */
function noteShown(): void {
  const shown: Record<string, number> = {};
  Reflect.set(window, "shown", shown);
  const look = () => {
    const text = document.querySelector("section[aria-label='Conversation']")?.textContent ?? "";
    for (const [word] of text.matchAll(/word\d+/g)) shown[word] ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, {
    childList: true,
    subtree: true,
    characterData: true,
  });
}

function figure(what: string, values: number[]): void {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)];
  const words = `${what}: ${at(0.5)} ms (p50), ${at(0.95)} ms (p95) of ${sorted.length}`;
  test.info().annotations.push({ type: "figure", description: words });
  // biome-ignore lint/suspicious/noConsole: the figure is what this test is for
  console.log(words);
}
