import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { serveDiff } from "./fixtures/diff";
import { expect, expectAccessible, picture, test } from "./kit";
import type { House } from "./kit/house";
import { work, workOn } from "./kit/work";

const RUST = `//! Adds up what is in a basket.

use std::collections::BTreeMap;

/// A thing that can be bought.
#[derive(Debug, Clone)]
pub struct Item {
    pub name: String,
    pub cents: u64,
}

/// The sum of all items.
pub fn total(items: &[Item]) -> u64 {
    let mut sum = 0;
    for item in items {
        sum += item.cents;
    }
    sum
}
${Array.from({ length: 60 }, (_, index) => `// filler ${index + 1}\n`).join("")}
/// Items by name.
pub fn by_name(items: &[Item]) -> BTreeMap<String, Item> {
    let mut map = BTreeMap::new();
    for item in items {
        map.insert(item.name.clone(), item.clone());
    }
    map
}
`;

const EDITED = RUST.replace("sum += item.cents;", "sum += item.cents * u64::from(item.count);")
  .replace("pub cents: u64,", "pub cents: u64,\n    pub count: u32,")
  .replace(
    "map.insert(item.name.clone(), item.clone());",
    'map.insert(item.name.to_lowercase(), item.clone()); // "names" are\u202e told apart',
  );

// A picture of one pixel.
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const FILES = {
  "README.md": "# Basket\n\nAdds up.\n",
  "src/basket.rs": RUST,
  "src/old_name.py":
    "def total(items):\n    return sum(items)\n\n\ndef mean(items):\n    return total(items) / len(items)\n",
  "docs/gone.md": "Nobody reads this.\n",
  "run.sh": "#!/bin/sh\necho hello\n",
};

/** A repository in which everything that can happen to a file happened, commit by commit. */
function changedRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), "errand-diff-"));
  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, stdio: "pipe" });
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  const commit = (subject: string) => {
    git("add", "-A");
    git("-c", "user.name=Errand", "-c", "user.email=errand@example.com", "commit", "-qm", subject);
  };
  git("init", "-q", "-b", "main");
  for (const [path, content] of Object.entries(FILES)) write(path, content);
  commit("Begin");
  write("src/basket.rs", EDITED);
  git("mv", "src/old_name.py", "src/numbers.py");
  git("rm", "-q", "docs/gone.md");
  commit("Count items and tell names apart");
  chmodSync(join(folder, "run.sh"), 0o755);
  write(
    "web/src/app/total.ts",
    "export const total = (items: number[]) =>\n  items.reduce((a, b) => a + b, 0);\n",
  );
  write("Cargo.lock", Array.from({ length: 1800 }, (_, index) => `line ${index}\n`).join(""));
  write("logo.png", Buffer.from(PIXEL, "base64"));
  write("data.bin", Buffer.from([0, 1, 2, 3, 0, 255]));
  write("README.md", "# Basket\n\nAdds up, with counts.\n");
  commit("Add the web page's sum");
  return folder;
}

let folder = "";
let agent: Agent | undefined;

test.beforeAll(() => {
  folder = changedRepository();
});

/** A page on an agent whose changes are those of the test's repository. */
async function openChanges(page: Page, house: House, search = ""): Promise<Agent> {
  agent ??= await work(house, house.repository("basket"), [{ text: "Done." }], {
    name: "Count the basket",
  });
  await serveDiff(page, folder, agent.repos[0]?.url ?? "");
  await page.goto(`/agents/${agent.id}/changes${search}`);
  return agent;
}

test("an agent without changes says so", async ({ page, house }) => {
  const repo = house.repository(`still-${Date.now()}`);
  const agent = await work(house, repo, [{ text: "Nothing to do." }]);
  await page.goto(`/agents/${agent.id}/changes`);
  await expect(page.getByRole("heading", { name: "No changes yet" })).toBeVisible();
  await expectAccessible(page);
  await picture(page, "changes-empty");
});

test("changes are shown by file, with what happened to each", async ({ page, house }) => {
  await openChanges(page, house);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await expect(lines.getByText("Adds up").or(lines.getByText("pub count")).first()).toBeVisible();
  await goTo(page, "basket.rs");
  await expect(lines.getByText("pub count: u32,")).toBeVisible();
  await picture(page, "changes");
  await expectAccessible(page);
});

test("keys go from file to file, mark them as viewed and comment", async ({ page, house }) => {
  const { id } = await openChanges(page, house);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await lines.focus();
  await expect(lines.getByText("Nobody reads this")).toBeVisible();
  await page.keyboard.press("v");
  await expect(page.getByText("1 of 9 viewed")).toBeAttached();
  for (let count = 0; count < 9; count += 1) await page.keyboard.press("n");
  await expect(lines).toContainText("run.sh");
  for (let count = 0; count < 7; count += 1) await page.keyboard.press("p");
  await page.keyboard.press("c");
  await page.keyboard.type("Why this?");
  await page.keyboard.press("Control+Enter");
  await expect(lines.getByText("Not sent yet")).toBeVisible();
  await picture(page, "changes-comment");
  await page.getByRole("button", { name: "Send 1 comment" }).click();
  await expect(page.getByRole("dialog")).toContainText("Why this?");
  await picture(page, "changes-send");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Send to the agent" }).click();
  await page.waitForURL(`**/agents/${id}`);
  const { items } = await house.call<{ items: { promptText: string }[] }>(
    "GET",
    `/v1/agents/${id}/runs`,
  );
  expect(items[0]?.promptText).toContain("Why this?");
  expect(items[0]?.promptText).toMatch(/^1\. \S+:\d+/m);
});

test("hidden lines are shown when asked, on both sides, and lines go side by side", async ({
  page,
  house,
  viewport,
}) => {
  await openChanges(page, house);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await goTo(page, "basket.rs");
  await expect(lines.getByText("filler 30")).toHaveCount(0);
  await lines.getByRole("button", { name: "Show more below this part" }).first().click();
  await expect(lines.getByText("filler 18", { exact: false }).first()).toBeVisible();
  if ((viewport?.width ?? 0) < 1000) return;
  await page.getByRole("button", { name: "Side by side" }).click();
  await expect(page.getByRole("button", { name: "One column" })).toBeVisible();
  await goTo(page, "basket.rs");
  await picture(page, "changes-split");
  await expectAccessible(page);
});

test("one commit's changes are shown alone", async ({ page, house }) => {
  await openChanges(page, house);
  await page.getByRole("button", { name: "All changes" }).click();
  await picture(page, "changes-scope");
  await page.getByRole("menuitemradio", { name: /Count items/ }).click();
  await expect(page).toHaveURL(/commit=[0-9a-f]{40}/);
  await expect(page.getByText("0 of 3 viewed")).toBeAttached();
});

test("the changes of one run are shown apart from those before it", async ({ page, house }) => {
  const name = `runs-${test.info().project.name}`;
  const write = (path: string) => [
    { calls: [{ write: { path, content: `${path}\n` } }] },
    { text: "Done." },
  ];
  const { id } = await work(house, house.repository(name), write("first.txt"), { name });
  await workOn(house, id, write("second.txt"));
  await page.goto(`/agents/${id}/changes`);
  const files = page.getByText(/^(first|second)\.txt$/);
  await expect(page.getByText("0 of 2 viewed")).toBeAttached();
  await page.getByRole("button", { name: "All changes" }).click();
  await page.getByRole("menuitemradio", { name: /Run 2/ }).click();
  await expect(page).toHaveURL(/run=run-/);
  await expect(page.getByText("0 of 1 viewed")).toBeAttached();
  await expect(files.filter({ hasText: "second.txt" }).first()).toBeAttached();
  await expect(files.filter({ hasText: "first.txt" })).toHaveCount(0);
});

test("three thousand files with a hundred thousand lines scroll smoothly", async ({
  page,
  house,
}) => {
  const { id } = await openChanges(page, house);
  await page.unroute("**/v1/agents/*/diff*");
  const patch = `@@ -1,16 +1,33 @@\n${Array.from({ length: 33 }, (_, index) =>
    index % 2 === 0 ? `+let value_${index} = compute(${index});\n` : " let kept = true;\n",
  ).join("")}`;
  const files = Array.from({ length: 3000 }, (_, index) => ({
    path: `src/part${index % 40}/file${index}.rs`,
    status: "modified",
    binary: false,
    additions: 17,
    deletions: 0,
    patch,
  }));
  const repo = {
    repoUrl: "basket",
    branch: "b",
    base: "0".repeat(40),
    head: "1".repeat(40),
    stat: { files: 3000, additions: 51_000, deletions: 0 },
    commits: [],
    files,
    truncated: false,
  };
  await page.route("**/v1/agents/*/diff*", (route) => route.fulfill({ json: { repos: [repo] } }));
  await page.goto(`/agents/${id}/changes`);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await expect(lines.getByText("value_0").first()).toBeVisible();
  const frames = await lines.evaluate(async (scroller) => {
    const taken: number[] = [];
    let last = performance.now();
    for (let step = 0; step < 120; step += 1) {
      scroller.scrollTop += step < 60 ? 400 : 15_000;
      const now = await new Promise<number>(requestAnimationFrame);
      taken.push(now - last);
      last = now;
    }
    return taken.sort((a, b) => a - b);
  });
  const figure = `p50 ${frames[60]?.toFixed(0)} ms, p95 ${frames[114]?.toFixed(0)} ms`;
  test.info().annotations.push({ type: "frames while scrolling", description: figure });
  expect(await lines.locator("[class*=line]").count()).toBeLessThan(400);
});

test("a pull request shows what it says and changes, and is merged after asking", async ({
  page,
  house,
}) => {
  const name = `pull-${test.info().project.name}`;
  const repo = house.repository(name, { "README.md": "one\n" });
  const made = await work(
    house,
    repo,
    [{ calls: [{ write: { path: "README.md", content: "two\n" } }] }, { text: "Changed it." }],
    { name: "Say two", autoCreatePR: true },
  );
  await page.goto(`/agents/${made.id}/pull-requests/1`);
  await expect(page.getByRole("button", { name: "Merge" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Changed lines" })).toContainText("two");
  await picture(page, "pull-request");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Merge" }).click();
  await expect(page.getByRole("alertdialog")).toContainText("1 file");
  await picture(page, "pull-request-merge");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Merge into main" }).click();
  await expect(page.getByText("Merged", { exact: true })).toBeVisible();
});

test("a branch whose base has moved is brought up to date", async ({ page, house }) => {
  const name = `behind-${test.info().project.name}`;
  const repo = house.repository(name, { "README.md": "one\n" });
  const made = await work(
    house,
    repo,
    [{ calls: [{ write: { path: "mine.txt", content: "two\n" } }] }, { text: "Added it." }],
    { name: "Add mine", autoCreatePR: true },
  );
  house.push(repo, { "theirs.txt": "three\n" });
  await page.goto(`/agents/${made.id}/pull-requests/1`);
  await expect(page.getByText("1 newer commit on main")).toBeVisible();
  await picture(page, "pull-request-behind");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Update the branch" }).click();
  await expect(page.getByText("1 newer commit on main")).toHaveCount(0);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await expect(lines).toContainText("two");
  await expect(lines).not.toContainText("three");
  await page.goto(`/agents/${made.id}`);
  await expect(page.getByText(/brought the branch of pull request #1 up to date/)).toBeVisible();
});

test("while its host is down a pull request shows what is known here", async ({ page, house }) => {
  const name = `down-${test.info().project.name}`;
  const repo = house.repository(name, { "README.md": "one\n" });
  const made = await work(
    house,
    repo,
    [{ calls: [{ write: { path: "mine.txt", content: "two\n" } }] }, { text: "Added it." }],
    { name: "Add mine", autoCreatePR: true },
  );
  await page.route("**/v1/agents/*/pull-requests", async (route) => {
    const response = await route.fetch();
    const { items } = (await response.json()) as { items: object[] };
    const unknown = {
      state: "unknown",
      keptBy: "host",
      body: "",
      problem: "no answer within 15 s",
    };
    await route.fulfill({ json: { items: items.map((item) => ({ ...item, ...unknown })) } });
  });
  await page.goto(`/agents/${made.id}/pull-requests/1`);
  await expect(page.getByText("State unknown")).toBeVisible();
  await expect(page.getByText(/did not say how this stands: no answer within 15 s/)).toBeVisible();
  await expect(page.getByRole("region", { name: "Changed lines" })).toContainText("two");
  await expect(page.getByRole("button", { name: "Merge" })).toHaveCount(0);
  await expectAccessible(page);
  await picture(page, "pull-request-unknown");
});

test("findings stand beside the lines and lead to them, and claims without evidence are struck through", async ({
  page,
  house,
}) => {
  const name = `judged-${test.info().project.name}`;
  const tests = "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n";
  const filler = Array.from({ length: 80 }, (_, index) => `line ${index}\n`).join("");
  const repo = house.repository(name, { "README.md": "one\n", "test_calc.py": tests });
  const write = (path: string, content: string) => ({ write: { path, content } });
  const made = await work(
    house,
    repo,
    [
      {
        calls: [
          write("aaa.txt", filler),
          write("package.json", '{\n  "scripts": {\n    "postinstall": "node begin.js"\n  }\n}\n'),
          write("test_calc.py", "from calc import add\n"),
        ],
      },
      { text: "All tests pass." },
    ],
    { name: "Leave a trap", autoCreatePR: true },
  );
  await page.goto(`/agents/${made.id}/pull-requests/1`);
  await expect(page.getByText(/(Medium|High) risk · \d+ points/)).toBeVisible();
  const list = page.getByRole("list", { name: "Findings" });
  await expect(
    list.getByRole("button", { name: /test_calc\.py:4 \(before the change\)/ }),
  ).toBeVisible();
  const script = list.getByRole("button", { name: /package\.json:3/ });
  await script.click();
  const lines = page.getByRole("region", { name: "Changed lines" });
  await expect(lines.getByText("package-script")).toBeInViewport();
  await picture(page, "pull-request-findings");
  await expectAccessible(page);

  await page.getByText(/^Evidence:/).click();
  await expect(page.getByText("nothing here was tested").first()).toBeVisible();
  const claims = page.getByRole("list", { name: "Claims that nothing shows" });
  await expect(claims.locator("del")).toHaveText("All tests pass");
  await expectAccessible(page);
  await picture(page, "pull-request-evidence");
});

/** Scrolls to a file through the tree, which is a sheet on narrow windows. */
async function goTo(page: Page, name: string) {
  await expect(page.getByRole("region", { name: "Changed lines" })).toBeVisible();
  const sheet = page.getByRole("button", { name: "Show the files" });
  if (await sheet.isVisible()) await sheet.click();
  await page
    .getByRole("button", { name: new RegExp(`: ${name}`) })
    .first()
    .click();
}
