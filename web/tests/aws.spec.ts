import type { AwsBody } from "../src/api/types";
import { expect, expectAccessible, picture, signIn, test, watchFaults } from "./kit";
import { House } from "./kit/house";
import { FakeSts } from "./kit/sts";

const ROLE = "arn:aws:iam::123456789012:role/agents";

test("a role is refused until it trusts this server, then kept and tried", async ({
  stranger: page,
}) => {
  const sts = await FakeSts.start();
  const house = await House.start(sts.config);
  try {
    const faults = watchFaults(page, house.url);
    await signIn(page, house);
    await page.goto(`${house.url}/settings/aws`);
    const { externalId } = await house.call<AwsBody>("GET", "/v1/team/aws");
    await expect(page.getByText(externalId, { exact: true })).toBeVisible();
    await expect(page.getByText("arn:aws:iam::123456789012:user/errand").first()).toBeVisible();
    const policy = page.getByRole("group", { name: "Trust policy of the role" });
    await expect(policy).toContainText(`"sts:ExternalId": "${externalId}"`);
    await expect(page.getByText("None yet")).toBeVisible();
    await expect(page.getByRole("button", { name: "Try the role" })).toHaveCount(0);

    const save = page.getByRole("button", { name: "Validate and save" });
    await expect(save).toBeDisabled();
    await page.getByRole("textbox", { name: "ARN of the role" }).fill(` ${ROLE} `);
    await save.click();
    await expect(page.getByText(/the role was not kept.*AccessDenied.*trust policy/)).toBeVisible();
    await expect(page.getByText("None yet")).toBeVisible();
    await expectAccessible(page);
    await picture(page, "settings-aws-refused");

    sts.trusted = externalId;
    await save.click();
    await expect(page.getByText(ROLE, { exact: true })).toBeVisible();
    await expect(page.getByText(/, given$/)).toBeVisible();
    await expect(page.getByRole("alert")).toHaveCount(0);
    await expect(page.getByRole("textbox", { name: "ARN of the role" })).toHaveValue("");
    await expectAccessible(page);
    await picture(page, "settings-aws");

    sts.trusted = "";
    await page.getByRole("button", { name: "Try the role" }).click();
    await expect(page.getByRole("alert")).toContainText("STS refused the role (AccessDenied");
    await expect(page.getByText(/, refused$/)).toBeVisible();
    expect(faults).toEqual([]);
  } finally {
    await house.stop();
    await sts.stop();
  }
});

test("without keys of the server the page says who sets them; other keys only look", async ({
  stranger: page,
  house,
}, info) => {
  const key = { name: `aws ${info.project.name}` };
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", key);
  await signIn(page, house, token);
  await page.goto("/settings/aws");
  await expect(page.getByText("This server has no keys at AWS yet.")).toBeVisible();
  const lines = page.getByRole("group", { name: "In errand.toml, in the server's data folder" });
  await expect(lines).toContainText("access_key_id");
  await expect(page.getByText("Not known yet")).toBeVisible();
  await expect(page.getByRole("textbox", { name: "ARN of the role" })).toHaveCount(0);
  await expect(page.getByRole("button", { name: "Validate and save" })).toHaveCount(0);
  await expectAccessible(page);
  await picture(page, "settings-aws-without-keys");
});
