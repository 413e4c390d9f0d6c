import type { Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { expect, expectAccessible, picture, test } from "./kit";
import { type House, until } from "./kit/house";
import { work } from "./kit/work";

let agent: Agent | undefined;

/** An agent whose machine is up. */
async function awake(house: House): Promise<Agent> {
  agent ??= await work(
    house,
    undefined,
    [
      {
        calls: [
          {
            shell:
              "mkdir -p /workspace/.artifacts && cd /workspace/.artifacts && echo 'all 12 tests passed' > test.log && " +
              "mkdir -p dumps && truncate -s 70000000 'dumps/heap 1.bin' && " +
              "printf %s 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==' | base64 -d > page.png",
          },
        ],
      },
      { text: "Done." },
    ],
    { name: "Look after the machine" },
  );
  const { id } = agent;
  await house.call("POST", `/v1/agents/${id}/wake`);
  await until(
    async () => (await house.call<Agent>("GET", `/v1/agents/${id}`)).sandbox.state === "up",
    () => "the machine does not come up",
  );
  return agent;
}

async function open(page: Page, house: House, tab: string): Promise<Agent> {
  const found = await awake(house);
  await page.goto(`/agents/${found.id}/machine/${tab}`);
  return found;
}

test("a terminal is opened, typed into, handed back and taken over", async ({ page, house }) => {
  await open(page, house, "terminal");
  await expectAccessible(page);
  await openTerminal(page);
  await page.keyboard.type("echo $((6*7))-answer\n");
  await expect(page.locator(".xterm-rows")).toContainText("42-answer");
  await picture(page, "machine-terminal");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Hand back" }).click();
  await expect(page.getByText("Read only")).toBeVisible();
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.type("echo not-$((1+1))-typed\n");
  await page.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByText("You are typing")).toBeVisible();
  await page.keyboard.type("echo after-$((1+1))\n");
  await expect(page.locator(".xterm-rows")).toContainText("after-2");
  await expect(page.locator(".xterm-rows")).not.toContainText("not-");
});

test("two windows see the same terminal, and one at a time types", async ({
  page,
  house,
  context,
}) => {
  await open(page, house, "terminal");
  await openTerminal(page);
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.getByText("You are typing in another window")).toBeVisible();
  await other.getByRole("button", { name: "Take over" }).click();
  await expect(other.getByText("You are typing", { exact: true })).toBeVisible();
  await expect(page.getByText("You are typing in another window")).toBeVisible();
  await other.keyboard.type("echo from-the-$((1+1))nd\n");
  await expect(page.locator(".xterm-rows")).toContainText("from-the-2nd");
  await picture(page, "machine-terminal-read-only");
  await other.close();
});

test("hostile output gets no answer, no title, no link and no clipboard", async ({
  page,
  house,
}) => {
  const typed = keysOf(page);
  await open(page, house, "terminal");
  await openTerminal(page);
  const title = await page.title();
  const hostile = [
    "\\033]0;owned\\007",
    "\\033]52;c;b3duZWQ=\\007",
    "\\033]8;;https://evil.example\\007innocent\\033]8;;\\007",
    "\\033]10;?\\007\\033]11;?\\007\\033]4;1;?\\007",
    "\\033[>c\\033[=c\\033[?6n\\033[?1$p\\033[18t\\033[21t\\033[>q\\033P$qm\\033\\\\",
  ];
  await page.keyboard.type(`printf '${hostile.join("")}'; echo; echo end-$((1+1))\n`);
  await expect(page.locator(".xterm-rows")).toContainText("end-2");
  await expect(page.locator(".xterm-rows")).toContainText("innocent");
  expect(await typed()).not.toContain("\u001b");
  expect(await page.title()).toBe(title);
  await expect(page.locator(".xterm-rows a")).toHaveCount(0);
});

test("much output leaves the page responsive", async ({ page, house }) => {
  test.setTimeout(150_000);
  await open(page, house, "terminal");
  await openTerminal(page);
  await page.keyboard.type(
    "yes 0123456789012345678901234567890123456789 | head -c 30000000; echo end-$((1+1))\n",
  );
  let slowest = 0;
  const rows = page.locator(".xterm-rows");
  while (!(await rows.textContent())?.includes("end-2")) {
    const asked = Date.now();
    await page.evaluate(() => new Promise(requestAnimationFrame));
    slowest = Math.max(slowest, Date.now() - asked);
  }
  await expect(rows).toContainText("end-2");
  test.info().annotations.push({ type: "slowest frame", description: `${slowest} ms` });
});

test("a key is echoed at once", async ({ page, house }) => {
  await open(page, house, "terminal");
  await openTerminal(page);
  await page.keyboard.type("cat > /dev/null\n");
  const times = await page.evaluate(async () => {
    const area = document.querySelector<HTMLTextAreaElement>(".xterm-helper-textarea");
    const rows = document.querySelector(".xterm-rows");
    if (!area || !rows) throw new Error("no terminal");
    const taken: number[] = [];
    for (let count = 0; count < 60; count += 1) {
      await new Promise((go) => setTimeout(go, 40));
      const start = performance.now();
      const echoed = new Promise<void>((done) => {
        const observer = new MutationObserver(() => {
          observer.disconnect();
          done();
        });
        observer.observe(rows, { childList: true, subtree: true, characterData: true });
      });
      area.dispatchEvent(new KeyboardEvent("keydown", { key: "x", keyCode: 88, bubbles: true }));
      area.dispatchEvent(
        new KeyboardEvent("keypress", { key: "x", charCode: 120, keyCode: 120, bubbles: true }),
      );
      await echoed;
      taken.push(performance.now() - start);
    }
    return taken.sort((a, b) => a - b);
  });
  const figure = `p50 ${times[30]?.toFixed(1)} ms, p95 ${times[57]?.toFixed(1)} ms`;
  test.info().annotations.push({ type: "key press to echo", description: figure });
  await page.keyboard.press("Control+c");
});

test("files are listed, opened, changed and saved, also when the agent was faster", async ({
  page,
  house,
}) => {
  const { id } = await open(page, house, "files");
  const files = page.getByRole("region", { name: "Folders and files" });
  await files.getByRole("button", { name: ".artifacts", exact: true }).click();
  await files.getByRole("button", { name: /^test\.log/ }).click();
  const text = page.getByRole("textbox", { name: /Text of/ });
  await expect(text).toContainText("tests passed");
  await picture(page, "machine-files");
  await expectAccessible(page);
  await text.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("by hand\n");
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("status").getByText("Saved")).toBeVisible();
  const path = "/workspace/.artifacts/test.log";
  await page.request.put(`/v1/agents/${id}/files/content?path=${path}`, {
    headers: { "x-errand-client": "web", origin: house.url },
    data: Buffer.from("theirs\n"),
  });
  await text.click();
  await page.keyboard.type("mine ");
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("heading", { name: "The file changed meanwhile" })).toBeVisible();
  await picture(page, "machine-conflict");
  await page.getByRole("button", { name: "Load theirs" }).click();
  await expect(text).toHaveText("theirs");
});

test("files are uploaded, replaced only when asked, and deleted", async ({ page, house }) => {
  await open(page, house, "files");
  const name = `up-${test.info().project.name}.txt`;
  const pick = page.getByLabel("Files to upload");
  await pick.setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from("one") });
  await expect(page.getByText("Uploaded")).toBeVisible();
  await pick.setInputFiles({ name, mimeType: "text/plain", buffer: Buffer.from("two") });
  await page.getByRole("button", { name: "Replace" }).click();
  await expect(page.getByText("Uploaded")).toHaveCount(2);
  const files = page.getByRole("region", { name: "Folders and files" });
  await files.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await expect(page.getByRole("textbox", { name: /Text of/ })).toHaveText("two");
  await page.getByRole("button", { name: "Delete this file" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByRole("heading", { name: /^Delete/ })).toHaveCount(0);
  await expect(page.getByText(name)).toHaveCount(2);
});

test("what a run left is shown, and what of it is too large to be kept", async ({
  page,
  house,
}) => {
  const { id } = await open(page, house, "artifacts");
  await expect(page.getByText("page.png")).toBeVisible();
  const large = page.getByRole("note").filter({ hasText: "dumps/heap 1.bin" });
  await expect(large).toContainText("70 MB, is too large to be kept. It is in the machine only.");
  await expect(large).toContainText(`errand cp ${id}:'/workspace/.artifacts/dumps/heap 1.bin' .`);
  await expect(large.getByRole("link", { name: "Download" })).toHaveAttribute("download", "");
  await picture(page, "machine-artifacts");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Open test.log" }).click();
  await expect(page.getByRole("dialog")).toContainText("tests passed");
  await picture(page, "machine-artifact");
  await expectAccessible(page);
});

test("use of the machine is measured", async ({ page, house }) => {
  await open(page, house, "usage");
  await expect(page.getByText(/of \d+ cores/)).toBeVisible();
  await expect(page.getByText(/^\d+ of [\d,]+$/)).toBeVisible();
  await expect(page.getByText(/^Goes to sleep in \d+ min if nothing happens/)).toBeVisible();
  await picture(page, "machine-usage");
  await expectAccessible(page);
});

test("ports appear when something listens, with a warning before the preview", async ({
  page,
  house,
}) => {
  const { id } = await open(page, house, "terminal");
  await openTerminal(page);
  await page.keyboard.type("python3 -m http.server 8123 --bind 127.0.0.1 >/dev/null 2>&1 &\n");
  await page.goto(`/agents/${id}/machine/ports`);
  await expect(page.getByText("8123", { exact: true })).toBeVisible();
  await picture(page, "machine-ports");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Open preview" }).first().click();
  await expect(page.getByRole("dialog")).toContainText("type no passwords");
  await expectAccessible(page);
});

test("a sleeping machine can be woken", async ({ page, house }) => {
  const { id } = await awake(house);
  await page.route(`**/v1/agents/${id}`, async (route) => {
    const answer = await route.fetch();
    const body: Agent = await answer.json();
    await route.fulfill({ json: { ...body, sandbox: { ...body.sandbox, state: "none" } } });
  });
  await page.goto(`/agents/${id}/machine/usage`);
  await expect(page.getByRole("heading", { name: "The machine is asleep" })).toBeVisible();
  await picture(page, "machine-asleep");
  await expectAccessible(page);
  await page.unroute(`**/v1/agents/${id}`);
  await page.getByRole("button", { name: "Wake the machine" }).click();
  await expect(page.getByText(/of \d+ cores|Measuring/)).toBeVisible();
});

test("the ways in with one's own tools are told", async ({ page, house }) => {
  await open(page, house, "usage");
  const button = page.getByRole("button", { name: "Open in VS Code or SSH" });
  test.info().annotations.push({ type: "on a phone", description: "there is no such button" });
  if (!(await button.isVisible())) return;
  await button.click();
  await expect(page.getByRole("dialog")).toContainText("Not verified on this server");
  await picture(page, "machine-connect");
  await expectAccessible(page);
});

/** Opens a terminal of its own for a test. */
async function openTerminal(page: Page) {
  await page.getByRole("button", { name: /Open (a|another) terminal/ }).click();
  await expect(page.getByText("You are typing", { exact: true })).toBeVisible();
  await expect(page.locator(".xterm-rows")).toContainText("$");
}

/** Everything the page sends as keys from now on. */
function keysOf(page: Page): () => Promise<string> {
  const sent: string[] = [];
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => sent.push(String(payload)));
  });
  return async () => sent.join("");
}
