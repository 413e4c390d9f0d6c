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
