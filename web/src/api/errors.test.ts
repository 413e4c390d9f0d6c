import { expect, it } from "vitest";
import { parted } from "./errors";

it("tells why something failed apart from what was printed", () => {
  const message = "`install` ended with status 7. It printed last:\nout of\nluck\n";
  expect(parted(message)).toEqual({
    first: "`install` ended with status 7.",
    rest: "out of\nluck",
  });
  expect(parted("These were not opened:\nweb").first).toBe("These were not opened:");
  expect(parted("the disk is full")).toEqual({ first: "The disk is full.", rest: "" });
});
