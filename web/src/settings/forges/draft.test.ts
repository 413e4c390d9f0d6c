import { expect, it } from "vitest";
import { draftOf, triggersOf } from "./draft";

const TRIGGERS = {
  name: "errand",
  labels: ["errand", "good first issue"],
  autofix: true,
  reviews: false,
  bots: ["ci-bot"],
};

it("brings what people may ask for through the form unchanged", () => {
  expect(draftOf(TRIGGERS).labels).toBe("errand, good first issue");
  expect(triggersOf(draftOf(TRIGGERS))).toEqual(TRIGGERS);
});

it("takes lists with commas as people write them", () => {
  const draft = { ...draftOf(TRIGGERS), name: " @fixer ", labels: " ,a,, b b ,a", bots: " " };
  expect(triggersOf(draft)).toMatchObject({ name: "@fixer", labels: ["a", "b b"], bots: [] });
});
