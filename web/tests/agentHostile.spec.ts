import type { Agent } from "../src/api/types";
import { expect, expectAccessible, picture, test } from "./kit";
import { Canary } from "./kit/canary";

test("hostile text and output do nothing but stand there", async ({ page, house }) => {
  const canary = new Canary();
  const trap = await canary.listen();
  const text = [
    "<script>window.pwned = 1</script> <img src=x onerror='window.pwned = 2'> <!-- hidden -->",
    `![pixel](${trap}/pixel.png) ![data](data:image/png;base64,iVBORw0KGgo=)`,
    `[github.com](${trap}/click) [run](javascript:window.pwned=3) ${trap}/auto`,
    "invoice\u202Egnp.exe",
    "Tom &amp; Jerry &lt;b&gt; &copy; &notit; &nothing;",
    `<iframe src="${trap}/frame"></iframe><svg onload="window.pwned=4"></svg>`,
    `| a |\n|---|\n| ![cell](${trap}/cell.png) |`,
    `[ref]: ${trap}/ref\n\n[a reference][ref]`,
  ].join("\n\n");
  const print = [
    "\\033]0;TITLE\\007",
    "\\033]52;c;ZXZpbA==\\007",
    `\\033]8;;${trap}/osc8\\033\\\\https://github.com\\033]8;;\\033\\\\ `,
    "kept\\rREWRITTEN\\033[1A\\033[2Kgone\\033[6n\\033[c\\033[35mcolour\\033[0m\\n",
  ].join("");
  const shell = `printf '${print}'; head -c 3000000 /dev/zero | tr '\\0' x`;
  const turns = [
    { thinking: text, text, calls: [{ shell }] },
    {
      calls: [
        { call: { name: "ask_person", arguments: { question: text, options: ["<b>x</b>"] } } },
      ],
    },
  ];
  const { agent } = await house.call<{ agent: Agent }>("POST", "/v1/agents", {
    prompt: { text: `<b>Be hostile.</b> ${trap}/prompt\nscript: ${JSON.stringify({ turns })}` },
    name: "<img src=x onerror=alert(1)>\u202Eeman",
  });
  await page.goto(`/agents/${agent.id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(page.getByRole("region", { name: "The agent asks you" })).toBeVisible();
  const command = talk.getByRole("button", { name: /printf/ });
  await command.click();

  await expect(talk.getByText("<script>window.pwned = 1</script>").first()).toBeAttached();
  await expect(talk.getByText("<!-- hidden -->").first()).toBeAttached();
  await expect(talk.getByText(/⟦U\+202E⟧/).first()).toBeAttached();
  await expect(talk.getByText("Tom & Jerry <b> ©").first()).toBeAttached();
  await expect(talk.getByText("https://github.com kept")).toBeAttached();
  await expect(talk.getByText("REWRITTENgone")).toBeAttached();
  await expect(talk.getByText(/more characters/)).toBeAttached();
  await expect(page).not.toHaveTitle(/TITLE/);
  expect(await talk.locator("img, iframe, script, svg[onload], object, embed").count()).toBe(0);
  expect(await talk.locator("a[href^='javascript:'], a[href^='data:']").count()).toBe(0);

  const link = talk.getByRole("link", { name: "github.com", exact: true }).first();
  await link.scrollIntoViewIfNeeded();
  await expect(link.locator("xpath=..")).toContainText(`(${new URL(trap).host})`);
  await link.click();
  await expect(page.getByRole("dialog", { name: "Leave Errand?" })).toContainText(`${trap}/click`);
  await picture(page, "agent-hostile");
  await page.keyboard.press("Escape");
  expect(page.context().pages()).toHaveLength(1);
  expect(await page.evaluate(() => Reflect.get(window, "pwned"))).toBeUndefined();
  expect(canary.seen).toEqual([]);
  canary.close();
});

test("hidden characters are told of, with how many and where", async ({ page, house }) => {
  const turns = [
    { calls: [{ shell: "printf 'a\\342\\200\\213b\\n\\343\\205\\244\\n'" }] },
    { text: "Seen." },
  ];
  const { agent } = await house.call<{ agent: Agent }>("POST", "/v1/agents", {
    prompt: { text: `Please\nhelp\u{e0061}\u{e0062}.\nscript: ${JSON.stringify({ turns })}` },
    name: "Hidden",
  });
  await page.goto(`/agents/${agent.id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("Seen.", { exact: true })).toBeVisible();
  await expect(talk.getByText(/^Hidden here: 2 tag characters, in line 2\./)).toBeAttached();
  const output = "Hidden here: 1 character without width, 1 blank letter, in lines 1, 2.";
  await expect(talk.getByText(output)).toBeVisible();
  await expectAccessible(page);
  await picture(page, "agent-hidden");
});
