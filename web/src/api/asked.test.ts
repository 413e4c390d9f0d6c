import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { describe, expect, it, vi } from "vitest";

const AGENT = "bc-0193f0aa-0000-7000-8000-000000000001";
const START = readFileSync(new URL("../../public/start.js", import.meta.url), "utf8");
const FILES = { conversation: "/assets/a-1.js /assets/a-2.css", home: "/assets/home-3.js" };

interface Link {
  rel?: string;
  as?: string;
  href?: string;
}

/** What `start.js` does at an address. */
function start(pathname: string, hash = "", theme: string | null = null) {
  const paths: string[] = [];
  const links: Link[] = [];
  const page = {
    location: { pathname, hash },
    localStorage: { getItem: () => theme },
    document: {
      documentElement: { dataset: {} as Record<string, string> },
      currentScript: { dataset: FILES },
      createElement: (): Link => ({}),
      head: { append: (link: Link) => links.push(link) },
    },
    fetch: async (path: string) => void paths.push(path),
  };
  runInNewContext(START, page);
  return { paths, links, theme: page.document.documentElement.dataset.theme };
}

describe("start.js", () => {
  it("asks for what the page of an agent asks first, and for its code", async () => {
    vi.stubGlobal("location", { origin: "http://errand.test" });
    const { firstPagePath } = await import("../agent/firstPage");
    vi.unstubAllGlobals();
    const { paths, links } = start(`/agents/${AGENT}`);
    expect(paths).toEqual(["/v1/session", `/v1/agents/${AGENT}`, firstPagePath(AGENT)]);
    expect(links.map(({ rel, as, href }) => [rel, as, href])).toEqual([
      ["modulepreload", undefined, "/assets/a-1.js"],
      ["preload", "style", "/assets/a-2.css"],
    ]);
  });

  it("asks who is there, and for the code of home", () => {
    const { paths, links } = start("/");
    expect(paths).toEqual(["/v1/session"]);
    expect(links.map(({ href }) => href)).toEqual(["/assets/home-3.js"]);
    expect(start("/agents/x").links).toEqual([]);
  });

  it("asks for nothing before a one-time code is spent or a key given", () => {
    expect(start("/", "#code=abc").paths).toEqual([]);
    expect(start("/sign-in").paths).toEqual([]);
  });

  it("sets the theme that was chosen", () => {
    expect(start("/", "", "dark").theme).toBe("dark");
    expect(start("/", "", "green").theme).toBeUndefined();
  });
});

describe("aheadOr", () => {
  it("takes an answer once, and asks where there is none", async () => {
    const answer = (status: number) => Promise.resolve({ ok: status < 300, status });
    const lost = Promise.reject(new Error("no network"));
    lost.catch(() => undefined);
    const ahead = new Map<string, Promise<unknown>>([
      ["/good", answer(200)],
      ["/refused", answer(401)],
      ["/lost", lost],
    ]);
    vi.stubGlobal("errandAsked", ahead);
    vi.stubGlobal("performance", { now: () => 100 });
    vi.resetModules();
    const { aheadOr } = await import("./asked");
    const now = () => answer(204) as unknown as Promise<Response>;
    const statuses = ["/good", "/good", "/refused", "/lost", "/other"].map(
      async (path) => (await aheadOr(path, now)).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 204, 401, 204, 204]);
    ahead.set("/good", answer(200));
    vi.stubGlobal("performance", { now: () => 60_000 });
    expect((await aheadOr("/good", now)).status).toBe(204);
    vi.unstubAllGlobals();
  });
});
