import type { AuditRecord, Traffic } from "../src/api/types";
import { pretend } from "./fixtures/api";
import { expect, expectAccessible, picture, signIn, test } from "./kit";
import { work } from "./kit/work";

const record = (seq: number): AuditRecord => ({
  seq,
  at: new Date(Date.UTC(2026, 9, 4) + seq * 1000).toISOString(),
  kind: "egress.passed",
  who: "agent",
  agentId: "bc-00000000-0000-7000-8000-000000000001",
  details: { host: "api.example.com", port: 443, requests: seq, methods: { GET: seq } },
  hash: "0".repeat(64),
});

test("the log says who changed what, and is exported whole", async ({ page, house }, info) => {
  const name = `AUDIT_${info.project.name.replaceAll(/\W/g, "_")}_${info.retry}`;
  await house.call("PUT", `/v1/team/secrets/${name}`, { value: "audited-0123456789", plain: true });
  await page.goto("/settings/audit");
  const rows = page.getByRole("list", { name: "Records" }).getByRole("listitem");
  await expect(rows.filter({ hasText: name }).first()).toContainText("secret.set");
  await expect(page.getByText(/^\d+:[0-9a-f]{64}$/)).toBeVisible();
  await expectAccessible(page);
  await picture(page, "settings-audit");
  await page.getByRole("button", { name: /What/ }).click();
  await page.getByRole("option", { name: "API keys" }).click();
  await expect(rows.filter({ hasText: name })).toHaveCount(0);
  await page.getByRole("textbox", { name: "Agent" }).fill("nobody");
  await expect(page.getByText("An agent's id, as its menu copies it")).toBeVisible();
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export the whole log" }).click();
  const file = await (await coming).createReadStream();
  let text = "";
  for await (const piece of file) text += piece;
  const first = JSON.parse(text.split("\n", 1)[0] ?? "");
  expect([first.seq, first.previous]).toEqual([1, "0".repeat(64)]);
  expect(text).toContain(name);
  expect(text).not.toContain("audited-0123456789");
  await house.call("DELETE", `/v1/team/secrets/${name}`);
});

test("fifty thousand records are paged through without growing the page", async ({ page }) => {
  await pretend(page);
  const LAST = 50_000;
  await page.route(/\/v1\/audit\/head/, (route) =>
    route.fulfill({ json: { seq: LAST, hash: "00", head: `${LAST}:00` } }),
  );
  await page.route(/\/v1\/audit\?/, (route) => {
    const query = new URL(route.request().url()).searchParams;
    const [limit, before] = [Number(query.get("limit")), Number(query.get("cursor") ?? LAST + 1)];
    const items = Array.from({ length: limit }, (_, at) => record(before - 1 - at));
    return route.fulfill({ json: { items, nextCursor: String(before - limit) } });
  });
  await page.goto("/settings/audit");
  const rows = page.getByRole("list", { name: "Records" }).getByRole("listitem");
  await expect(rows.first()).toContainText("#50000");
  for (let at = 1; at <= 20; at += 1) {
    await page.getByRole("button", { name: "Older" }).click();
    await expect(rows.first()).toContainText(`#${LAST - 50 * at}`);
  }
  await expect(rows).toHaveCount(50);
  await page.getByRole("button", { name: "Newer" }).click();
  await expect(rows.first()).toContainText(`#${LAST - 50 * 19}`);
  await expectAccessible(page);
});

test("others are told where theirs is", async ({ stranger, house }, info) => {
  const key = { name: `audit ${info.project.name}` };
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", key);
  await signIn(stranger, house, token);
  await stranger.goto("/settings/audit");
  await expect(stranger.getByText("The audit log is read by an administrator")).toBeVisible();
  await expectAccessible(stranger);
});

test("what was refused is shown with buttons that allow it, when the run is long over", async ({
  page,
  house,
}) => {
  const { id } = await work(
    house,
    undefined,
    [
      { calls: [{ shell: "for i in 1 2 3; do curl -sS -m 9 https://sink.example/; done; true" }] },
      { text: "It was refused." },
    ],
    { name: "Reach for a host" },
  );
  await page.goto(`/agents/${id}/machine/network`);
  const refused = page.getByRole("list", { name: "Refused" }).getByRole("listitem");
  await expect(refused).toContainText("sink.example");
  await expect(refused).toContainText("3 times");
  await expectAccessible(page);
  await refused.getByRole("button", { name: "Allow for the agent" }).click();
  await expect(refused).toContainText("Allowed from now on.");
});

test("hosts, bytes and uses of credentials are told by run", async ({ page, house }) => {
  const { id, latestRunId } = await work(house, undefined, [{ text: "Done." }], {
    name: "Send a little",
  });
  const traffic = (bytesUp: number): Traffic => ({
    requests: 3,
    bytesUp,
    bytesDown: 9_000,
    hosts: [
      {
        host: "api.example.com",
        port: 443,
        requests: 3,
        methods: { GET: 1, POST: 2 },
        statuses: { "200": 3 },
        bytesUp,
        bytesDown: 9_000,
      },
    ],
    denials: [],
    grants: [
      {
        name: "SHOP_KEY",
        secretId: "secv_1",
        host: "api.example.com",
        port: 443,
        count: 2,
        methods: { POST: 2 },
        lastAt: new Date().toISOString(),
      },
    ],
  });
  await page.route(/\/traffic$/, (route) =>
    route.fulfill({
      json: {
        total: traffic(4_200_000),
        runs: [{ runId: latestRunId, ...traffic(200_000) }, traffic(4_000_000)],
      },
    }),
  );
  await page.goto(`/agents/${id}/machine/network`);
  await expect(page.getByText("3 requests, 4.2 MB sent, 9 kB received")).toBeVisible();
  const used = page.getByRole("list", { name: "Credentials used" }).getByRole("listitem");
  await expect(used).toContainText("SHOP_KEY");
  await expect(used).toContainText("for api.example.com, 2 × (POST 2)");
  await expectAccessible(page);
  await picture(page, "machine-network");
  await page.getByRole("button", { name: /Run/ }).click();
  await page.getByRole("option", { name: "Between runs" }).click();
  await expect(page.getByText("4 MB sent").first()).toBeVisible();
});
