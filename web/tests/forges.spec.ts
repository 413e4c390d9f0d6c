import { createHmac } from "node:crypto";
import { expect, expectAccessible, picture, test } from "./kit";
import { serveGitea } from "./kit/gitea";

test("a host is connected with a credential that it takes, checked and forgotten", async ({
  page,
}) => {
  const gitea = await serveGitea();
  try {
    await page.goto("/settings/forges");
    await expect(page.getByText("No host is connected.")).toBeVisible();
    await page.getByRole("button", { name: /Kind/ }).click();
    await page.getByRole("option", { name: "Gitea or Forgejo" }).click();
    await page.getByLabel("Address of its pages").fill(gitea.url);
    await page.getByLabel("Token").fill("of-nobody");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(page.getByText("the host refused the credential")).toBeVisible();
    await expectAccessible(page);

    await page.getByLabel("Token").fill(gitea.token);
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await expect(page.getByText(`${gitea.url} is connected as errand-bot.`)).toBeVisible();
    await expect(page.getByLabel("Token")).toHaveValue("");
    await expectAccessible(page);
    await picture(page, "settings-forges");

    await page.getByRole("button", { name: `Check ${gitea.url}` }).click();
    await expect(page.getByText("still knows the credential as errand-bot")).toBeVisible();

    // What it opens can be chosen for a new agent.
    await page.goto("/");
    await page.getByRole("button", { name: "Choose a repository" }).click();
    await expect(page.getByRole("menuitem", { name: /widget/ })).toBeVisible();

    await page.goto("/settings/forges");
    await page.getByRole("button", { name: `Disconnect ${gitea.url}` }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Disconnect" }).click();
    await expect(page.getByText("No host is connected.")).toBeVisible();
  } finally {
    gitea.close();
  }
});

test("an administrator says what people may ask for at a host, and sees what the host is told", async ({
  page,
  house,
}) => {
  const gitea = await serveGitea();
  const { id } = await house.call<{ id: string }>("POST", "/v1/forges", {
    kind: "gitea",
    url: gitea.url,
    token: gitea.token,
  });
  try {
    await page.goto("/settings/forges");
    await page.getByText("What people may ask for").click();
    await page.getByRole("textbox", { name: "Name" }).fill("@fixer");
    await page.getByRole("textbox", { name: "Labels" }).fill("fixer, good first issue");
    await page.getByText("Take a review that wants changes").click();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByText("Saved. It holds")).toBeVisible();
    await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue("fixer");
    await page.getByRole("textbox", { name: "Name" }).fill("no name");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByRole("alert")).toContainText("letters, digits");

    await page.reload();
    await page.getByText("What people may ask for").click();
    await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue("fixer");
    await expect(page.getByRole("textbox", { name: "Labels" })).toHaveValue(
      "fixer, good first issue",
    );
    await expect(page.getByRole("checkbox", { name: /^Take a review/ })).not.toBeChecked();
    await expect(page.getByRole("checkbox", { name: /^Mend failing checks/ })).toBeChecked();

    const webhook = page.getByRole("region", { name: "Webhook" });
    const show = webhook.getByRole("button", { name: "Show address and secret" });
    await webhook.getByRole("textbox", { name: "Repository" }).fill("no repository");
    await show.click();
    await expect(webhook.getByText(/the host's name for one, such as owner\/name/)).toBeVisible();
    await webhook.getByRole("textbox", { name: "Repository" }).fill("acme/widget");
    await show.click();
    const address = `/v1/webhooks/${id}/acme/widget`;
    await expect(webhook.getByText(address)).toBeVisible();
    await expect(webhook.getByText(/^[0-9a-f]{64}$/)).toHaveCount(0);
    await webhook.getByRole("button", { name: "Show the secret" }).click();
    const secret = await webhook.getByText(/^[0-9a-f]{64}$/).textContent();
    await expect(webhook.getByRole("list", { name: "Events" })).toContainText("Issue Comment");
    const deliveries = page.getByRole("region", { name: "Last deliveries" });
    await expect(deliveries.getByText("None since the server was started.")).toBeVisible();
    expect(await deliver(house.server + address, secret ?? "")).toBe(202);
    await expect(deliveries.getByRole("listitem")).toContainText("mallory", { timeout: 20_000 });
    await expect(deliveries.getByRole("listitem")).toContainText(
      "Nothing: who did it may not push to this repository.",
    );
    await expect(deliveries.getByText("None since the server was started.")).toHaveCount(0);
    await expectAccessible(page);
    await picture(page, "settings-forge-asking");

    // Of another repository it is another one, and nothing of the first stays on the page.
    await webhook.getByRole("textbox", { name: "Repository" }).fill("");
    expect(await page.content()).not.toContain(secret);
    await show.click();
    await webhook.getByRole("button", { name: "Show the secret" }).click();
    await expect(webhook.getByText(/^[0-9a-f]{64}$/)).not.toHaveText(secret ?? "");
  } finally {
    await house.call("DELETE", `/v1/forges/${id}`);
    gitea.close();
  }
});

/** Tells of a comment, as Gitea does; the status of the answer. */
async function deliver(url: string, secret: string): Promise<number> {
  const mallory = { id: 9, login: "mallory" };
  const body = JSON.stringify({
    action: "created",
    issue: { number: 7 },
    comment: { id: 70, user: mallory, body: "@fixer do it" },
    repository: { full_name: "acme/widget" },
    sender: mallory,
    is_pull: false,
  });
  const headers = {
    "content-type": "application/json",
    "x-gitea-event": "issue_comment",
    "x-gitea-delivery": "delivery-1",
    "x-gitea-signature": createHmac("sha256", secret).update(body).digest("hex"),
  };
  return (await fetch(url, { method: "POST", headers, body })).status;
}
