/** What pages of others can do to a person who is signed in here: nothing. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Agent } from "../src/api/types";
import { expect, signIn, test } from "./kit";
import type { House } from "./kit/house";

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);

/** Another site, on the same host as the app: its requests carry even strict cookies. */
class Site {
  readonly #server: Server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>Another site</title><h1>Another site</h1>");
  });

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

async function count(house: House): Promise<number> {
  return (await house.call<{ items: Agent[] }>("GET", "/v1/agents")).items.length;
}

test("another site neither reads, nor changes, nor frames, nor listens", async ({
  stranger: page,
  house,
}) => {
  const site = new Site();
  const there = await site.listen();
  await signIn(page, house);
  const before = await count(house);
  await page.goto(there);
  const tried = await page.evaluate(async (home) => {
    const body = JSON.stringify({ prompt: { text: "Caught." } });
    const ask = async (path: string, init: RequestInit = {}) => {
      const request = fetch(home + path, { credentials: "include", ...init });
      return (await request.catch(() => null)) === null ? "refused" : "answered";
    };
    const load = (name: "img" | "script", path: string) =>
      new Promise<string>((done) => {
        const element = document.createElement(name);
        element.onload = () => done("loaded");
        element.onerror = () => done("refused");
        element.src = home + path;
        document.body.append(element);
      });
    const listen = (protocols: string[]) =>
      new Promise<string>((done) => {
        const socket = new WebSocket(`${home.replace("http", "ws")}/v1/live`, protocols);
        Reflect.set(window, `socket ${protocols.length}`, socket);
        socket.onopen = () => done("open");
        socket.onclose = () => done("refused");
      });
    const json = { "content-type": "application/json", "x-errand-client": "web" };
    return {
      read: await ask("/v1/agents"),
      blindRead: await ask("/v1/agents", { mode: "no-cors" }),
      write: await ask("/v1/agents", { method: "POST", headers: json, body }),
      blindWrite: await ask("/v1/agents", { method: "POST", mode: "no-cors", body }),
      ticket: await ask("/v1/tickets", { method: "POST", mode: "no-cors", body: "{}" }),
      script: await load("script", "/v1/agents"),
      image: await load("img", "/icon.svg?from=elsewhere"),
      socket: await listen(["errand.live.v1"]),
      guessed: await listen(["errand.live.v1", "ticket.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]),
    };
  }, house.server);
  const { image, ...rest } = tried;
  expect(new Set(Object.values(rest)), JSON.stringify(tried)).toEqual(new Set(["refused"]));
  expect(["loaded", "refused"]).toContain(image);

  await page.evaluate((home) => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: `${home}/v1/agents`, enctype: "text/plain" });
    const field = document.createElement("input");
    Object.assign(field, { name: '{"prompt":{"text":"Caught.","x":"', value: '"}}' });
    form.append(field);
    document.body.append(form);
    form.submit();
  }, house.server);
  await page.waitForURL(`${house.server}/v1/agents`);
  await expect(page.getByText(/wrong_origin/)).toBeVisible();
  expect(await count(house)).toBe(before);

  await page.goto(there);
  await page.evaluate((home) => {
    const frame = document.createElement("iframe");
    frame.src = home;
    document.body.append(frame);
  }, house.server);
  const framed = page.frameLocator("iframe").getByRole("navigation", { name: "Agents" });
  await expect(page.locator("iframe")).toBeVisible();
  await expect(framed).toHaveCount(0);
  site.close();
});

test("another name for this host opens nothing", async ({ stranger: page, house }) => {
  const url = new URL(house.server);
  url.hostname = "rebound.localhost";
  const answer = await page.goto(url.href);
  expect(answer?.status()).toBe(421);
  expect(await answer?.text()).toContain("wrong_host");
});

test("a page may run nothing but what came with it", async ({ stranger: page, house }) => {
  test.skip(house.url !== house.server, "the policy comes with the server's own pages");
  await signIn(page, house);
  const answer = await page.goto("/settings/appearance");
  const policy = answer?.headers()["content-security-policy"] ?? "";
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) {
    expect(policy).toContain(rule);
  }
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe-inline|unsafe-eval/);
  const ran = await page.evaluate(async () => {
    const tried = (act: () => unknown) => {
      try {
        act();
        return Reflect.get(window, "ran") ?? "nothing";
      } catch {
        return "refused";
      }
    };
    const inline = document.createElement("div");
    return [
      tried(() => inline.setAttribute("onclick", "window.ran = 1")),
      tried(() => {
        inline.innerHTML = "<img src=x onerror='window.ran = 2'>";
      }),
      tried(() => {
        const script = document.createElement("script");
        script.text = "window.ran = 3";
        document.head.append(script);
      }),
    ];
  });
  expect(ran).toEqual(["refused", "refused", "refused"]);
});

test("bodies that are too deep, too large or packed are refused", async ({ house }) => {
  const headers = { authorization: `Bearer ${house.token}`, "content-type": "application/json" };
  const send = async (body: BodyInit, more: Record<string, string> = {}) => {
    const request = { method: "POST", headers: { ...headers, ...more }, body };
    return (await fetch(`${house.server}/v1/agents`, request)).status;
  };
  expect(await send(`${"[".repeat(10_000)}${"]".repeat(10_000)}`)).toBe(400);
  const text = "x".repeat(2_000_000);
  expect(await send(JSON.stringify({ prompt: { text } }))).toBeGreaterThanOrEqual(400);
  const packed = gzipSync(JSON.stringify({ prompt: { text: "Unpack me." } }));
  const refused = await send(new Uint8Array(packed), { "content-encoding": "gzip" });
  expect([400, 413, 415]).toContain(refused);
});
