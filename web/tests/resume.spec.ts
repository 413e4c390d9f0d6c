import type { Browser, Page } from "@playwright/test";
import { expect, signIn, test } from "./kit";
import type { House } from "./kit/house";
import { PacedHouse } from "./kit/long";

const isFull = process.env.ERRAND_TEST_COUNTS === "full";
const PAGES = isFull ? 50 : 5;
const KILLS = isFull ? 6 : 2;
const PIECES = 120;
const PAUSE_MS = 40;

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);

test(`${PAGES} pages are told each event once and show the end, though the server was killed`, async ({
  browser,
  house,
}) => {
  test.setTimeout(isFull ? 900_000 : 180_000);
  const paced = await PacedHouse.start(house);
  const id = await paced.begin({ steps: 30, calls: 2, pieces: PIECES, pauseMs: PAUSE_MS });
  const pages: Page[] = [];
  for (let count = 0; count < PAGES; count += 1) pages.push(await open(browser, house, id));
  for (let kill = 0; kill < KILLS; kill += 1) {
    if (kill > 0) await paced.begin({ steps: 10, calls: 2, pieces: PIECES, pauseMs: PAUSE_MS }, id);
    const shown = conversation(pages[0] as Page)
      .getByText(/word3\d/)
      .last();
    await expect(shown).toBeVisible({ timeout: 60_000 });
    await house.kill();
    await house.open();
    await paced.rest(id);
  }
  const { seq } = await paced.rest(id);
  for (const page of pages) {
    await expect.poll(() => page.evaluate(lastNumber), { timeout: 60_000 }).toBe(seq);
    const numbers = await page.evaluate(() => Reflect.get(window, "numbers") as number[]);
    const begun = numbers[0] ?? 0;
    expect(numbers).toEqual(numbers.map((_, at) => begun + at));
    // Nobody scrolled, so each stands at the end of what was said.
    const last = conversation(page)
      .getByText(`word${PIECES - 1}`)
      .last();
    await expect(last).toBeInViewport({ timeout: 20_000 });
  }
  for (const page of pages) await page.context().close();
  await paced.stop();
});

function conversation(page: Page) {
  return page.getByRole("region", { name: "Conversation" });
}

/** A page in a window of its own: browsers draw nothing of a tab behind another. */
async function open(browser: Browser, house: House, id: string): Promise<Page> {
  const context = await browser.newContext({ baseURL: house.url, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.addInitScript(noteNumbers);
  await signIn(page, house);
  await page.goto(`/agents/${id}`);
  await expect(
    conversation(page)
      .getByText(/word\d/)
      .last(),
  ).toBeVisible({ timeout: 60_000 });
  return page;
}

/** In the page: the number of each event that its socket brought. */
function noteNumbers(): void {
  const numbers: number[] = [];
  Reflect.set(window, "numbers", numbers);
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => {
        const message = JSON.parse(String(data)) as { type: string; items?: { seq: number }[] };
        if (message.type !== "events") return;
        for (const { seq } of message.items ?? []) numbers.push(seq);
      });
    }
  };
}

function lastNumber(): number | undefined {
  return (Reflect.get(window, "numbers") as number[]).at(-1);
}
