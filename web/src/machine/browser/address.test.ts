import { describe, expect, it } from "vitest";
import { addressOf } from "./address";

describe("an address that was typed", () => {
  it.each([
    ["localhost:3000", "http://localhost:3000/"],
    [":8080/x", "http://localhost:8080/x"],
    ["5173", "http://localhost:5173/"],
    ["127.0.0.1:8000/a?b", "http://127.0.0.1:8000/a?b"],
    ["example.com", "https://example.com/"],
    ["example.com:8443/x", "https://example.com:8443/x"],
    ["http://a.example", "http://a.example/"],
    [" about:blank ", "about:blank"],
  ])("%s leads to %s", (typed, address) => expect(addressOf(typed)).toBe(address));

  it.each([
    "",
    "two words",
    "file:///etc/passwd",
    "chrome://settings",
    "javascript:alert(1)",
    "data:text/html,x",
    "view-source:http://a.example",
    "about:version",
    "https://",
  ])("%s leads nowhere", (typed) => expect(addressOf(typed)).toBeUndefined());
});
