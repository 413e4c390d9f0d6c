import type { Page } from "@playwright/test";
import type { SecretsPage } from "../src/api/types";
import { pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, signIn, test } from "./kit";

const VALUE = "web-test-7c1f09e4";

const listOf = (page: Page, title: string) => page.getByRole("list", { name: title, exact: true });

async function choose(page: Page, what: RegExp): Promise<void> {
  await page.getByRole("button", { name: /What becomes of it/ }).click();
  await page.getByRole("option", { name: what }).click();
}

test("a secret is added, replaced and removed, and its value is never shown", async ({
  page,
  house,
}, info) => {
  const name = `TOKEN_${info.project.name.replaceAll(/\W/g, "_")}_${info.retry}`;
  await page.goto("/settings/secrets");
  await expect(page.getByRole("heading", { name: "Yours", exact: true })).toBeVisible();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Add a secret" }).first().click();
  const form = page.getByRole("dialog");
  await form.getByRole("textbox", { name: "Name" }).fill(name);
  await form.getByLabel("Value", { exact: true }).fill(VALUE);
  await expect(form.getByLabel("Value", { exact: true })).toHaveAttribute("type", "password");
  await form.getByRole("button", { name: "Add it" }).click();
  await expect(form.getByRole("alert")).toContainText("Name the hosts");
  await form.getByRole("textbox", { name: "Hosts" }).fill("api.example.com *.example.org");
  await form.getByText("The body", { exact: true }).click();
  await expectAccessible(page);
  await picture(page, "settings-secret-grant");
  await form.getByRole("button", { name: "Add it" }).click();
  const row = listOf(page, "Yours").getByRole("listitem").filter({ hasText: name });
  await expect(row).toContainText("Grant for api.example.com, *.example.org");

  await row.getByRole("button", { name: `Replace ${name}` }).click();
  await expect(form.getByLabel("New value")).toHaveValue("");
  await form.getByLabel("New value").fill(`${VALUE}-2`);
  await choose(page, /^Plain secret/);
  await expect(form.getByText("It can be sent to any host the machine reaches")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "settings-secret-plain");
  await form.getByRole("button", { name: "Replace it" }).click();
  await expect(row).toContainText("Plain secret, inside the machine");
  await expectAccessible(page);
  await picture(page, "settings-secrets");
  expect(await page.content()).not.toContain(VALUE);
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(VALUE);

  await row.getByRole("button", { name: `Remove ${name}` }).click();
  const asked = page.getByRole("alertdialog");
  await expect(asked.getByText("from their next message on")).toBeVisible();
  await asked.getByRole("button", { name: "Remove it" }).click();
  await expect(row).toHaveCount(0);
  const left = await house.call<SecretsPage>("GET", "/v1/secrets?scope=user");
  expect(left.items.filter((secret) => secret.name === name)).toEqual([]);
});

test("what is for everybody is shown to all and changed by the first key", async ({
  stranger,
  house,
}, info) => {
  const name = `TEAM_${info.project.name.replaceAll(/\W/g, "_")}_${info.retry}`;
  await house.call("PUT", `/v1/team/secrets/${name}`, { value: VALUE, plain: true });
  const key = { name: `secrets ${info.project.name}` };
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", key);
  await signIn(stranger, house, token);
  await stranger.goto("/settings/secrets");
  const row = listOf(stranger, "The team's").getByRole("listitem").filter({ hasText: name });
  await expect(row).toContainText("for all repositories");
  await expect(row.getByRole("button")).toHaveCount(0);
  await expect(stranger.getByRole("button", { name: "Add a secret" })).toHaveCount(1);
  await house.call("DELETE", `/v1/team/secrets/${name}`);
});

test("says when secrets cannot be loaded", async ({ page }) => {
  await pretend(page);
  await page.route(/\/v1\/secrets\?/, (route) =>
    route.fulfill({ status: 403, json: { error: { code: "denied", message: "not for you" } } }),
  );
  await page.goto("/settings/secrets");
  await expect(page.getByText("Could not load the secrets")).toBeVisible();
  await expect(page.getByText("not for you")).toBeVisible();
  await expectAccessible(page);
});
