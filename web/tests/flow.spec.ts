import { expect, expectAccessible, test } from "./kit";
import { work } from "./kit/work";

test("where an agent reads strangers' text and has secrets, sending is closed until a person allows it", async ({
  page,
  house,
}) => {
  const secret = { type: "runtime_secret", value: "ghp_0123456789", hosts: ["api.example"] };
  await house.call("PUT", "/v1/team/secrets/FLOW_TOKEN", secret);
  await house.call("PATCH", "/v1/settings", { allowedHosts: [{ entry: "docs.example" }] });
  const { id } = await work(
    house,
    undefined,
    [
      { calls: [{ shell: "curl -sS -m 9 http://docs.example/; true" }] },
      { calls: [{ shell: "curl -sS -m 9 --data all http://docs.example/; true" }] },
      { text: "I was not let." },
    ],
    { name: "Do what a page says" },
  );
  await page.goto(`/agents/${id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("Sending is closed")).toBeVisible();
  await expect(talk.getByText(/The agent read what docs.example answered/)).toBeVisible();
  await expect(talk.getByText("Not allowed: docs.example:80")).toBeVisible();
  await expectAccessible(page);

  await page.goto(`/agents/${id}/machine/network`);
  const flow = page.getByRole("list", { name: "What it read, and what it could carry out" });
  await expect(flow).toContainText("FLOW_TOKEN");
  await expect(page.getByText("It has all three: it only reads")).toBeVisible();
  await expectAccessible(page);

  await page.goto(`/agents/${id}`);
  await talk.getByRole("button", { name: "Allow sending" }).click();
  await expect(talk.getByText(/allowed the agent to send to hosts/)).toBeVisible();
  await expect(talk.getByRole("button", { name: "Allow sending" })).toHaveCount(0);
  await page.goto(`/agents/${id}/machine/network`);
  await expect(page.getByText("It has all three, and may send. admin allowed that.")).toBeVisible();

  await house.call("PATCH", "/v1/settings", { allowedHosts: [] });
  await house.call("DELETE", "/v1/team/secrets/FLOW_TOKEN");
});

test("an administrator chooses what happens, no laxer than the operator", async ({
  page,
  house,
}) => {
  await page.goto("/settings/network");
  const rule = page.getByRole("button", { name: /When an agent has all three/ });
  await expect(rule).toContainText("Only let it read");
  await rule.click();
  await expect(page.getByRole("option")).toHaveCount(1);
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  const network = await house.call<{ whenAllThreeFloor: string }>("GET", "/v1/network");
  expect(network.whenAllThreeFloor).toBe("narrow");
});
