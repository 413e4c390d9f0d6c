import type { Page } from "@playwright/test";
import type { Agent, BuildBody, EnvironmentBody } from "../src/api/types";
import { pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, signIn, test } from "./kit";
import { until } from "./kit/house";
import { work } from "./kit/work";

/** Puts this text in place of what the editor has. */
async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel("Text of environment.json").click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

const versions = (page: Page) => page.getByRole("list", { name: "Versions" });

test("an environment is written, followed by an agent, changed, brought back and forgotten", async ({
  page,
  house,
}, info) => {
  const name = `saved-${info.project.name}-${info.retry}`;
  const repository = house.repository(name, { "README.md": "# Saved\n" });
  await page.goto("/settings/environments");
  await page.getByRole("button", { name: "New environment" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("button", { name: "Choose a repository" }).click();
  await page.getByPlaceholder("Search, or paste an address").fill(repository);
  await page.getByRole("menuitem", { name: `Use ${repository}` }).click();
  await page.keyboard.press("Escape");

  await write(page, '{\n  "instal": "x"\n}');
  const said = page.getByRole("region", { name: "What the server says about it" });
  await expect(said.getByText("This text cannot be used yet")).toBeVisible();
  await expect(said.getByText("Problem in line 2, column 3")).toBeVisible();
  await expect(said.getByText(/install/)).toBeVisible();
  await expectAccessible(page);
  await picture(page, "settings-environment-problem");
  await page.getByRole("button", { name: "Save the environment" }).click();
  await expect(page.getByRole("alert")).toContainText("2:3");
  await said.getByText("Problem in line 2, column 3").click();
  await expect(page.getByLabel("Text of environment.json")).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.insertText("Q");
  await expect(said.getByText("Qinstal", { exact: true })).toBeVisible();

  await write(page, '{"install": "echo first > ~/installed"}');
  await expect(said.getByText("This text can be used", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Save the environment" }).click();
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await expect(versions(page).getByRole("listitem")).toHaveCount(1);

  const agent = await work(house, repository, [
    { calls: [{ shell: "cat ~/installed" }] },
    { text: "There." },
  ]);
  await until(
    async () => {
      const { items } = await house.call<{ items: BuildBody[] }>("GET", "/v1/builds");
      return items.some(({ repos, status }) => repos.includes(repository) && status === "READY");
    },
    () => "there is no build",
  );
  await page.goto(`/agents/${agent.id}`);
  await page.getByRole("button", { name: /^Machine ready/ }).click();
  await expect(page.getByText(`saved environment "${name}", version 1`)).toBeVisible();

  await page.goto("/settings/environments");
  await expect(page.getByText(`of “${name}”, version 1`)).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("link", { name, exact: true }).click();
  await expect(page.getByText("of version 1, the current one")).toBeVisible();
  await write(page, '{"install": "echo second > ~/installed"}');
  await page.getByRole("button", { name: "Save a new version" }).click();
  await expect(versions(page).getByText("Version 2")).toBeVisible();
  await page.getByRole("button", { name: "Show version 1" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("echo first")).toBeVisible();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Bring this text back" }).click();
  await expect(versions(page).getByText("Brought version 1 back")).toBeVisible();
  await expect(page.getByLabel("Text of environment.json")).toContainText("echo first");
  await page.reload();
  await expect(versions(page).getByText("Brought version 1 back")).toBeVisible();
  await expect(page.getByLabel("Text of environment.json")).toContainText("echo first");
  await expectAccessible(page);
  await picture(page, "settings-environment");

  await page.getByRole("button", { name: "Forget it…" }).click();
  const asked = page.getByRole("alertdialog");
  await expect(asked.getByText("Agents that began with it go on as they are")).toBeVisible();
  await asked.getByRole("button", { name: "Forget it" }).click();
  await expect(
    page.getByRole("heading", { name: "Saved environments", exact: true }),
  ).toBeVisible();
  await expect(page.getByRole("link", { name, exact: true })).toHaveCount(0);
  const known = await house.call<Agent>("GET", `/v1/agents/${agent.id}`);
  expect(known.latestRunStatus).toBe("FINISHED");
});

test("of two who write at once the later is told, and others only read", async ({
  page,
  stranger,
  house,
}, info) => {
  const name = `both-${info.project.name}-${info.retry}`;
  const body = { name, repos: [], environmentJson: "{}" };
  const saved = await house.call<EnvironmentBody>("POST", "/v1/environments", body);
  await page.goto(`/settings/environments/${saved.id}`);
  await expect(page.getByRole("heading", { name, exact: true })).toBeVisible();
  await house.call("PUT", `/v1/environments/${saved.id}`, {
    ...body,
    environmentJson: '{"install": "theirs"}',
    version: 1,
  });
  await write(page, '{"install": "mine"}');
  await page.getByRole("button", { name: "Save a new version" }).click();
  await expect(page.getByRole("alert")).toContainText("Somebody saved another version");
  await expect(page.getByLabel("Text of environment.json")).toContainText("mine");

  const key = { name: `reader ${info.project.name}` };
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", key);
  await signIn(stranger, house, token);
  await stranger.goto(`/settings/environments/${saved.id}`);
  await expect(stranger.getByText('{"install": "theirs"}')).toBeVisible();
  await expect(stranger.getByRole("button", { name: /Save|Forget/ })).toHaveCount(0);
  await stranger.getByRole("button", { name: "Show version 1" }).click();
  await expect(stranger.getByRole("dialog").getByText("{}")).toBeVisible();
  await expect(stranger.getByRole("button", { name: "Bring this text back" })).toHaveCount(0);
  await house.call("DELETE", `/v1/environments/${saved.id}`);
});

test("says when there are none and when they cannot be loaded", async ({ page }) => {
  await pretend(page);
  await page.goto("/settings/environments");
  await expect(page.getByRole("heading", { name: "No saved environments yet" })).toBeVisible();
  await page.goto("/settings/environments/0190aaaa-0000-7000-8000-000000000000");
  await expect(page.getByText("Could not load the environment")).toBeVisible();
  await page.route("**/v1/environments", (route) =>
    route.fulfill({ status: 403, json: { error: { code: "denied", message: "not for you" } } }),
  );
  await page.goto("/settings/environments");
  await expect(page.getByText("Could not load the saved environments")).toBeVisible();
});
