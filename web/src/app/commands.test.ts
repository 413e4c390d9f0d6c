import { expect, it } from "vitest";
import { type Command, findCommands } from "./commands";

const command = (label: string, words = ""): Command => ({ id: label, label, words, run() {} });
const all = [
  command("New agent", "start launch errand task"),
  command("All cloud agents", "background agents home list"),
  command("Settings: API keys", "token"),
];
const labels = (typed: string) => findCommands(all, typed).map(({ label }) => label);

it("finds cloud agents by their old name", () => {
  expect(labels("background agents")).toEqual(["All cloud agents"]);
});

it("shows everything while nothing is typed, and nothing for nonsense", () => {
  expect(labels(" ")).toHaveLength(3);
  expect(labels("zzz")).toEqual([]);
});

it("prefers the label over other words", () => {
  expect(labels("agent")[0]).toBe("New agent");
  expect(labels("tok")).toEqual(["Settings: API keys"]);
});
