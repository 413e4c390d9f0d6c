import { describe, expect, it } from "vitest";
import { sentencesOf, titleOf } from "./walls";

describe("sentencesOf", () => {
  it("tells what was found, what it protects from and how it gets better apart", () => {
    const detail =
      "the agent's disk has no quota. protects from an agent that fills the disk. To improve: use a file system of its own";
    expect(sentencesOf(detail)).toEqual([
      "The agent's disk has no quota.",
      "Protects from an agent that fills the disk.",
      "To improve: use a file system of its own.",
    ]);
  });

  it("leaves out what is not said", () => {
    expect(sentencesOf("protects from a sandbox that takes the memory")).toEqual([
      "Protects from a sandbox that takes the memory.",
    ]);
    expect(sentencesOf("runs as user 64420. It has no name: `useradd errand`")).toEqual([
      "Runs as user 64420. It has no name: `useradd errand`.",
    ]);
  });
});

it("names a wall as people write it", () => {
  expect(titleOf("sandbox: disk_limit")).toBe("Disk limit");
  expect(titleOf("server: user")).toBe("Server: user");
});
