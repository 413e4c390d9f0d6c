import AxeBuilder from "@axe-core/playwright";
import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { House } from "./kit/house";

export { expect };

interface WorkerFixtures {
  /** A real server, shared by the tests of a worker. */
  house: House;
}

interface TestFixtures {
  /** A page that is signed in; the test fails on console errors and on requests elsewhere. */
  page: Page;
  /** Where the test begins: not signed in. */
  stranger: Page;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  house: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names out of this pattern
    async ({}, use) => {
      const house = await House.start();
      await use(house);
      await house.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],
  baseURL: async ({ house }, use) => use(house.url),
  stranger: async ({ browser, baseURL, viewport, colorScheme }, use) => {
    const context = await browser.newContext({
      ...(baseURL !== undefined && { baseURL }),
      viewport: viewport ?? null,
      colorScheme: colorScheme ?? "light",
      reducedMotion: "reduce",
    });
    await use(await context.newPage());
    await context.close();
  },
  page: async ({ page, house }, use) => {
    const faults = watchFaults(page, house.url);
    await signIn(page, house);
    await use(page);
    expect(faults, "console errors and requests to other places").toEqual([]);
  },
});

/** Signs the page's browser in without showing a page. */
export async function signIn(page: Page, house: House, token = house.token): Promise<void> {
  const answer = await page.request.post(`${house.url}/v1/session`, {
    data: { token },
    headers: { "x-errand-client": "web", origin: house.url },
  });
  expect(answer.status(), await answer.text()).toBe(204);
}

/** Requests to other places and console errors, as they come. Refusals the test expects are its own. */
export function watchFaults(page: Page, home: string): string[] {
  const faults: string[] = [];
  page.on("request", (request) => {
    const url = request.url();
    const own = url.startsWith(home) || url.startsWith(home.replace("http", "ws"));
    if (!own && !/^(data|blob):/.test(url)) faults.push(`request to ${url}`);
  });
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    // The browser notes every refused or cut request; what the page makes of it is tested.
    if (/^Failed to load resource|WebSocket connection to/.test(message.text())) return;
    faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  return faults;
}

/** No violation of WCAG 2.2 AA that a machine can see. */
export async function expectAccessible(page: Page): Promise<void> {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
  const { violations } = await new AxeBuilder({ page })
    // What was told to screen readers a moment ago, by the id of what may be closed by now; it goes by itself.
    .exclude("[data-live-announcer]")
    .withTags(tags)
    .analyze();
  const found = violations.map(({ id, nodes }) => ({
    id,
    where: nodes.map(({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary}`),
  }));
  expect(found).toEqual([]);
}

/** Keeps a picture of the page under tests/screenshots, by project (size and theme). */
export async function picture(page: Page, name: string): Promise<void> {
  const project = test.info().project.name;
  await page.screenshot({
    path: `tests/screenshots/${name}-${project}.png`,
    animations: "disabled",
  });
}

/** The sidebar; on a phone it is opened first. */
export async function sidebar(page: Page): Promise<Locator> {
  const isPhone = (page.viewportSize()?.width ?? 0) <= 640;
  if (isPhone) await page.getByRole("button", { name: "Show the agents" }).click();
  return page.getByRole("navigation", { name: "Agents" }).filter({ visible: true });
}
