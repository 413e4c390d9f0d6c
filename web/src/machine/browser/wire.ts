/** The words of the browser's socket; see `crates/protocol/src/api/browser.rs`. */

export interface BrowserTab {
  id: string;
  title: string;
  url: string;
  active: boolean;
}

export interface BrowserDialog {
  kind: string;
  message: string;
  preset: string;
}

export interface BrowserPage {
  url: string;
  title: string;
  loading: boolean;
  canBack: boolean;
  canForward: boolean;
  tabs: BrowserTab[];
  dialog: BrowserDialog | null;
  cursor: string;
}

/** What comes beside the words of every shared socket. */
export type FromBrowser =
  | ({ type: "page" } & BrowserPage)
  | { type: "copied"; text: string }
  | { type: "ended" };

export type PointerButton = "none" | "left" | "middle" | "right" | "back" | "forward";

/** What a person does to the page inside. */
export type Touch =
  | {
      type: "pointer";
      action: "move" | "down" | "up";
      x: number;
      y: number;
      button: PointerButton;
      buttons: number;
      clicks: number;
      modifiers: number;
    }
  | { type: "wheel"; x: number; y: number; dx: number; dy: number; modifiers: number }
  | {
      type: "key";
      action: "down" | "up";
      key: string;
      code: string;
      modifiers: number;
      repeat: boolean;
    }
  | { type: "text"; text: string }
  | { type: "copy" };

export type ToBrowser =
  | Touch
  | { type: "take" | "release" | "back" | "forward" | "reload" | "stop" | "openTab" }
  | { type: "drawn"; picture: number }
  | { type: "resize"; width: number; height: number }
  | { type: "navigate"; url: string }
  | { type: "closeTab" | "selectTab"; tab: string }
  | { type: "answer"; accept: boolean; text?: string };

/** A picture of the page, with the size that pointers count in. */
export interface Picture {
  number: number;
  width: number;
  height: number;
  jpeg: Uint8Array<ArrayBuffer>;
}

const HEADER_BYTES = 8;

/** Reads a binary message. */
export function pictureOf(message: ArrayBuffer): Picture | undefined {
  if (message.byteLength <= HEADER_BYTES) return undefined;
  const view = new DataView(message);
  return {
    number: view.getUint32(0),
    width: view.getUint16(4),
    height: view.getUint16(6),
    jpeg: new Uint8Array(message, HEADER_BYTES),
  };
}
