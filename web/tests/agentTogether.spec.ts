import type { LogEntry } from "../src/agent/wire";
import type { Agent } from "../src/api/types";
import { expect, signIn, test } from "./kit";

/** The smallest PNG there is. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64",
);

function script(words: string, turns: object[]): string {
  return `${words}\nscript: ${JSON.stringify({ turns })}`;
}

test("two people see each other and each other's messages", async ({ page, house, browser }) => {
  const prompt = { text: script("Go.", [{ text: "Gone." }]) };
  const made = await house.call<{ agent: Agent }>("POST", "/v1/agents", { prompt });
  await page.goto(`/agents/${made.agent.id}`);
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", { name: "ada" });
  const context = await browser.newContext({ baseURL: house.url });
  const other = await context.newPage();
  await signIn(other, house, token);
  await other.goto(`/agents/${made.agent.id}`);
  await expect(page.getByRole("button", { name: "Watching: ada" })).toBeVisible();
  await other.getByRole("textbox", { name: "Message to the agent" }).fill("Hello from Ada.");
  await other.getByRole("button", { name: "Send" }).click();
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("Hello from Ada.")).toBeVisible();
  await expect(talk.getByText("ada", { exact: true })).toBeVisible();
  await context.close();
  await expect(page.getByRole("button", { name: "Watching: ada" })).toHaveCount(0);
});

test("images go with a message, and what is no image is refused", async ({ page, house }) => {
  const prompt = { text: script("Go.", [{ text: "Gone." }]) };
  const made = await house.call<{ agent: Agent }>("POST", "/v1/agents", { prompt });
  await page.goto(`/agents/${made.agent.id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("Done", { exact: true })).toBeVisible();
  const picker = page.locator("input[type=file]");
  await picker.setInputFiles([
    { name: "shot.png", mimeType: "image/png", buffer: PIXEL },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") },
  ]);
  await expect(page.getByRole("img", { name: "shot.png" })).toBeVisible();
  await expect(page.getByText("notes.txt is not a PNG")).toBeVisible();
  const message = script("Look at this.", [{ text: "I see." }]);
  await page.getByRole("textbox", { name: "Message to the agent" }).fill(message);
  await page.getByRole("button", { name: "Send" }).click();
  await expect(talk.getByText("I see.", { exact: true })).toBeVisible();
  await expect(page.getByRole("img", { name: "shot.png" })).toHaveCount(0);
  const small = talk.getByRole("img", { name: "PNG image, 70 B" });
  await expect.poll(() => small.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(1);
  await small.click();
  await expect(page.getByRole("dialog", { name: "PNG image, 70 B" })).toBeVisible();

  const { items } = await house.call<{ items: LogEntry[] }>(
    "GET",
    `/v1/agents/${made.agent.id}/events`,
  );
  const said = items.findLast(({ event }) => event.type === "Asked")?.seq;
  const image = await page.request.get(`/v1/agents/${made.agent.id}/events/${said}/images/0`);
  expect(image.headers()).toMatchObject({
    "content-type": "image/png",
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
  });
  for (const place of [`${said}/images/1`, "1/images/0", "0/images/0", "x/images/0"]) {
    const none = await page.request.get(`/v1/agents/${made.agent.id}/events/${place}`);
    expect(none.status(), place).toBe(404);
  }
});

test("what was typed is still there after looking elsewhere", async ({ page, house }) => {
  const prompt = { text: script("Go.", [{ text: "Gone." }]) };
  const made = await house.call<{ agent: Agent }>("POST", "/v1/agents", { prompt });
  await page.goto(`/agents/${made.agent.id}`);
  const field = page.getByRole("textbox", { name: "Message to the agent" });
  await field.fill("Half a thou");
  await page.goto("/settings/appearance");
  await page.goto(`/agents/${made.agent.id}`);
  await expect(field).toHaveValue("Half a thou");
});
