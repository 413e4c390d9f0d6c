import type { Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { expect, expectAccessible, picture, test } from "./kit";
import { type House, until } from "./kit/house";
import { work } from "./kit/work";

/** Chromium of the sandbox starts slower than a page of ours opens. */
const START_MS = 30_000;

const FIRST = `<!doctype html><title>A small shop</title>
<style>body{margin:0;background:#2050c0}a{position:fixed;inset:0;color:#fff;font:40px sans-serif}</style>
<a href="second.html">To the second page</a>`;
const SECOND = `<!doctype html><title>Second page</title>
<style>body{margin:0;background:#fff}input{position:fixed;inset:0;width:100%;height:100%;font-size:40px}</style>
<input aria-label="Name" onkeydown="event.key==='Enter' && fetch('/said?'+this.value)">`;

let agent: Agent | undefined;

/** An agent whose machine is up and serves two pages. */
async function serving(house: House): Promise<Agent> {
  const write = (path: string, content: string) => ({ write: { path, content } });
  agent ??= await work(
    house,
    undefined,
    [
      {
        calls: [
          write("/workspace/site/index.html", FIRST),
          write("/workspace/site/second.html", SECOND),
          {
            shell:
              "cd /workspace/site && (setsid python3 -m http.server 8000 > /workspace/said.log 2>&1 &) && sleep 1",
          },
        ],
      },
      { text: "Done." },
    ],
    { name: "Run the shop" },
  );
  const { id } = agent;
  await house.call("POST", `/v1/agents/${id}/wake`);
  await until(
    async () => (await house.call<Agent>("GET", `/v1/agents/${id}`)).sandbox.state === "up",
    () => "the machine does not come up",
  );
  return agent;
}

/** Opens the browser's page and starts the browser; without one in the sandbox there is nothing to test. */
async function start(page: Page, house: House): Promise<Agent> {
  const found = await serving(house);
  const path = `/v1/agents/${found.id}/browser`;
  const { available, running } = await house.call<{ available: boolean; running: boolean }>(
    "GET",
    path,
  );
  if (!available) process.stdout.write("not tested: the sandbox has no Chromium\n");
  test.skip(!available, "the sandbox has no Chromium");
  if (running) await house.call("DELETE", path);
  await page.goto(`/agents/${found.id}/machine/browser`);
  await page.getByRole("button", { name: "Start the browser" }).click();
  await expect(page.getByText("You have control", { exact: true })).toBeVisible({
    timeout: START_MS,
  });
  return found;
}

/** The colour of the live view at its middle. */
function colour(page: Page): Promise<number[]> {
  return page.locator("canvas").evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const context = canvas.getContext("2d");
    const [x, y] = [canvas.width / 2, canvas.height * 0.8];
    return context ? [...context.getImageData(x, y, 1, 1).data.slice(0, 3)] : [];
  });
}

const isBlue = ([red = 255, , blue = 0]: number[]) => red < 80 && blue > 150;
const isWhite = ([red = 0, green = 0]: number[]) => red > 240 && green > 240;

async function go(page: Page, address: string) {
  await page.getByLabel("Address").fill(address);
  await page.getByLabel("Address").press("Enter");
}

/** What the server inside was asked for. */
async function said(house: House, id: string): Promise<string> {
  const path = `/v1/agents/${id}/files/content?path=/workspace/said.log`;
  const answer = await fetch(house.server + path, {
    headers: { authorization: `Bearer ${house.token}` },
  });
  return answer.text();
}

test("a page inside is opened, seen, clicked and typed into", async ({ page, house }) => {
  test.setTimeout(120_000);
  const { id } = await start(page, house);
  await expect(page.getByRole("button", { name: /Port 8000/ })).toBeVisible();
  await picture(page, "machine-browser-empty");
  await expectAccessible(page);
  await go(page, "8000");
  await expect.poll(async () => isBlue(await colour(page)), { timeout: START_MS }).toBe(true);
  await expect(page.getByRole("button", { name: "A small shop" })).toBeVisible();
  await picture(page, "machine-browser");
  await expectAccessible(page);
  await page.locator("canvas").click();
  await expect.poll(async () => isWhite(await colour(page)), { timeout: START_MS }).toBe(true);
  await expect(page.getByLabel("Address")).toHaveValue("http://localhost:8000/second.html");
  await page.locator("canvas").click();
  await page.getByRole("textbox", { name: /Keys for the page/ }).focus();
  await page.keyboard.type("ada");
  await page.keyboard.press("Enter");
  await until(
    async () => (await said(house, id)).includes("GET /said?ada"),
    () => "the page did not say it",
  );
  await page.keyboard.press("Shift+Escape");
  await expect(page.getByRole("button", { name: "Hand back" })).toBeFocused();
  await page.getByRole("button", { name: "Back", exact: true }).click();
  await expect.poll(async () => isBlue(await colour(page)), { timeout: START_MS }).toBe(true);
});

test("others look on until they take control, and addresses that are no pages are refused", async ({
  page,
  house,
  context,
}) => {
  test.setTimeout(120_000);
  const { id } = await start(page, house);
  await go(page, "file:///etc/passwd");
  await expect(page.getByText("Type a web address")).toBeVisible();
  await go(page, "8000/second.html");
  await expect(page.getByRole("button", { name: "Second page" })).toBeVisible({
    timeout: START_MS,
  });
  const other = await context.newPage();
  await other.goto(page.url());
  await expect.poll(async () => isWhite(await colour(other)), { timeout: START_MS }).toBe(true);
  await expect(other.getByText("You have control in another window")).toBeVisible();
  await expect(other.getByRole("textbox", { name: /Keys for the page/ })).toHaveCount(0);
  await expect(other.getByLabel("Address")).toHaveJSProperty("readOnly", true);
  await picture(other, "machine-browser-read-only");
  await expectAccessible(other);
  await other.getByRole("button", { name: "Take control" }).click();
  await expect(page.getByRole("button", { name: "Take control" })).toBeVisible();
  await expect(other.getByText("You have control", { exact: true })).toBeVisible();
  await other.locator("canvas").click();
  await other.getByRole("textbox", { name: /Keys for the page/ }).focus();
  await other.keyboard.type("ben");
  await other.keyboard.press("Enter");
  await until(
    async () => (await said(house, id)).includes("GET /said?ben"),
    () => "the page did not say it",
  );
  await other.getByRole("button", { name: "End the browser" }).click();
  await other.getByRole("button", { name: "End it" }).click();
  await expect(page.getByRole("heading", { name: "The browser is not running" })).toBeVisible();
  await other.close();
});

test("a machine without a browser says how to have one", async ({ page, house }) => {
  const { id } = await serving(house);
  await page.route(`**/v1/agents/${id}/browser`, (route) =>
    route.fulfill({ json: { available: false, running: false, viewers: 0 } }),
  );
  await page.goto(`/agents/${id}/machine/browser`);
  await expect(page.getByRole("heading", { name: "This machine has no browser" })).toBeVisible();
  await picture(page, "machine-browser-none");
  await expectAccessible(page);
});
