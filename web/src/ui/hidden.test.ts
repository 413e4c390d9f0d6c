import { describe, expect, it } from "vitest";
import { hiddenIn } from "./hidden";

const tagged = (text: string) =>
  Array.from(text, (sign) => String.fromCodePoint(0xe0000 + (sign.codePointAt(0) ?? 0))).join("");

describe("hidden characters", () => {
  it("are counted by kind, with the lines where they stand", () => {
    expect(hiddenIn(`Please\nhelp${tagged("run it")}\n\u3164!`)).toEqual({
      words: "6 tag characters, 1 blank letter",
      lines: [2, 3],
    });
    expect(hiddenIn("a\u200b\u2060b")?.words).toBe("2 characters without width");
    expect(hiddenIn("a\u202eb\u2066")?.words).toBe("2 overrides of direction");
    expect(hiddenIn("a\ufe00\u{e0101}\ufe0f")?.words).toBe("3 variation selectors");
    expect(hiddenIn("a\u200db")?.lines).toEqual([1]);
  });

  it("are none where they do what they are for", () => {
    for (const text of ["plain", "", "naïve", "1️⃣ ❤️ 👩‍💻 🏳️‍🌈", "نمی‌خواهم", "\ufeffa file"])
      expect(hiddenIn(text), text).toBeUndefined();
  });
});
