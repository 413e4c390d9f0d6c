import type { Page } from "@playwright/test";
import type { Agent, BuildBody, Run } from "../src/api/types";
import { pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, test } from "./kit";
import { type House, until } from "./kit/house";
import { work, workOn } from "./kit/work";

const FILE = ".errand/environment.json";
const INSTALL =
  "for n in 1 2 3; do echo fetching $n; done; mkdir -p deps ~/bin; echo brought > deps/marker; echo ls > ~/bin/tool; chmod +x ~/bin/tool";

/** A repository whose machines are made so. */
function installing(house: House, name: string, install: string): string {
  const file = JSON.stringify({ install });
  return house.repository(name, {
    "README.md": `# ${name}\n`,
    ".gitignore": "deps/\n",
    [FILE]: file,
  });
}

const card = (page: Page, name: string) => page.getByRole("region", { name: `Builds of ${name}` });

async function ready(house: House, repo: string): Promise<BuildBody> {
  let newest: BuildBody | undefined;
  await until(
    async () => {
      const { items } = await house.call<{ items: BuildBody[] }>("GET", "/v1/builds");
      newest = items.find(({ repos }) => repos.includes(repo));
      return newest?.status === "READY";
    },
    () => `there is no build: ${JSON.stringify(newest)}`,
  );
  if (newest === undefined) throw new Error("there is no build");
  return newest;
}

test("a build is asked for, becomes what agents begin with, is pinned and forgotten", async ({
  page,
  house,
}, info) => {
  const name = `built-${info.project.name}-${info.retry}`;
  const repository = installing(house, name, INSTALL);
  await page.goto("/settings/environments");
  await expect(
    page.getByText("What is left out of a file stands in the agent's conversation"),
  ).toBeVisible();
  await page.getByRole("button", { name: "Choose a repository" }).click();
  await page.getByPlaceholder("Search, or paste an address").fill(repository);
  await page.getByRole("menuitem", { name: `Use ${repository}` }).click();
  await page.getByRole("button", { name: "Build now" }).click();
  const builds = card(page, name);
  await expect(builds.getByText("Built by hand")).toBeVisible();
  await expect(builds.getByText("Current", { exact: true })).toBeVisible({ timeout: 20_000 });
  await expect(builds.getByText("begin with the newest build that is ready")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "settings-builds");
  await builds.getByText("What runs by itself").click();
  const brought = builds.getByRole("listitem").filter({ hasText: "/home/agent/bin/tool" }).last();
  await expect(brought).toContainText("Added, a program");
  await expectAccessible(page);

  await builds.getByRole("button", { name: /^Pin/ }).click();
  await expect(builds.getByText("begin with the pinned build")).toBeVisible();

  await builds.getByRole("link", { name: "Log" }).click();
  await expect(page.getByText("This is a build.")).toBeVisible();
  // What was announced about buttons of the page before names parts that are gone.
  await page.reload();
  await expect(page.getByLabel("Message to the agent")).toHaveCount(0);
  await expect(
    page.getByText(/new agents of its repositories begin with: .+ files?\./),
  ).toBeVisible();
  await page.getByRole("button", { name: /^Machine ready/ }).click();
  await expect(page.getByText("Project's install ran")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-build");

  const agent = await work(house, repository, [
    { calls: [{ shell: "cat deps/marker" }] },
    { text: "There." },
  ]);
  await page.goto(`/agents/${agent.id}`);
  await page.getByRole("button", { name: /^Machine ready/ }).click();
  await expect(page.getByText(/Begins with what a build prepared/)).toBeVisible();
  await expect(page.getByText("Project's install ran: done on this disk before")).toBeVisible();

  await page.goto("/settings/environments");
  await builds.getByRole("button", { name: /^Unpin/ }).click();
  await expect(builds.getByText("begin with the newest build that is ready")).toBeVisible();
  await builds.getByRole("button", { name: "Forget this build" }).click();
  const asked = page.getByRole("alertdialog");
  await expect(asked.getByText("New agents then begin from scratch.")).toBeVisible();
  await asked.getByRole("button", { name: "Forget it" }).click();
  await expect(builds).toHaveCount(0);
});

test("a build that failed says why, with what it printed", async ({ page, house }, info) => {
  const name = `broken-${info.project.name}-${info.retry}`;
  const repository = installing(house, name, "echo out of luck; exit 7");
  await house.call("POST", "/v1/builds", { repos: [{ url: repository }] });
  await page.goto("/settings/environments");
  const builds = card(page, name);
  await expect(builds.getByText("Failed", { exact: true })).toBeVisible({ timeout: 20_000 });
  await builds.getByText("What it printed last").click();
  await expect(builds.getByText("out of luck").first()).toBeVisible();
  await expect(builds.getByText("no build is ready")).toBeVisible();
  await expectAccessible(page);
  await builds.getByRole("link", { name: "Log" }).click();
  await expect(page.getByText("The build cannot be used: its install failed")).toBeVisible();
  await expect(page.getByRole("button", { name: "Try again" })).toHaveCount(0);
});

test("a build at work is watched, and stopped", async ({ page, house }, info) => {
  const name = `endless-${info.project.name}-${info.retry}`;
  const repository = installing(house, name, "while true; do echo busy; sleep 0.2; done");
  await house.call("POST", "/v1/builds", { repos: [{ url: repository }] });
  await page.goto("/settings/environments");
  const builds = card(page, name);
  await expect(builds.getByText("Building", { exact: true })).toBeVisible();
  await builds.getByRole("link", { name: "Watch" }).click();
  await expect(page.getByRole("group", { name: "Its output" })).toContainText("busy");
  await expect(page.getByText("Building", { exact: true }).first()).toBeVisible();
  await page.getByRole("button", { name: "Stop" }).click();
  await expect(page.getByText("Stopped", { exact: true }).first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Stop" })).toHaveCount(0);
  await page.getByRole("link", { name: "All builds" }).click();
  await expect(builds.getByText("It ended before it was ready.")).toBeVisible();
});

test("what install prints is seen while it runs, and a machine is kept for all", async ({
  page,
  house,
}, info) => {
  const name = `kept-${info.project.name}-${info.retry}`;
  const install = "while [ ! -e /workspace/go ]; do echo unpacking; sleep 0.2; done";
  const repository = installing(house, name, install);
  const turns = [{ calls: [{ shell: "cat README.md" }] }, { text: "There." }];
  const { agent } = await house.call<{ agent: Agent; run: Run }>("POST", "/v1/agents", {
    prompt: { text: `script: ${JSON.stringify({ turns })}` },
    repos: [{ url: repository }],
  });
  await page.goto(`/agents/${agent.id}`);
  await expect(page.getByText("Machine ready. Installing what the project needs")).toBeVisible();
  const output = page.getByRole("group", { name: "Its output" });
  await expect(output).toContainText("unpacking");
  await expectAccessible(page);
  await picture(page, "agent-install");
  await house.call("PUT", `/v1/agents/${agent.id}/files/content?path=/workspace/go`);
  const conversation = page.getByRole("region", { name: "Conversation" });
  await expect(conversation.getByText("There.", { exact: true })).toBeVisible({ timeout: 20_000 });
  await expect(output).toHaveCount(0);

  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Keep this machine for new agents…" }).click();
  const asked = page.getByRole("alertdialog");
  await expect(asked.getByText("Take keys and passwords out first.")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-keep");
  await asked.getByRole("button", { name: "Keep the machine" }).click();
  await expect(page.getByText(/new agents of its repositories begin with/)).toBeVisible({
    timeout: 20_000,
  });
  const build = await ready(house, repository);
  await page.goto("/settings/environments");
  const kept = card(page, name).getByRole("listitem").filter({ hasText: "Kept from an agent" });
  await expect(kept.getByRole("link", { name: "Its agent" })).toHaveAttribute(
    "href",
    `/agents/${agent.id}`,
  );
  expect(build.repos).toEqual([repository]);
});

test("says when there are no builds, when they cannot be loaded, and takes long names", async ({
  page,
}) => {
  const world = await pretend(page);
  await page.goto("/settings/environments");
  await expect(page.getByRole("heading", { name: "No builds yet" })).toBeVisible();

  const url = `https://git.example.com/${"a-very-long-team-name-".repeat(4)}/${"project-".repeat(12)}.git`;
  const message = `\`install\` ended with status 1. It printed last:\n${"no space ".repeat(200)}`;
  world.builds = ["FAILED", "READY", "RUNNING"].map((status, at) => ({
    ...{
      id: `bc-${at}`,
      layer: `layer-${at}`,
      repos: [url, `${url}/docs`],
      status,
      origin: "automatic",
    },
    ...{ current: status === "READY", pinned: status === "READY", files: 1_250_000 },
    ...{ createdAt: new Date().toISOString(), bytes: 48_000_000_000 },
    commits: ["0123456789abcdef0123456789abcdef01234567", "f".repeat(40)],
    ...(status === "FAILED" && {
      failure: { code: "install_failed", message, phase: "set_up" },
    }),
  })) as BuildBody[];
  await page.reload();
  await expect(page.getByText("48 GB in 1,250,000 files")).toBeVisible();
  const region = page.getByRole("region", { name: "Page" });
  const overflow = await region.evaluate((element) => element.scrollWidth - element.clientWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await expectAccessible(page);
  await picture(page, "settings-builds-long");

  await page.route("**/v1/builds", (route) =>
    route.fulfill({ status: 403, json: { error: { code: "denied", message: "not for you" } } }),
  );
  await page.reload();
  await expect(page.getByText("Could not load the builds")).toBeVisible();
});

test("an agent is forked, from the end of any run", async ({ page, house }, info) => {
  const repository = house.repository(`forked-${info.project.name}-${info.retry}`, {
    "README.md": "# Forked\n",
  });
  const write = (content: string) => [
    { calls: [{ write: { path: "notes.txt", content } }] },
    { text: `Wrote ${content}.` },
  ];
  const source = await work(house, repository, write("first"));
  await workOn(house, source.id, write("second"));
  await page.goto(`/agents/${source.id}`);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Fork…" }).click();
  const dialog = page.getByRole("dialog", { name: "Fork this agent" });
  const start = dialog.getByRole("button", { name: "Start the new agent" });
  await expect(start).toBeDisabled();
  await dialog.getByRole("button", { name: /Go on from the end of/ }).click();
  await page.getByRole("option", { name: /first/ }).click();
  await expectAccessible(page);
  await picture(page, "agent-fork");
  const turns = [{ calls: [{ shell: "cat notes.txt" }] }, { text: "It says so." }];
  await dialog
    .getByRole("textbox", { name: "What shall the new agent do?" })
    .fill(`script: ${JSON.stringify({ turns })}`);
  await start.click();
  const conversation = page.getByRole("region", { name: "Conversation" });
  await expect(conversation.getByText("It says so.", { exact: true })).toBeVisible();
  expect(page.url()).not.toContain(source.id);
  await conversation.getByRole("button", { name: /cat notes\.txt/ }).click();
  await expect(conversation.getByText("first", { exact: true })).toBeVisible();
});

test("files go back to how they were, in a commit on top", async ({ page, house }, info) => {
  const repository = house.repository(`back-${info.project.name}-${info.retry}`, {
    "README.md": "# Back\n",
  });
  const write = (content: string) => [
    { calls: [{ write: { path: "notes.txt", content } }] },
    { text: `Wrote ${content}.` },
  ];
  const { id } = await work(house, repository, write("first"));
  await workOn(house, id, write("second"));
  await page.goto(`/agents/${id}`);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Put files back…" }).click();
  const dialog = page.getByRole("dialog", { name: "Put the files back" });
  await expect(dialog.getByRole("button", { name: /As they were/ })).toContainText("first");
  await expectAccessible(page);
  await picture(page, "agent-restore");
  await dialog.getByRole("button", { name: "Put them back" }).click();
  await expect(dialog).toBeHidden();
  const conversation = page.getByRole("region", { name: "Conversation" });
  await expect(
    conversation.getByText("The files are as they were.", { exact: true }),
  ).toBeVisible();
  const known = () => house.call<Agent>("GET", `/v1/agents/${id}`);
  await expect.poll(async () => (await known()).latestRunStatus).toBe("FINISHED");
  await workOn(house, id, [{ calls: [{ shell: "cat notes.txt" }] }, { text: "It says so." }]);
  await conversation.getByRole("button", { name: /cat notes\.txt/ }).click();
  await expect(conversation.getByText("first", { exact: true })).toBeVisible();
});
