import { expect, it } from "vitest";
import { countsOf, placeOf } from "./network";

it("names a place as an allow-list would", () => {
  expect(placeOf({ host: "a.example", port: 443 })).toBe("a.example");
  expect(placeOf({ host: "a.example", port: 8443 })).toBe("a.example:8443");
  expect(placeOf({ host: "*", port: 0 })).toContain("others");
});

it("puts what occurs most first", () => {
  expect(countsOf({ GET: 2, POST: 30 })).toBe("POST 30, GET 2");
});
