import { expect, it } from "vitest";
import type { BuildBody, EnvironmentVersion } from "../../api/types";
import { BEGINNING, buildsOf, offsetOf, originOf } from "./environments";

it("finds the place of a remark, also behind signs of two units, and never beyond the text", () => {
  const text = '{\n  "name": "😀", "instal": ""\n}';
  expect(text.slice(offsetOf(text, { line: 2, column: 16 }))).toMatch(/^"instal"/);
  expect(offsetOf(text, { line: 1, column: 1 })).toBe(0);
  expect(offsetOf(text, { line: 99, column: 7 })).toBe(text.length);
});

it("says how a version came about", () => {
  const version = (origin: string, restoredFrom?: number) =>
    ({ origin, restoredFrom }) as EnvironmentVersion;
  expect(originOf(version("created"))).toBe("Saved first");
  expect(originOf(version("restored", 3))).toBe("Brought version 3 back");
  expect(originOf(version("imported"))).toBe("imported");
});

it("knows the builds of an environment by its id, not by its name", () => {
  const build = (layer: string, createdAt: string, id?: string) =>
    ({
      layer,
      createdAt,
      ...(id !== undefined && { environment: { id, name: "shop", version: 1 } }),
    }) as BuildBody;
  const all = [
    build("1", "2026-01-01", "a"),
    build("2", "2026-01-02"),
    build("3", "2026-01-03", "a"),
  ];
  expect(buildsOf("a", all).map(({ layer }) => layer)).toEqual(["3", "1"]);
  expect(buildsOf("b", all)).toEqual([]);
});

it("begins with a text that has comments, as the format takes them", () => {
  expect(BEGINNING).toContain("//");
});
