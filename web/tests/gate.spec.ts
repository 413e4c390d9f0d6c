import { expect, expectAccessible, test } from "./kit";
import { work } from "./kit/work";

test("what may not leave in a push is shown with its place, and a person lets it through with a reason", async ({
  page,
  house,
}) => {
  const turned = "printf 'ok = 1 # \\342\\200\\256 nothing\\n' > turned.py";
  const { id } = await work(
    house,
    house.repository("turned"),
    [{ calls: [{ shell: turned }] }, { text: "Done." }],
    { name: "Turn a line around", ends: "ERROR" },
  );
  await page.goto(`/agents/${id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  const stop = talk.getByRole("listitem").filter({ hasText: "turned.py:1" });
  await expect(stop.last()).toBeVisible();
  const allow = talk.getByRole("button", { name: "Let it through" }).last();
  await expect(allow).toBeDisabled();
  await expectAccessible(page);

  await talk.getByLabel("Why it may leave").last().fill("It shows the trick");
  await allow.click();
  await expect(
    talk.getByText(/lets a push carry what stopped one: It shows the trick/),
  ).toBeVisible();
  await expect(talk.getByText("It is pushed after the next message.").last()).toBeVisible();
});
