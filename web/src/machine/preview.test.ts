import { describe, expect, it } from "vitest";
import { shownAs, textOf } from "./preview";

describe("shownAs", () => {
  it("goes by the ending of the name", () => {
    expect(["a/b.PNG", "x.webm", "run.log", "a.out", ".svg", "noending"].map(shownAs)).toEqual([
      "image",
      "video",
      "text",
      "none",
      "none",
      "none",
    ]);
  });
});

describe("textOf", () => {
  it("gives the text, and nothing for bytes that are none", () => {
    expect(textOf(new TextEncoder().encode("häh\r\n"))).toBe("häh\r\n");
    expect(textOf(new Uint8Array([104, 0, 105]))).toBeUndefined();
    expect(textOf(new Uint8Array([0xff, 0xfe, 0x41]))).toBeUndefined();
  });

  it("keeps a byte order mark, so that saving changes nothing else", () => {
    expect(textOf(new Uint8Array([0xef, 0xbb, 0xbf, 0x41]))).toBe("\ufeffA");
  });
});
