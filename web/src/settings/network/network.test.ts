import { describe, expect, it } from "vitest";
import { choicesOf, keyOf, titleOf } from "./network";

describe("modes of the network", () => {
  it("go no farther than the operator's", () => {
    const ids = (floor: Parameters<typeof choicesOf>[0]) => choicesOf(floor).map(({ id }) => id);
    expect(ids("offline")).toEqual(["offline"]);
    expect(ids("packages")).toEqual(["offline", "allowlist", "packages"]);
    expect(ids("open")).toHaveLength(4);
  });

  it("have names", () => {
    expect(titleOf("allowlist")).toBe("Listed hosts");
  });

  it("tell a host for all from one for a repository", () => {
    expect(keyOf({ entry: "a.example" })).not.toBe(
      keyOf({ entry: "a.example", repository: "https://forge.example/one" }),
    );
  });
});
