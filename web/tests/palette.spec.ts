import { pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, test } from "./kit";

test.beforeEach(async ({ page }) => {
  await pretend(page);
  await page.goto("/settings/appearance");
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
});

test("finds agents and commands, and goes there", async ({ page }) => {
  await page.keyboard.press("Control+k");
  const field = page.getByPlaceholder("Search agents and commands…");
  await expect(field).toBeFocused();
  await expect(page.getByRole("menuitem", { name: /Fix the date parser/ })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "palette");
  await field.fill("api keys");
  await expect(page.getByRole("menuitem")).toHaveCount(1);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/settings\/keys$/);
});

test("finds cloud agents by their old name", async ({ page }) => {
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Search agents and commands…").fill("background agents");
  await page.getByRole("menuitem", { name: "All cloud agents" }).click();
  await expect(page.getByRole("heading", { name: "What should be done?" })).toBeVisible();
});

test("says when nothing fits", async ({ page }) => {
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Search agents and commands…").fill("qqqq");
  await expect(page.getByText("Nothing fits")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByText("Nothing fits")).toHaveCount(0);
});

test("Ctrl+E writes a new errand from anywhere, ? shows the keys", async ({ page }) => {
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard and help" })).toBeVisible();
  await expect(page.getByText("background agents")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "help");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+e");
  await expect(page).toHaveURL(/\/new$/);
  await expect(page.getByLabel("Task")).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByLabel("Task")).toHaveValue("?");
});
