/** What a person's pointer and keys on the live view are to the page inside. */

import type { PointerButton, ToBrowser } from "./wire";

const BUTTONS: readonly PointerButton[] = ["left", "middle", "right", "back", "forward"];

/** Which button a pointer event is about. */
export function buttonOf(button: number): PointerButton {
  return BUTTONS[button] ?? "none";
}

type Modified = Pick<MouseEvent | KeyboardEvent, "altKey" | "ctrlKey" | "metaKey" | "shiftKey"> & {
  getModifierState?(name: string): boolean;
};

/** Modifiers as the server counts them. The command key of a Mac is the control key inside. */
export function modifiersOf(event: Modified, isMac: boolean): number {
  // On some keyboards this key is Ctrl and Alt at once, and writes characters.
  const isWriting = event.getModifierState?.("AltGraph") ?? false;
  const ctrl = isMac ? event.ctrlKey || event.metaKey : event.ctrlKey;
  const meta = !isMac && event.metaKey;
  return (
    (event.altKey && !isWriting && !isMac ? 1 : 0) |
    (ctrl && !isWriting ? 2 : 0) |
    (meta ? 4 : 0) |
    (event.shiftKey ? 8 : 0)
  );
}

/** What a key is to be: something said to the page inside, or something here. */
export type KeyMeaning =
  | { to: "inside"; messages: ToBrowser[] }
  /** The browser in front makes a paste or a composed text of it. */
  | { to: "browser" }
  | { to: "leave" }
  | { to: "address" };

type Key = Modified &
  Pick<KeyboardEvent, "key" | "code" | "repeat" | "isComposing" | "type"> & { keyCode?: number };

/** Reads a key event of the live view. */
export function meaningOf(event: Key, isMac: boolean): KeyMeaning {
  const { key, code } = event;
  const isDown = event.type === "keydown";
  if (key === "Escape" && event.shiftKey) return { to: "leave" };
  // Composed texts and keyboards of phones say what they mean only afterwards.
  const isVague =
    event.isComposing || key === "Unidentified" || key === "Process" || key === "Dead";
  if (isVague || event.keyCode === 229) return { to: "browser" };
  const modifiers = modifiersOf(event, isMac);
  const message: ToBrowser = {
    type: "key",
    action: isDown ? "down" : "up",
    key: isMac && key === "Meta" ? "Control" : key,
    code: isMac ? code.replace("Meta", "Control") : code,
    modifiers,
    repeat: event.repeat,
  };
  const inside: KeyMeaning = { to: "inside", messages: [message] };
  if (!isDown) return inside;
  if (key === "F5") return { to: "inside", messages: [{ type: "reload" }] };
  if (modifiers === 1 && key === "ArrowLeft") return { to: "inside", messages: [{ type: "back" }] };
  if (modifiers === 1 && key === "ArrowRight") {
    return { to: "inside", messages: [{ type: "forward" }] };
  }
  if (modifiers !== 2) return inside;
  switch (key.toLowerCase()) {
    case "v":
      return { to: "browser" };
    case "c":
    case "x":
      return { to: "inside", messages: [{ type: "copy" }, message] };
    case "l":
      return { to: "address" };
    case "r":
      return { to: "inside", messages: [{ type: "reload" }] };
    default:
      return inside;
  }
}

/** A key that is pressed and let go, for buttons and keyboards without keys. */
export function press(key: string): ToBrowser[] {
  const message = { type: "key", key, code: key, modifiers: 0, repeat: false } as const;
  return [
    { ...message, action: "down" },
    { ...message, action: "up" },
  ];
}

/** Counts clicks that follow each other at one place. */
export class Clicks {
  #count = 0;
  #at = { x: 0, y: 0, time: 0 };

  /** A button goes down here. */
  down(x: number, y: number, time: number): number {
    const isSame = Math.hypot(x - this.#at.x, y - this.#at.y) < 5 && time - this.#at.time < 400;
    this.#count = isSame ? (this.#count % 3) + 1 : 1;
    this.#at = { x, y, time };
    return this.#count;
  }

  /** The button that went down last goes up. */
  get count(): number {
    return this.#count;
  }
}

/** Where a picture lies in its frame: as large as it is, or smaller so that all of it is seen. */
export function fitted(
  page: { width: number; height: number },
  frame: { width: number; height: number },
): { width: number; height: number; scale: number } {
  const scale = Math.min(1, frame.width / page.width, frame.height / page.height);
  return { width: page.width * scale, height: page.height * scale, scale };
}
