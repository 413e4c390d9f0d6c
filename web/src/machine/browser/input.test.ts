import { describe, expect, it } from "vitest";
import { Clicks, fitted, meaningOf, modifiersOf } from "./input";

function key(key: string, more: Partial<Parameters<typeof meaningOf>[0]> = {}) {
  const plain = { altKey: false, ctrlKey: false, metaKey: false, shiftKey: false };
  const event = { key, code: "", repeat: false, isComposing: false, type: "keydown", ...plain };
  return { ...event, ...more };
}

describe("a key on the live view", () => {
  it("goes inside as it is", () => {
    const meaning = meaningOf(key("a", { code: "KeyA" }), false);
    expect(meaning).toEqual({
      to: "inside",
      messages: [
        { type: "key", action: "down", key: "a", code: "KeyA", modifiers: 0, repeat: false },
      ],
    });
  });

  it("leaves with Shift and Escape, and with Escape alone does not", () => {
    expect(meaningOf(key("Escape", { shiftKey: true }), false).to).toBe("leave");
    expect(meaningOf(key("Escape"), false).to).toBe("inside");
  });

  it("pastes through the browser in front, which knows the clipboard", () => {
    expect(meaningOf(key("v", { ctrlKey: true }), false).to).toBe("browser");
    expect(meaningOf(key("v", { metaKey: true }), true).to).toBe("browser");
    expect(meaningOf(key("v"), false).to).toBe("inside");
  });

  it("asks for the marked text before it cuts it", () => {
    const meaning = meaningOf(key("x", { ctrlKey: true }), false);
    expect(meaning.to === "inside" && meaning.messages.map(({ type }) => type)).toEqual([
      "copy",
      "key",
    ]);
  });

  it("waits for what a phone or a composed text means", () => {
    expect(meaningOf(key("Unidentified"), false).to).toBe("browser");
    expect(meaningOf(key("a", { isComposing: true }), false).to).toBe("browser");
  });

  it("counts the command key of a Mac as Ctrl, and AltGr as part of the character", () => {
    expect(modifiersOf(key("a", { metaKey: true }), true)).toBe(2);
    expect(modifiersOf(key("a", { metaKey: true }), false)).toBe(4);
    const altGraph = { ctrlKey: true, altKey: true, getModifierState: () => true };
    expect(modifiersOf(key("@", altGraph), false)).toBe(0);
  });
});

describe("clicks", () => {
  it("are counted together when they follow at one place", () => {
    const clicks = new Clicks();
    expect([clicks.down(5, 5, 0), clicks.down(6, 5, 200), clicks.down(6, 5, 350)]).toEqual([
      1, 2, 3,
    ]);
    expect(clicks.down(60, 5, 400)).toBe(1);
    expect(clicks.down(60, 5, 2_000)).toBe(1);
  });
});

describe("a picture in its frame", () => {
  it("is made smaller and never larger", () => {
    expect(fitted({ width: 1000, height: 500 }, { width: 500, height: 500 })).toEqual({
      width: 500,
      height: 250,
      scale: 0.5,
    });
    expect(fitted({ width: 100, height: 50 }, { width: 500, height: 500 }).scale).toBe(1);
  });
});
