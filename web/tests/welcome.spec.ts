import { expect, expectAccessible, picture, signIn, test, watchFaults } from "./kit";
import { House } from "./kit/house";

test("the first errand is offered while there is none, and sent in three steps", async ({
  stranger: page,
}) => {
  // Others make agents on the server they share; this needs one without.
  const house = await House.start();
  try {
    const faults = watchFaults(page, house.url);
    await signIn(page, house);
    await page.goto(house.url);
    await expect(page).toHaveURL(/\/welcome$/);
    await expect(page.getByText("scripted model only")).toBeVisible();
    await expectAccessible(page);
    await picture(page, "welcome");

    await page.getByRole("button", { name: "Send the errand" }).click();
    await expect(page.getByText("Write what the agent should do.")).toBeVisible();
    await page.getByRole("button", { name: /Write a small command-line calculator/ }).click();
    await page.getByRole("button", { name: "Send the errand" }).click();
    await expect(page).toHaveURL(/\/agents\/bc-/);
    const after = await house.call<{ items: unknown[] }>("GET", "/v1/agents");
    expect(after.items).toHaveLength(1);
    expect(faults).toEqual([]);
  } finally {
    await house.stop();
  }
});
