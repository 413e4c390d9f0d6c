/**
 * A picture of every page, light and dark, on a desktop and on a phone: artifacts of each run, in
 * tests/screenshots/pages. `npm run pictures` makes those of the documents out of them.
 */
import type { Browser, Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { expect, sidebar, signIn, test, watchFaults } from "./kit";
import { until } from "./kit/house";
import { Showroom } from "./kit/showroom";

const SIZES = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
} as const;
type Size = keyof typeof SIZES;

const FOLDER = "tests/screenshots/pages";
/** Chromium of the sandbox starts slower than a page of ours opens. */
const START_MS = 30_000;

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "every size and theme is pictured in one go",
);
test.describe.configure({ mode: "serial" });

let room: Showroom;
let agents: Awaited<ReturnType<Showroom["furnish"]>>;
const pages = new Map<Size, Page>();
const faults: string[][] = [];

test.beforeAll(async ({ browser }) => {
  test.setTimeout(240_000);
  room = await Showroom.open();
  for (const size of ["desktop", "phone"] as const)
    pages.set(size, await openWindow(browser, size));
});

test.afterAll(async () => {
  for (const page of pages.values()) await page.context().close();
  await room.close();
});

async function openWindow(browser: Browser, size: Size): Promise<Page> {
  const context = await browser.newContext({
    baseURL: room.house.url,
    viewport: SIZES[size],
    hasTouch: size === "phone",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  faults.push(watchFaults(page, room.house.url));
  return page;
}

/** Shows something on both sizes, or one, and keeps it in both themes. */
async function show(
  name: string,
  arrange: (page: Page, size: Size) => Promise<unknown>,
  only?: Size,
) {
  for (const [size, page] of pages) {
    if (only !== undefined && size !== only) continue;
    await arrange(page, size);
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const path = `${FOLDER}/${name}-${size}-${colorScheme}.png`;
      await page.screenshot({ path, animations: "disabled", caret: "hide" });
    }
    await page.emulateMedia({ colorScheme: "light" });
    const isTooWide = await page.evaluate(
      () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
    );
    expect(isTooWide, `${name} is wider than a ${size}`).toBe(false);
  }
}

test("before anybody signed in, and before the first agent", async () => {
  await show("sign-in", async (page) => {
    await page.goto("/settings");
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  });
  for (const page of pages.values()) await signIn(page, room.house);
  await show("welcome", async (page) => {
    await page.goto("/");
    await expect(page.getByRole("heading", { name: "Send your first errand" })).toBeVisible();
    await expect(page.getByText("house-model").first()).toBeVisible();
  });
});

test("home, search, palette, help and the form of a new agent", async () => {
  test.setTimeout(480_000);
  agents = await room.furnish();
  await show("home", async (page) => {
    await page.goto("/");
    await expect(page.getByRole("heading", { name: /Needs you/ })).toBeVisible();
  });
  await show("search", async (page, size) => {
    const list = await sidebar(page);
    await list.getByLabel("Search agents").fill("invoice");
    await expect(list.getByRole("link", { name: /Round invoice totals/ })).toBeVisible();
    await expect(list.getByRole("link", { name: /Translate/ })).toHaveCount(0);
    if (size === "phone") await expect(list).toBeVisible();
  });
  await show("palette", async (page) => {
    await page.goto("/");
    await expect(page.getByRole("heading", { name: /Needs you/ })).toBeVisible();
    await page.keyboard.press("Control+k");
    await page.getByPlaceholder("Search agents and commands…").fill("background");
    await expect(page.getByRole("menuitem", { name: "All cloud agents" })).toBeVisible();
  });
  await show("help", async (page) => {
    await page.goto("/");
    await expect(page.getByRole("heading", { name: /Needs you/ })).toBeVisible();
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog", { name: "Keyboard and help" })).toBeVisible();
  });
  await show("new", async (page) => {
    await page.goto("/new");
    const words =
      "Customers in Norway see prices in euros. Show crowns, and keep the invoice in euros.";
    await page.getByLabel("Task").fill(words);
    if (await page.getByRole("button", { name: "Choose a repository" }).isVisible()) {
      await page.getByRole("button", { name: "Choose a repository" }).click();
      await page.getByRole("menuitem", { name: /tea-shop/ }).click();
    }
    await page.getByRole("button", { name: "More options" }).click();
    await page.getByLabel("Branch", { exact: true }).fill("prices/crowns");
    await page.getByRole("button", { name: "Add a variable" }).click();
    await page.getByLabel("Name of variable 1").fill("RATES_URL");
    await page.getByLabel("Minutes").fill("20");
  });
  for (const page of pages.values())
    await page.evaluate(() => localStorage.removeItem("errand.draft"));
});

test("agents at work, asking, planning, done and failed", async () => {
  test.setTimeout(120_000);
  const failed = await room.failed();
  const talk = (page: Page) => page.getByRole("region", { name: "Conversation" });
  await show("agent-running", async (page) => {
    await page.goto(`/agents/${agents.running.id}`);
    await expect(talk(page).getByText("1641:", { exact: true })).toBeVisible();
  });
  await show("agent-asking", async (page) => {
    await page.goto(`/agents/${agents.asking.id}`);
    await expect(page.getByRole("region", { name: "The agent asks you" })).toBeVisible();
  });
  await show("agent-plan", async (page) => {
    await page.goto(`/agents/${agents.planned.id}`);
    await expect(page.getByRole("button", { name: "Approve and carry out" })).toBeVisible();
  });
  await show("agent-done", async (page) => {
    await page.goto(`/agents/${agents.done.id}`);
    await expect(talk(page).getByText("One thing to decide")).toBeVisible();
  });
  await show("agent-steps", async (page) => {
    await talk(page).hover();
    await talk(page).evaluate((element) => {
      element.dispatchEvent(new WheelEvent("wheel"));
      element.scrollTop = 0;
    });
    await expect(talk(page).getByText("I'll look for every place that rounds.")).toBeVisible();
  });
  await show("agent-failed", async (page) => {
    await page.goto(`/agents/${failed.id}`);
    await expect(talk(page).getByText("model_auth")).toBeVisible();
  });
});

test("changes in one and two columns, comments, and the pull request", async () => {
  test.setTimeout(120_000);
  const { id } = agents.done;
  const lines = (page: Page) => page.getByRole("region", { name: "Changed lines" });
  await show("changes", async (page) => {
    await page.goto(`/agents/${id}/changes`);
    await goTo(page, "invoice.py");
    await expect(lines(page).getByText("share(self.net, self.tax)")).toBeVisible();
  });
  const split = async (page: Page) => {
    await page.getByRole("button", { name: "Side by side" }).click();
    await goTo(page, "money.py");
    await expect(lines(page).getByText("ROUND_HALF_EVEN").first()).toBeVisible();
  };
  await show("changes-split", split, "desktop");
  await show("changes-comment", async (page, size) => {
    if (size === "desktop") await page.getByRole("button", { name: "One column" }).click();
    await goTo(page, "invoice.py");
    await lines(page).focus();
    await page.keyboard.press("c");
    await page.keyboard.type("Does the till call this as well?");
    await page.keyboard.press("Control+Enter");
    await expect(lines(page).getByText("Not sent yet")).toBeVisible();
  });
  await show("pull-request", async (page) => {
    await page.goto(`/agents/${id}/pull-requests/1`);
    await expect(page.getByRole("button", { name: "Merge" })).toBeVisible();
    await expect(lines(page)).toContainText("rounding");
  });
});

test("the machine: terminal, files, ports, browser, artifacts, use, ways in", async () => {
  test.setTimeout(240_000);
  const { id } = agents.done;
  const tab = (page: Page, name: string) => page.goto(`/agents/${id}/machine/${name}`);
  const path = `/v1/agents/${id}`;
  await show("machine-asleep", async (page) => {
    await page.route(`**${path}`, async (route) => {
      const answer = await route.fetch();
      const body: Agent = await answer.json();
      await route.fulfill({ json: { ...body, sandbox: { ...body.sandbox, state: "none" } } });
    });
    await tab(page, "terminal");
    await expect(page.getByRole("heading", { name: "The machine is asleep" })).toBeVisible();
    await page.unroute(`**${path}`);
  });
  await room.wake(agents.done);
  await show("machine-files", async (page) => {
    await tab(page, "files");
    const files = page.getByRole("region", { name: "Folders and files" });
    await files.getByRole("button", { name: "tea-shop", exact: true }).click();
    await files.getByRole("button", { name: "shop", exact: true }).click();
    await files.getByRole("button", { name: /^invoice\.py/ }).click();
    await expect(page.getByRole("textbox", { name: /Text of/ })).toContainText("class Invoice");
  });
  await show("machine-ports", async (page) => {
    await tab(page, "ports");
    await expect(page.getByText("8000", { exact: true })).toBeVisible();
  });
  await show("machine-artifacts", async (page) => {
    await tab(page, "artifacts");
    await expect(page.getByText("tests.log")).toBeVisible();
  });
  await show("machine-terminal", async (page, size) => {
    await tab(page, "terminal");
    if (size === "desktop") await typeInTerminal(page);
    await expect(page.locator(".xterm-rows")).toContainText("OK");
  });
  await show("machine-usage", async (page, size) => {
    if (size === "desktop") await keepBusy(page);
    await tab(page, "usage");
    const points = async () =>
      (await page.locator("polyline").first().getAttribute("points"))?.split(" ").length ?? 0;
    // A line that says something, not a point.
    await expect.poll(points, { timeout: START_MS }).toBeGreaterThan(size === "desktop" ? 8 : 2);
  });
  const connect = async (page: Page) => {
    await page.getByRole("button", { name: "Open in VS Code or SSH" }).click();
    await expect(page.getByRole("dialog")).toContainText("Not verified on this server");
  };
  await show("machine-connect", connect, "desktop");
  const { available } = await room.house.call<{ available: boolean }>("GET", `${path}/browser`);
  if (!available) {
    process.stdout.write("not pictured: the sandbox has no Chromium\n");
    return;
  }
  await show("machine-browser", async (page, size) => {
    await tab(page, "browser");
    if (size === "desktop") {
      await page.getByRole("button", { name: "Start the browser" }).click();
      const address = page.getByLabel("Address");
      await expect(address).toBeVisible({ timeout: START_MS });
      await address.fill("8000");
      await address.press("Enter");
    }
    await expect(page.getByRole("button", { name: "The tea shop" })).toBeVisible({
      timeout: START_MS,
    });
    await until(
      () => isDrawn(page),
      () => "the browser shows nothing",
    );
  });
});

const SETTINGS = {
  defaults: "Deleting an agent deletes its conversation",
  security: "code is never used for training",
  keys: "Ada's laptop",
  appearance: "As the device",
  server: /Good|Weaker|Missing/,
  environments: "What is left out of a file stands in the agent's conversation",
  network: "Keys of models and of git remotes stay in the server.",
  secrets: "Grant for registry.npmjs.org",
  forges: "No host is connected.",
  providers: "None can be added yet.",
  teams: "There are no roles, invitations or limits",
} as const;

test("every page of the settings", async () => {
  test.setTimeout(120_000);
  for (const name of ["Ada's laptop", "Nightly builds"]) {
    await room.house.call("POST", "/v1/api-keys", { name });
  }
  const value = "shown-nowhere";
  await room.house.call("PUT", "/v1/team/secrets/NPM_TOKEN", { value });
  const own = { value, plain: true };
  await room.house.call("PUT", "/v1/secrets/DATABASE_URL", own);
  for (const [path, words] of Object.entries(SETTINGS)) {
    await show(`settings-${path}`, async (page) => {
      await page.goto(`/settings/${path}`);
      await expect(page.getByText(words).first()).toBeVisible();
    });
  }
});

test("addresses that lead nowhere, and a server that is away", async () => {
  await show("error-page", async (page) => {
    await page.goto("/nowhere/at/all");
    await expect(page.getByText("There is no page at this address")).toBeVisible();
  });
  await show("error-agent", async (page) => {
    await page.goto("/agents/bc-00000000-0000-7000-8000-000000000000");
    await expect(page.getByRole("heading", { name: "There is no such agent" })).toBeVisible();
  });
  await show("error-list", async (page) => {
    await page.route("**/v1/agents?**", (route) =>
      route.fulfill({ status: 502, body: "bad gateway" }),
    );
    await page.goto("/");
    await expect(page.getByText("Could not load your agents").last()).toBeVisible();
    await page.unroute("**/v1/agents?**");
  });
  for (const page of pages.values()) {
    await page.goto(`/agents/${agents.asking.id}`);
    await expect(page.getByRole("region", { name: "The agent asks you" })).toBeVisible();
  }
  await room.house.kill();
  await show("error-away", async (page) => {
    await expect(page.getByText("Connecting again.")).toBeVisible();
  });
  expect(faults.flat(), "console errors and requests to other places").toEqual([]);
});

/** Scrolls to a file through the tree, which is a sheet on narrow windows. */
async function goTo(page: Page, name: string) {
  await expect(page.getByRole("region", { name: "Changed lines" })).toBeVisible();
  const sheet = page.getByRole("button", { name: "Show the files" });
  if (await sheet.isVisible()) await sheet.click();
  await page
    .getByRole("button", { name: new RegExp(`: ${name}`) })
    .first()
    .click();
}

/** Types line by line: what is typed before a prompt stands would be printed twice. */
async function typeInTerminal(page: Page) {
  await page.getByRole("button", { name: /Open a terminal/ }).click();
  await expect(page.getByText("You are typing", { exact: true })).toBeVisible();
  const rows = page.locator(".xterm-rows");
  await expect(rows).toContainText("$");
  await page.keyboard.type("cd /workspace/tea-shop && git status --short --branch && ls\n");
  await expect(rows).toContainText("README.md");
  await page.keyboard.type("python3 -m unittest discover -s tests -v\n");
}

/** Something to see among what the machine uses. */
async function keepBusy(page: Page) {
  const work = "for n in 1 2 3 4 5 6; do timeout 2 python3 -c 'while True: pass'; sleep 2; done";
  await page.keyboard.type(`(${work}) &\n`);
  await expect(page.locator(".xterm-rows")).toContainText("[1]");
}

/** Whether the live view shows the shop and not an empty page. */
function isDrawn(page: Page): Promise<boolean> {
  return page.locator("canvas").evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const top = canvas.getContext("2d")?.getImageData(canvas.width / 2, 20, 1, 1).data;
    return top !== undefined && (top[0] ?? 255) < 90 && (top[1] ?? 0) > 40;
  });
}
