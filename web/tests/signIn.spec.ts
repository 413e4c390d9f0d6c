import { expect, expectAccessible, picture, sidebar, test } from "./kit";

test("a stranger is asked for a key, and a wrong one is refused in words", async ({ stranger }) => {
  await stranger.goto("/settings/keys");
  await expect(stranger.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await stranger.getByRole("button", { name: "Sign in" }).click();
  await expect(stranger.getByText("Paste your key here.")).toBeVisible();
  await stranger.getByLabel("API key").fill("errand_nonsense");
  await stranger.getByLabel("API key").press("Enter");
  await expect(stranger.getByText("This key is not known here.")).toBeVisible();
  await expectAccessible(stranger);
  await picture(stranger, "sign-in");
});

test("a key signs in and leads back to where one wanted to go", async ({ stranger, house }) => {
  await stranger.goto("/settings/keys");
  await stranger.getByLabel("API key").fill(house.token);
  await stranger.getByRole("button", { name: "Sign in" }).click();
  await expect(stranger).toHaveURL(/\/settings\/keys$/);
  await expect(stranger.getByRole("heading", { name: "Make a key" })).toBeVisible();
  const kept = await stranger.evaluate(() =>
    JSON.stringify({ ...localStorage, ...sessionStorage }),
  );
  expect(kept).not.toContain(house.token);
});

test("a one-time code signs in, leaves no trace in the address and works once", async ({
  stranger,
  house,
  browser,
}) => {
  const { code } = await house.call<{ code: string }>("POST", "/v1/session/codes");
  await stranger.goto(`/#code=${code}`);
  await expect(stranger.getByRole("heading", { name: /Home|First steps/ })).toBeVisible();
  await expect(stranger).not.toHaveURL(/code=/);

  const other = await (await browser.newContext()).newPage();
  await other.goto(`${house.url}/#code=${code}`);
  await expect(other.getByText("used before or is too old")).toBeVisible();
  await expect(other).not.toHaveURL(/code=/);
  await other.context().close();
});

test("signing out ends the session", async ({ page }) => {
  await page.goto("/settings/appearance");
  await (await sidebar(page)).getByRole("button", { name: "admin" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});
