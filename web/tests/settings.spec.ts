import { pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, signIn, test } from "./kit";

test("switches are saved at once and warn of what they do", async ({ page, house }) => {
  await house.call("PATCH", "/v1/settings", { privacyMode: false, displayAgentSummary: true });
  await page.goto("/settings/security");
  await expect(page.getByText("code is never used for training")).toBeVisible();
  await expect(page.getByText("may keep prompts and environments")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "settings-security");
  await page.getByText("Privacy mode for new agents").click();
  await expect(page.getByText("Saved. It holds for new agents")).toBeVisible();
  const saved = await house.call<{ privacyMode: boolean }>("GET", "/v1/settings");
  expect(saved.privacyMode).toBe(true);
  await page.reload();
  await expect(page.getByRole("switch", { name: /Privacy mode/ })).toBeChecked();
  await page.getByText("Show summaries of agents").click();
  await expect(page.getByRole("switch", { name: /connected channels/ })).toBeDisabled();
});

test("defaults are saved, and taken away again", async ({ page, house }) => {
  await page.goto("/settings/defaults");
  await page.getByLabel("Base branch").fill("develop");
  await page.getByLabel("Base branch").press("Enter");
  await expect(page.getByText("Saved. It holds for new agents")).toBeVisible();
  expect(await house.call("GET", "/v1/settings")).toMatchObject({ baseBranch: "develop" });
  await expectAccessible(page);
  await picture(page, "settings-defaults");
  await page.getByLabel("Base branch").fill("");
  await page.getByLabel("Base branch").press("Enter");
  await expect
    .poll(async () => (await house.call<{ baseBranch?: string }>("GET", "/v1/settings")).baseBranch)
    .toBeUndefined();
  const commands = page.getByLabel("Startup commands");
  await commands.fill(Array.from({ length: 21 }, () => "true").join("\n"));
  await commands.blur();
  await expect(page.getByText("Has 21 lines; at most 20 fit")).toBeVisible();
  await commands.fill("true\n\ngit status");
  await commands.blur();
  const saved = async () =>
    (await house.call<{ startupCommands?: string[] }>("GET", "/v1/settings")).startupCommands;
  await expect.poll(saved).toEqual(["true", "git status"]);
  await commands.fill("");
  await commands.blur();
  await expect.poll(saved).toBeUndefined();
  await page.getByLabel(/Delete archived agents/).fill("soon");
  await expect(page.getByText("Needs a whole number of days")).toBeVisible();
});

test("an agent that names nothing gets the defaults", async ({ page, house }, info) => {
  const name = `defaults-${info.project.name}-${info.retry}`;
  const repository = house.repository(name);
  await house.call("POST", "/v1/agents", {
    prompt: { text: 'Go.\nscript: {"turns":[{"text":"Gone."}]}' },
    repos: [{ url: repository }],
  });
  await page.goto("/settings/defaults");
  const saved = (change: Record<string, unknown>) =>
    expect.poll(() => house.call("GET", "/v1/settings")).toMatchObject(change);
  await page.getByRole("button", { name: /Model$/ }).click();
  await page.getByRole("option", { name: "Scripted model" }).click();
  await saved({ defaultModel: { id: "scripted" } });
  await page.getByRole("button", { name: /Repository$/ }).click();
  await page.getByRole("option", { name }).click();
  await saved({ defaultRepository: repository });
  await page.getByLabel("Base branch").fill("main");
  await page.getByLabel("Base branch").press("Enter");
  await saved({ baseBranch: "main" });
  await page.getByLabel(/Delete archived agents/).fill("30");
  await page.getByLabel(/Delete archived agents/).press("Enter");
  await saved({ retentionDays: 30 });

  await page.goto("/new");
  await expect(page.getByRole("button", { name: `Repository ${repository}` })).toBeVisible();
  await page.getByLabel("Task").fill('Go.\nscript: {"turns":[{"text":"Gone."}]}');
  await page.getByLabel("Task").press("Control+Enter");
  await expect(page).toHaveURL(/\/agents\/bc-/);
  const id = new URL(page.url()).pathname.split("/")[2];
  expect(await house.call("GET", `/v1/agents/${id}`)).toMatchObject({
    model: { id: "scripted" },
    repos: [{ url: repository, startingRef: "main" }],
  });
  const none = { defaultModel: null, defaultRepository: null, baseBranch: null };
  await house.call("PATCH", "/v1/settings", { ...none, retentionDays: null });
});

test("a key is made, shown once and revoked", async ({ page, house }, info) => {
  const name = `Ada's laptop ${info.project.name}`;
  await page.goto("/settings/keys");
  await page.getByLabel("Who or what is it for?").fill(name);
  await page.getByRole("button", { name: "Make the key" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("It is shown this once")).toBeVisible();
  const token = await dialog.locator("code").textContent();
  await expectAccessible(page);
  const me = await fetch(`${house.server}/v1/me`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(me.status).toBe(200);
  await dialog.getByRole("button", { name: "I have kept it" }).click();
  await expect(page.getByText(token ?? "")).toHaveCount(0);
  await expectAccessible(page);
  await picture(page, "settings-keys");

  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke" }).click();
  await expect(page.getByText(name, { exact: true })).toHaveCount(0);
  const gone = await fetch(`${house.server}/v1/me`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(gone.status).toBe(401);
});

test("someone with an ordinary key reads settings and changes none", async ({
  stranger,
  house,
}, info) => {
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", {
    name: `Bo ${info.project.name}`,
  });
  await signIn(stranger, house, token);
  await stranger.goto("/settings/security");
  await expect(stranger.getByText("You can read these settings")).toBeVisible();
  await expect(stranger.getByRole("switch", { name: /Privacy mode/ })).toBeDisabled();
  await stranger.goto("/settings/keys");
  await expect(stranger.getByText("managed by an administrator")).toBeVisible();
});

test("says what the server is and which walls stand", async ({ page }) => {
  await page.goto("/settings/server");
  await expect(
    page.getByRole("heading", { name: "What the server finds about itself" }),
  ).toBeVisible();
  await expect(page.getByText(/Good|Weaker|Missing/).first()).toBeVisible();
  await expectAccessible(page);
  await picture(page, "settings-server");
});

test("colours are chosen for this browser and stay", async ({ page }) => {
  await page.goto("/settings/appearance");
  await page.getByText("Dark", { exact: true }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expectAccessible(page);
  await page.getByText("As the device").click();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
});

test("how far agents reach is narrowed, and hosts are named", async ({ page, house }, info) => {
  const host = `h${info.project.name.replaceAll(/\W/g, "")}${info.retry}.example.com`;
  await page.goto("/settings/network");
  const mode = page.getByRole("button", { name: /Mode/ });
  await expect(mode).toContainText("Packages");
  await mode.click();
  await expect(page.getByRole("option")).toHaveCount(3);
  await page.getByRole("option", { name: /Offline/ }).click();
  await expect(mode).toContainText("Offline");
  const narrowed = await house.call<{ mode: string; floor: string }>("GET", "/v1/network");
  expect(narrowed).toMatchObject({ mode: "offline", floor: "packages" });
  await mode.click();
  await page.getByRole("option", { name: /Packages/ }).click();
  await expect(mode).toContainText("Packages");

  await page.getByRole("textbox", { name: "Host" }).fill("not a host");
  await page.getByRole("button", { name: "Add the host" }).click();
  await expect(page.getByText(/^"not a host" is no entry/)).toBeVisible();
  await page.getByRole("textbox", { name: "Host" }).fill(host);
  await page.getByRole("button", { name: "Add the host" }).click();
  const row = page.getByRole("list", { name: "Hosts" }).getByRole("listitem", { name: "" });
  await expect(row.filter({ hasText: host })).toContainText("for all agents");
  await expectAccessible(page);
  await picture(page, "settings-network");
  await page.getByRole("button", { name: `Remove ${host}` }).click();
  await expect(page.getByText(host)).toHaveCount(0);
});

const CONFIGURED = [
  ["providers", "Providers", "None can be added yet."],
  ["teams", "Teams", "There are no roles, invitations or limits"],
] as const;

test("what has no form yet says what holds today and how it is set", async ({ page }) => {
  await page.goto("/settings");
  const pages = page.getByRole("navigation", { name: "Settings" });
  for (const [path, title, words] of CONFIGURED) {
    await pages.getByRole("link", { name: title }).click();
    await expect(page).toHaveURL(new RegExp(`/settings/${path}$`));
    await expect(page.getByRole("region", { name: "Page" })).toContainText(words);
    await expectAccessible(page);
    await picture(page, `settings-${path}`);
  }
  await page.goto("/settings/nothing-like-it");
  await expect(page).toHaveURL(/\/settings\/defaults$/);
});

test("a server that can more than this page says so", async ({ page }) => {
  await pretend(page, { features: ["providers"] });
  await page.goto("/settings/providers");
  await expect(page.getByText("it is newer than the app in your browser")).toBeVisible();
  await page.goto("/settings/teams");
  await expect(page.getByRole("link", { name: "API keys" }).last()).toBeVisible();
  await expect(page.getByText("it is newer than the app in your browser")).toHaveCount(0);
});

test("says when settings cannot be loaded, and an address that leads nowhere", async ({ page }) => {
  await pretend(page);
  await page.route("**/v1/settings", (route) =>
    route.fulfill({ status: 403, json: { error: { code: "denied", message: "not for you" } } }),
  );
  await page.goto("/settings/defaults");
  await expect(page.getByText("Could not load the settings")).toBeVisible();
  await expect(page.getByText("Not for you.")).toBeVisible();
  await page.goto("/nowhere/at/all");
  await expect(page.getByText("There is no page at this address")).toBeVisible();
  await expectAccessible(page);
});
