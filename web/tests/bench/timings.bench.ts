/**
 * How fast the app is to the eye, as figures: `npm run bench`. Nothing is asserted but that there is
 * something to measure; what a figure is worth depends on what else the machine does.
 */
import type { Browser, Page } from "@playwright/test";
import { expect, signIn, test } from "../kit";
import { figure } from "../kit/figures";
import type { House } from "../kit/house";
import { PacedHouse } from "../kit/long";
import { work } from "../kit/work";

const EVENTS = Number(process.env.ERRAND_LONG_EVENTS ?? 50_000);
const ROUNDS = 10;
const KEYS = 120;
const WORDS = 200;

test("first views, from cold and from another page", async ({ browser, house }) => {
  test.setTimeout(600_000);
  const paced = await PacedHouse.start(house);
  const { id, seq } = await paced.longLog(EVENTS);
  const cold = { home: [] as number[], agent: [] as number[] };
  const warm: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    cold.home.push(await fromCold(browser, house, "/", "What should be done?"));
    cold.agent.push(await fromCold(browser, house, `/agents/${id}`, "word2"));
    warm.push(await fromAnotherPage(browser, house, id));
  }
  await paced.stop();
  figure("home, from cold", cold.home);
  figure(`an agent of ${seq} events, from cold`, cold.agent);
  figure(`an agent of ${seq} events, from another page`, warm);
  expect(seq).toBeGreaterThan(EVENTS * 0.9);
});

test("a delta, from the model and from the socket to the page", async ({ page, house }) => {
  const paced = await PacedHouse.start(house);
  await page.addInitScript(noteArrivals);
  await page.goto("/settings/appearance");
  const id = await paced.begin({ steps: 0, pieces: WORDS, pauseMs: 50 });
  await page.goto(`/agents/${id}`);
  await page.evaluate(noteShown);
  await paced.rest(id);
  const { arrived, shown } = await page.evaluate(() => ({
    arrived: Reflect.get(window, "arrived") as Record<string, number>,
    shown: Reflect.get(window, "shown") as Record<string, number>,
  }));
  const words = paced.model.sent.slice(30).filter(({ text }) => arrived[text] && shown[text]);
  await paced.stop();
  const after = (from: (word: { text: string; atMs: number }) => number) =>
    words.map((word) => (shown[word.text] ?? 0) - from(word));
  figure(
    "delta, model to page",
    after(({ atMs }) => atMs),
  );
  figure(
    "delta, socket to page",
    after(({ text }) => arrived[text] ?? 0),
  );
  expect(words.length).toBeGreaterThan(WORDS / 3);
});

test("a key, to its echo in the browser's terminal", async ({ page, house }) => {
  const agent = await work(house, undefined, [{ calls: [{ shell: "true" }] }, { text: "Done." }]);
  await house.call("POST", `/v1/agents/${agent.id}/wake`);
  await page.addInitScript(noteFrames);
  await page.goto(`/agents/${agent.id}/machine/terminal`);
  await page.getByRole("button", { name: /Open (a|another) terminal/ }).click();
  await expect(page.getByText("You are typing", { exact: true })).toBeVisible();
  await expect(page.locator(".xterm-rows")).toContainText("$");
  await page.keyboard.type("cat > /dev/null\n");
  const keys = await page.evaluate(pressKeys, KEYS);
  await page.keyboard.press("Control+c");
  figure(
    "key to echo on the screen",
    keys.map(({ shown }) => shown),
  );
  figure(
    "key to echo at the socket",
    keys.map(({ answered }) => answered),
  );
  expect(keys).toHaveLength(KEYS);
});

/** From the navigation until the words stand, in a browser that has nothing. */
async function fromCold(browser: Browser, house: House, path: string, words: string) {
  const page = await fresh(browser, house);
  await page.goto(path, { waitUntil: "commit" });
  const took = await page.evaluate(async (words) => {
    while (!document.querySelector("main")?.textContent?.includes(words)) {
      await new Promise((go) => requestAnimationFrame(go));
    }
    return performance.now();
  }, words);
  await page.context().close();
  return took;
}

/** From the press until the newest row stands and the page answers. */
async function fromAnotherPage(browser: Browser, house: House, agent: string) {
  const page = await fresh(browser, house);
  await page.goto("/settings/appearance");
  await page.waitForLoadState("networkidle");
  const took = await page.evaluate(async (agent) => {
    const began = performance.now();
    history.pushState(null, "", `/agents/${agent}`);
    window.dispatchEvent(new PopStateEvent("popstate"));
    const isThere = () =>
      document.querySelector("section[aria-label='Conversation']")?.textContent?.includes("word2");
    while (!isThere()) await new Promise((go) => requestAnimationFrame(go));
    await new Promise((go) => setTimeout(go));
    return performance.now() - began;
  }, agent);
  await page.context().close();
  return took;
}

async function fresh(browser: Browser, house: House): Promise<Page> {
  const viewport = { width: 1440, height: 900 };
  const context = await browser.newContext({ baseURL: house.url, viewport });
  const page = await context.newPage();
  await signIn(page, house);
  return page;
}

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

/** In the page: when bytes of a terminal came. */
function noteFrames(): void {
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") Reflect.set(window, "bytesAt", performance.now());
      });
    }
  };
}

/** In the page: presses keys one after another, each when the last one stood on the screen. */
async function pressKeys(count: number) {
  const area = document.querySelector<HTMLTextAreaElement>(".xterm-helper-textarea");
  const rows = document.querySelector(".xterm-rows");
  if (!area || !rows) throw new Error("no terminal");
  const keys: { shown: number; answered: number }[] = [];
  for (let at = 0; at < count; at += 1) {
    // Not in step with the frames of the screen.
    await new Promise((go) => setTimeout(go, 40 + Math.random() * 17));
    const began = performance.now();
    const echoed = new Promise<void>((done) => {
      const observer = new MutationObserver(() => {
        observer.disconnect();
        done();
      });
      observer.observe(rows, { childList: true, subtree: true, characterData: true });
    });
    const key = { bubbles: true, keyCode: 120, charCode: 120 };
    area.dispatchEvent(new KeyboardEvent("keydown", { key: "x", keyCode: 88, bubbles: true }));
    area.dispatchEvent(new KeyboardEvent("keypress", { key: "x", ...key }));
    await echoed;
    const answered = Number(Reflect.get(window, "bytesAt")) - began;
    keys.push({ shown: performance.now() - began, answered });
  }
  return keys;
}
