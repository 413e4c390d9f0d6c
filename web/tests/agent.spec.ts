import type { Page } from "@playwright/test";
import type { Agent, Run } from "../src/api/types";
import { expect, expectAccessible, picture, test } from "./kit";
import type { House } from "./kit/house";

/** A script for the scripted model behind a few words. */
function script(words: string, turns: object[]): string {
  return `${words}\nscript: ${JSON.stringify({ turns })}`;
}

async function open(house: House, page: Page, text: string, more: object = {}): Promise<Agent> {
  const body = { prompt: { text }, ...more };
  const { agent } = await house.call<{ agent: Agent }>("POST", "/v1/agents", body);
  await page.goto(`/agents/${agent.id}`);
  return agent;
}

function composer(page: Page) {
  return page.getByRole("textbox", { name: "Message to the agent" });
}

function conversation(page: Page) {
  return page.getByRole("region", { name: "Conversation" });
}

const CALC = {
  "README.md": "# A very small calculator\n",
  "calc.py": "def add(a, b):\n    return a - b\n",
  "test.sh": 'grep -q "a + b" calc.py && echo OK\n',
};

test("an errand is told from message to pull request, and a follow-up goes on", async ({
  page,
  house,
}, info) => {
  const repo = house.repository(`shop-${info.project.name}`, CALC);
  await open(house, page, "Fix the failing test.", { repos: [{ url: repo }], autoCreatePR: true });
  const talk = conversation(page);
  await expect(talk.getByText("Fix the failing test.")).toBeVisible();
  await expect(talk.getByText("Found it:")).toBeVisible();
  await expect(talk.getByText("return a + b").first()).toBeVisible();
  await expect(talk.getByRole("link", { name: "Pull request #1" })).toBeVisible();
  await expect(talk.getByText("Done", { exact: true })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-errand");

  await composer(page).fill(script("And now?", [{ text: "All is well." }]));
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(talk.getByText("All is well.", { exact: true })).toBeVisible();
  await expect(composer(page)).toHaveValue("");
});

test("every tool has a card that fits", async ({ page, house }, info) => {
  const repo = house.repository(`tools-${info.project.name}`, CALC);
  const call = (name: string, input: unknown) => ({ call: { name, arguments: input } });
  const todos = [
    { text: "Look around", state: "done" },
    { text: "Fix the sign", state: "in_progress" },
  ];
  await open(
    house,
    page,
    script("Use them all.", [
      {
        thinking: "First I look at everything.",
        calls: [{ list: "." }, call("grep", { pattern: "return" }), { read: "calc.py" }],
      },
      {
        calls: [
          call("todo_write", { todos }),
          { edit: { path: "calc.py", old: "a - b", new: "a + b" } },
        ],
      },
      {
        text: "Running.",
        calls: [{ shell: "printf '\\033[31mred\\033[0m\\n'; echo oops >&2; exit 3" }],
      },
      { calls: [call("fly_away", { to: "the moon" })] },
      { text: "**All** done." },
    ]),
    { repos: [{ url: repo }] },
  );
  const talk = conversation(page);
  await expect(talk.getByText("Done", { exact: true })).toBeVisible();
  const command = talk.getByRole("button", { name: /Run printf.*Exit 3/ });
  await command.scrollIntoViewIfNeeded();
  await expect(command).toBeVisible();
  await expect(talk.getByRole("button", { name: /fly_away.*Failed/ })).toBeVisible();
  await picture(page, "agent-tools");
  const search = talk.getByRole("button", { name: /Search return.*1 match/ });
  await search.scrollIntoViewIfNeeded();
  await search.click();
  await expect(talk.getByText("calc.py:2:")).toBeVisible();
  await expectAccessible(page);
});

test("a busy agent is steered, given a queue, and stopped", async ({ page, house }) => {
  const agent = await open(
    house,
    page,
    script("Work slowly.", [
      {
        text: "Working.",
        calls: [{ shell: "for i in 1 2 3; do echo line $i; sleep 0.3; done; sleep 90" }],
      },
    ]),
  );
  const talk = conversation(page);
  await expect(talk.getByText("line 3")).toBeVisible();
  await composer(page).fill("Also say hello.");
  await page.getByRole("button", { name: "Steer" }).click();
  await composer(page).fill(script("And then this.", [{ text: "From the queue." }]));
  await page.getByRole("button", { name: "Queue", exact: true }).click();
  await composer(page).fill("Not this.");
  await page.keyboard.press("ControlOrMeta+Enter");
  const waiting = page.getByRole("list", { name: "Waiting messages" });
  await expect(waiting.getByText("Read before the next step")).toBeVisible();
  await expect(waiting.getByText("Next in the queue")).toBeVisible();
  await expect(waiting.getByText("Place 2")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-busy");
  await waiting.getByRole("listitem").last().getByRole("button", { name: "Take it back" }).click();
  await expect(waiting.getByText("Not this.")).toHaveCount(0);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(talk.getByText("From the queue.", { exact: true })).toBeVisible();
  await expect(talk.getByText("Done", { exact: true })).toBeVisible();
  const { items } = await house.call<{ items: Run[] }>("GET", `/v1/agents/${agent.id}/runs`);
  expect(items.map((run) => run.status).sort()).toEqual(["CANCELLED", "CANCELLED", "FINISHED"]);
});

test("a question is answered in its place", async ({ page, house }) => {
  const question = {
    question: "Which colour shall the button have?",
    options: ["Red", "Green"],
    default: "Red",
  };
  await open(
    house,
    page,
    script("Ask me.", [
      { calls: [{ call: { name: "ask_person", arguments: question } }] },
      { text: "Thank you." },
    ]),
  );
  const card = page.getByRole("region", { name: "The agent asks you" });
  await expect(card.getByText(question.question)).toBeVisible();
  await expect(page.getByText("Needs you").last()).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-question");
  await card.getByRole("button", { name: "Green" }).click();
  await expect(conversation(page).getByText("Thank you.", { exact: true })).toBeVisible();
  await expect(card.getByText("answered: Green")).toBeVisible();
});

test("a plan is approved and carried out", async ({ page, house }, info) => {
  const repo = house.repository(`plan-${info.project.name}`, CALC);
  await open(
    house,
    page,
    script("Plan it.", [
      {
        calls: [
          { call: { name: "submit_plan", arguments: { plan: "# Plan\n\n1. Fix the sign" } } },
        ],
      },
      { calls: [{ edit: { path: "calc.py", old: "a - b", new: "a + b" } }] },
      { text: "As planned." },
    ]),
    { repos: [{ url: repo }], mode: "plan" },
  );
  await page.getByRole("button", { name: "Approve and carry out" }).click();
  await expect(conversation(page).getByText("As planned.", { exact: true })).toBeVisible();
  await expect(page.getByText("approved the plan")).toBeVisible();
});

test("a failed run says what happened and is tried again", async ({ page, house }) => {
  await open(house, page, script("Try.", [{ text: "Now it works.", fault: "wrongKey" }]));
  const talk = conversation(page);
  await expect(talk.getByText("refused the key")).toBeVisible();
  await expect(talk.getByText("model_auth")).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-failed");
  await talk.getByRole("button", { name: "Try again" }).click();
  // The scripted model fails once per message, so the second attempt ends like the first.
  await expect(talk.getByText("Failed", { exact: true })).toHaveCount(2);
  await expect(talk.getByRole("button", { name: "Try again" })).toHaveCount(1);
});

test("a killed server costs neither a step nor a place", async ({ page, house }) => {
  const turns = Array.from({ length: 6 }, (_, at) => ({
    text: `Part ${at + 1}.`,
    calls: [{ shell: `sleep 0.4; echo done ${at + 1}` }],
  }));
  await open(house, page, script("Take your time.", [...turns, { text: "The end." }]));
  const talk = conversation(page);
  await expect(talk.getByText("Part 2.", { exact: true })).toBeVisible();
  await house.kill();
  await expect(page.getByText("Connecting again.")).toBeVisible();
  await house.open();
  await expect(talk.getByText("The end.", { exact: true })).toBeVisible({ timeout: 30_000 });
  for (let part = 1; part <= 6; part += 1) {
    await expect(talk.getByText(`Part ${part}.`, { exact: true })).toHaveCount(1);
  }
  await expect(page.getByText("Connecting again.")).toHaveCount(0);
});

test("a name is changed, an agent archived and deleted", async ({ page, house }) => {
  const agent = await open(house, page, script("Go.", [{ text: "Gone." }]), { name: "Before" });
  await expect(conversation(page).getByText("Gone.", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Before", exact: true }).click();
  await page.getByRole("textbox", { name: "Name of the agent" }).fill("After");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "After", exact: true })).toBeVisible();
  const menu = page.getByRole("button", { name: "More" });
  await menu.click();
  await page.getByRole("menuitem", { name: "Open in a terminal" }).click();
  await expect(page.getByText(`errand attach ${agent.id}`)).toBeVisible();
  await page.keyboard.press("Escape");
  await menu.click();
  await page.getByRole("menuitem", { name: "Archive" }).click();
  await expect(page.getByText("This agent is archived.")).toBeVisible();
  await menu.click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete the agent" }).click();
  await expect(page).toHaveURL(/\/$/);
});

test("steps are walked and opened by keyboard", async ({ page, house }) => {
  await open(house, page, script("Go.", [{ calls: [{ shell: "seq 1 30" }] }, { text: "Ready." }]));
  await expect(conversation(page).getByText("Ready.", { exact: true })).toBeVisible();
  await conversation(page).focus();
  await expect(async () => {
    await page.keyboard.press("j");
    await expect(page.locator("[id^='row-call']:focus")).toHaveCount(1, { timeout: 300 });
  }).toPass();
  await page.keyboard.press("e");
  await expect(page.getByText("17", { exact: true })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator("[id^='row-']:focus")).toHaveCount(0);
});

test("an agent that does not exist is said plainly", async ({ page }) => {
  await page.goto("/agents/bc-00000000-0000-7000-8000-000000000000");
  await expect(page.getByRole("heading", { name: "There is no such agent" })).toBeVisible();
  await expectAccessible(page);
});
