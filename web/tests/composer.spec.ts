import type { Agent } from "../src/api/types";
import { expect, expectAccessible, picture, test } from "./kit";

const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);

test.beforeEach(async ({ page }) => {
  await page.goto("/new");
  await expect(page.getByLabel("Task")).toBeFocused();
});

test("sends everything that was chosen", async ({ page, house }, info) => {
  const repository = house.repository(`shop-${info.project.name}-${info.retry}`);
  await page.getByLabel("Task").fill("Add a line to the readme.");
  await page.getByRole("button", { name: "Choose a repository" }).click();
  await page.getByRole("textbox", { name: "Repository" }).fill(repository);
  await page.getByRole("menuitem", { name: `Use ${repository}` }).click();
  await page.getByRole("button", { name: `Repository ${repository}` }).click();
  await page.getByLabel("Start from").fill("main");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More options" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Readme");
  await page.getByLabel("Branch", { exact: true }).fill(`docs/readme-${info.project.name}`);
  await page.getByRole("button", { name: "Add a variable" }).click();
  await page.getByLabel("Name of variable 1").fill("API_TOKEN");
  await page.getByLabel("Value of variable 1").fill("s3cret-value");
  await page.getByLabel("Minutes").fill("5");
  await page.locator("input[type=file]").setInputFiles({
    name: "shot.png",
    mimeType: "image/png",
    buffer: PIXEL,
  });
  await expect(page.getByRole("img", { name: "shot.png" })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "composer");
  const kept = await page.evaluate(() => JSON.stringify(localStorage));
  expect(kept).not.toContain("s3cret-value");

  await page.getByLabel("Task").press("Control+Enter");
  await expect(page).toHaveURL(/\/agents\/bc-/);
  const id = new URL(page.url()).pathname.split("/")[2];
  const agent = await house.call<Agent>("GET", `/v1/agents/${id}`);
  expect(agent).toMatchObject({
    name: "Readme",
    branchName: `docs/readme-${info.project.name}`,
    autoCreatePR: true,
    envVarNames: ["API_TOKEN"],
    repos: [{ url: repository, startingRef: "main" }],
  });
});

test("says what is missing and keeps what was written over a reload", async ({ page }) => {
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByText("Write what the agent should do.")).toBeVisible();
  await page.getByLabel("Task").fill("Half a thought");
  await page.reload();
  await expect(page.getByLabel("Task")).toHaveValue("Half a thought");
});

test("shows the server's refusal in place and loses nothing", async ({ page }) => {
  await page.getByLabel("Task").fill("Work where nothing is");
  await page.getByRole("button", { name: "More options" }).click();
  await page.getByLabel("Branch", { exact: true }).fill("no spaces allowed");
  await page.getByRole("button", { name: "Choose a repository" }).click();
  await page.getByRole("textbox", { name: "Repository" }).fill("https://git.example.com/a/b.git");
  await page.getByRole("menuitem", { name: /^Use/ }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("alert")).toContainText(/branchName/i);
  await expect(page.getByLabel("Task")).toHaveValue("Work where nothing is");
});

test("takes images by drop and refuses what is none", async ({ page }) => {
  await page.locator("input[type=file]").setInputFiles([
    { name: "a.png", mimeType: "image/png", buffer: PIXEL },
    { name: "notes.pdf", mimeType: "application/pdf", buffer: Buffer.from("x") },
  ]);
  await expect(page.getByText("notes.pdf is not a PNG")).toBeVisible();
  await expect(page.getByRole("img", { name: "a.png" })).toBeVisible();
  await page.getByRole("button", { name: "Remove a.png" }).click();
  await expect(page.getByRole("img", { name: "a.png" })).toHaveCount(0);
});

test("begins with a preset, and saves one's own", async ({ page }) => {
  await page.getByRole("button", { name: "Explore" }).click();
  await expect(page.getByLabel("Task")).toHaveValue(/Explain to someone new/);
  await expect(page.getByRole("button", { name: /How it works/ })).toContainText("Ask");
  await page.getByLabel("Task").fill("Count the tests");
  await page.getByRole("button", { name: "Save as preset" }).click();
  await page.getByLabel("Name").fill("Count");
  await page.keyboard.press("Enter");
  await page.getByLabel("Task").fill("");
  await page.reload();
  await page.getByRole("button", { name: "Count", exact: true }).click();
  await expect(page.getByLabel("Task")).toHaveValue("Count the tests");
});
