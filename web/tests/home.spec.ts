import type { Route } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { agent, pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, sidebar, signIn, test } from "./kit";
import type { House } from "./kit/house";

async function make(house: House, text: string, name: string) {
  const { agent } = await house.call<{ agent: Agent }>("POST", "/v1/agents", {
    prompt: { text },
    name,
  });
  return agent;
}

test("an agent that starts elsewhere appears at once and comes to rest", async ({
  page,
  house,
}, info) => {
  await make(house, "Say hello.", "The first");
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "What should be done?" })).toBeVisible();
  const name = `Made elsewhere ${info.project.name}`;
  await make(house, 'Go.\nscript: {"turns":[{"text":"Hello."}]}', name);
  const row = (await sidebar(page)).getByRole("link", { name: new RegExp(name) });
  await expect(row).toBeVisible();
  await expect(row).toContainText("Done");
  await expect(row).toContainText("(new)");
  await row.click();
  await expect(page).toHaveURL(/\/agents\/bc-/);
  await expect((await sidebar(page)).getByRole("link", { name })).not.toContainText("(new)");
});

test("an archived agent leaves the list and is found by the filter", async ({
  page,
  house,
}, info) => {
  const name = `Put away ${info.project.name}`;
  const made = await make(house, 'Go.\nscript: {"turns":[{"text":"Hello."}]}', name);
  await page.goto("/settings/appearance");
  const list = await sidebar(page);
  const row = list.getByRole("link", { name });
  await expect(row).toContainText("Done");
  await house.call("POST", `/v1/agents/${made.id}/archive`);
  await expect(row).toHaveCount(0);
  await list.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("menuitemradio", { name: "Archived" }).click();
  await expect(list.getByRole("link", { name })).toBeVisible();
});

test("search asks the server", async ({ page, house }, info) => {
  const name = `Needle ${info.project.name}`;
  await make(house, 'Go.\nscript: {"turns":[{"text":"Hello."}]}', name);
  await make(house, 'Go.\nscript: {"turns":[{"text":"Hello."}]}', "Hay");
  await page.goto("/settings/appearance");
  const list = await sidebar(page);
  await list.getByLabel("Search agents").fill(name.toLowerCase());
  await expect(list.getByRole("link", { name: /Needle/ })).toHaveCount(1);
  await expect(list.getByRole("link", { name: /Hay/ })).toHaveCount(0);
  await list.getByLabel("Search agents").fill("nothing is called this");
  await expect(list.getByText("No agent fits")).toBeVisible();
});

test("looks right with agents of every kind", async ({ page }) => {
  await pretend(page);
  await page.goto("/");
  await expect(page.getByRole("heading", { name: /Needs you/ })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "home");
  await sidebar(page);
  await expectAccessible(page);
  await picture(page, "sidebar");
});

test("hides what agents ask where summaries are off", async ({ page }) => {
  const world = await pretend(page);
  world.settings = { ...world.settings, displayAgentSummary: false };
  await page.goto("/");
  await expect(page.getByRole("heading", { name: /Needs you/ })).toBeVisible();
  await expect(page.getByText("fixed exchange rate")).toHaveCount(0);
});

test("scrolls through 50,000 agents with few of them drawn", async ({ page }) => {
  await pretend(page, { agents: Array.from({ length: 50_000 }, (_, index) => agent(index)) });
  await page.goto("/settings/appearance");
  const list = await sidebar(page);
  await expect(list.getByRole("link", { name: /Errand number 0$|Errand number 0 / })).toBeVisible();
  const rows = list.getByRole("link", { name: /Errand number/ });
  await rows.last().hover();
  await expect(async () => {
    await page.mouse.wheel(0, 6000);
    const last = await rows.last().textContent();
    expect(Number(/number (\d+)/.exec(last ?? "")?.[1])).toBeGreaterThan(600);
  }).toPass();
  expect(await rows.count()).toBeLessThan(80);
});

test("says what happened when the list cannot be loaded, and tries again", async ({ page }) => {
  const world = await pretend(page);
  let broken = true;
  await page.route("**/v1/agents?**", (route) =>
    broken ? route.fulfill({ status: 502, body: "bad gateway" }) : route.fallback(),
  );
  await page.goto("/settings/appearance");
  const list = await sidebar(page);
  await expect(list.getByText("Could not load your agents")).toBeVisible();
  await expectAccessible(page);
  broken = false;
  await list.getByRole("button", { name: "Try again" }).click();
  await expect(list.getByText(world.agents[0]?.name ?? "")).toBeVisible();
});

test("goes on by itself when the server was away", async ({ page, house }, info) => {
  await make(house, 'Go.\nscript: {"turns":[{"text":"Hello."}]}', "Before");
  await page.goto("/settings/appearance");
  // The whole page: one whose code is still on its way would be opened again.
  await expect(page.getByRole("heading", { name: "Colours" })).toBeVisible();
  const list = await sidebar(page);
  await expect(list.getByRole("link", { name: /Before/ }).first()).toBeVisible();
  await house.kill();
  await expect(list.getByText("Connection lost")).toBeVisible();
  await house.open();
  await expect(list.getByText("Connection lost")).toHaveCount(0, { timeout: 20_000 });
  const name = `After ${info.project.name}`;
  await make(house, 'Go.\nscript: {"turns":[{"text":"Hello."}]}', name);
  await expect(list.getByRole("link", { name })).toBeVisible();
});

test("a page whose code cannot be had opens by itself once the server is back", async ({
  stranger: page,
  house,
}) => {
  await signIn(page, house);
  await page.goto("/settings/appearance");
  await expect(page.getByRole("heading", { name: "Colours" })).toBeVisible();
  let isAway = true;
  const cut = (route: Route) => (isAway ? route.abort() : route.fallback());
  await page.route("**/assets/*", cut);
  await page.route("**/readyz", cut);
  await page.getByRole("link", { name: "API keys" }).click();
  await expect(page.getByRole("heading", { name: "Connection lost" })).toBeVisible();
  isAway = false;
  await expect(page.getByRole("button", { name: "Make the key" })).toBeVisible();
});
