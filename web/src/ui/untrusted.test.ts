import { expect, it } from "vitest";
import { hostOf, safeUrl, visibleBidi, webUrl } from "./untrusted";

it("follows only web and mail addresses", () => {
  expect(safeUrl("https://example.com/a")).toBe("https://example.com/a");
  expect(safeUrl("mailto:a@example.com")).toBe("mailto:a@example.com");
  for (const url of [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "/v1/agents",
  ]) {
    expect(safeUrl(url)).toBeUndefined();
  }
});

it("takes only addresses of the web for such", () => {
  expect(webUrl("https://example.com/a")).toBe("https://example.com/a");
  expect(webUrl("http://127.0.0.1:3000/a")).toBe("http://127.0.0.1:3000/a");
  for (const url of ["mailto:a@example.com", "javascript:alert(1)", "/v1/agents", ""]) {
    expect(webUrl(url)).toBeUndefined();
  }
});

it("names the host in ASCII", () => {
  expect(hostOf("https://user:pw@example.com:8443/x")).toBe("example.com:8443");
  expect(hostOf("https://ex\u0430mple.com")).toMatch(/^xn--/);
  expect(hostOf("nonsense")).toBe("no address");
});

it("shows characters that reorder text", () => {
  expect(visibleBidi("a\u202eb")).toBe("a⟦U+202E⟧b");
  expect(visibleBidi("plain")).toBe("plain");
});
