import type { Page } from "@playwright/test";
import type { Agent } from "../src/api/types";
import { expect, test } from "./kit";
import { type House, until } from "./kit/house";
import { work } from "./kit/work";

const PORT = 8130;

/** What the agent serves: it sets a cookie, has a service worker, and tells what it was sent. */
const SITE = `
import http.server, json
class Site(http.server.BaseHTTPRequestHandler):
    def say(self, kind, text):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("set-cookie", "site=mine; Path=/")
        self.send_header("set-cookie", "wide=caught; Path=/; Domain=localhost")
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        if self.path == "/sw.js":
            self.say("text/javascript", """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.url.endsWith("/worked")) event.respondWith(new Response("by the worker"));
});""")
        elif self.path == "/heard":
            self.say("application/json", json.dumps(dict(self.headers)))
        else:
            self.say("text/html", "<!doctype html><title>A site</title><h1>Made by the agent</h1>")
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", ${PORT}), Site).serve_forever()
`;

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);

let agent: Agent | undefined;

/** Serves the site in the sandbox, from a terminal as a person would. */
async function serve(page: Page, house: House): Promise<Agent> {
  const turns = [{ calls: [{ write: { path: "site.py", content: SITE } }] }, { text: "Done." }];
  agent ??= await work(house, undefined, turns, { name: "Serve a site" });
  const { id } = agent;
  await house.call("POST", `/v1/agents/${id}/wake`);
  await until(
    async () => (await house.call<Agent>("GET", `/v1/agents/${id}`)).sandbox.state === "up",
    () => "the machine does not come up",
  );
  await page.goto(`/agents/${id}/machine/terminal`);
  await page.getByRole("button", { name: /Open (a|another) terminal/ }).click();
  // One of an earlier test may be shown until this one is.
  await page.waitForURL(/\/machine\/terminal\/.+/);
  await expect(page.locator(".xterm-rows")).toContainText("$");
  await page.keyboard.type("python3 /workspace/site.py &\n");
  // What was typed may be lost with the page: the shell says that it has begun.
  await expect(page.locator(".xterm-rows")).toContainText("[1]");
  return agent;
}

async function open(page: Page, house: House): Promise<Page> {
  const { id } = await serve(page, house);
  await page.goto(`/agents/${id}/machine/ports`);
  const port = page.getByRole("listitem").filter({ hasText: String(PORT) });
  await port.getByRole("button", { name: "Open preview" }).click();
  await page.getByRole("button", { name: "I understand" }).click();
  const opening = page.context().waitForEvent("page");
  await page.getByRole("link", { name: "Open in a new tab" }).click();
  const preview = await opening;
  await expect(preview.getByRole("heading", { name: "Made by the agent" })).toBeVisible();
  return preview;
}

test("a preview lives on an origin of its own and keeps there what it sets", async ({
  page,
  house,
  browser,
}) => {
  const preview = await open(page, house);
  const origin = new URL(preview.url()).origin;
  expect(new URL(origin).hostname).toMatch(/\.preview\.localhost$/);
  expect(preview.url()).not.toContain("ticket");
  expect(await preview.evaluate(() => [window.opener, document.cookie])).toEqual([
    null,
    "site=mine; wide=caught",
  ]);
  const worked = await preview.evaluate(async () => {
    await navigator.serviceWorker.register("/sw.js");
    await navigator.serviceWorker.ready;
    while (!navigator.serviceWorker.controller) await new Promise((go) => setTimeout(go, 20));
    return (await fetch("/worked")).text();
  });
  expect(worked).toBe("by the worker");

  const mine = await page.evaluate(async () => ({
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    cookie: document.cookie,
  }));
  expect(mine).toEqual({ workers: 0, cookie: "" });
  const cookies = await page.context().cookies();
  const names = (host: string) => cookies.filter(({ domain }) => domain === host);
  expect(names(new URL(house.url).hostname).map(({ name }) => name)).toEqual(["errand_session"]);
  // What was meant for every host below `localhost` stays with this one.
  const { domain } = cookies.find(({ name }) => name === "wide") ?? {};
  expect(domain).toBe(new URL(origin).hostname);

  const stranger = await browser.newPage();
  expect((await stranger.goto(origin))?.status()).toBe(403);
  await stranger.context().close();
});

test("a preview neither hears of our session nor reaches our API", async ({ page, house }) => {
  const preview = await open(page, house);
  const heard = await preview.evaluate(async () => (await fetch("/heard")).text());
  expect(heard).not.toMatch(/errand|authorization|bearer/i);

  const before = (await house.call<{ items: Agent[] }>("GET", "/v1/agents")).items.length;
  const tried = await preview.evaluate(async (home) => {
    const ask = async (path: string, init: RequestInit) => {
      const answer = await fetch(home + path, { credentials: "include", ...init }).catch(
        () => null,
      );
      return answer === null ? "refused" : `${answer.type} ${answer.status}`;
    };
    const body = JSON.stringify({ prompt: { text: "Caught." } });
    const json = { "content-type": "application/json" };
    const socket = new WebSocket(`${home.replace("http", "ws")}/v1/live`, ["errand.live.v1"]);
    // Kept, or it may be collected before it says anything.
    Reflect.set(window, "socket", socket);
    const opened = new Promise<string>((done) => {
      socket.onopen = () => done("open");
      socket.onclose = () => done("refused");
    });
    return {
      read: await ask("/v1/agents", {}),
      session: await ask("/v1/session", {}),
      write: await ask("/v1/agents", { method: "POST", headers: json, body }),
      blind: await ask("/v1/agents", { method: "POST", mode: "no-cors", body }),
      socket: await opened,
    };
  }, house.server);
  expect(tried).toEqual({
    read: "refused",
    session: "refused",
    write: "refused",
    blind: "refused",
    socket: "refused",
  });
  const after = (await house.call<{ items: Agent[] }>("GET", "/v1/agents")).items.length;
  expect(after).toBe(before);
});
