/**
 * The browser's socket: pictures and what is shown come in, pointer and keys go out. Who has control,
 * and coming back after a cut: `../session`.
 */

import { openSocket } from "../../api/client";
import { SharedSession, type SharedState, type SharedWorld, UNHEARD } from "../session";
import {
  type BrowserPage,
  type FromBrowser,
  type Picture,
  pictureOf,
  type ToBrowser,
} from "./wire";

/** Where pictures are drawn; done once one is on the screen. */
export interface Screen {
  draw(picture: Picture): Promise<void>;
  copied(text: string): void;
}

export interface SessionState extends SharedState {
  page?: BrowserPage;
  /** A picture was drawn. */
  hasPicture: boolean;
}

export const CLOSED: SessionState = { ...UNHEARD, hasPicture: false };

/** What a session needs of the world; tests give their own. */
export interface SessionWorld extends SharedWorld {
  /** Whether anybody can see the page; pictures wait until somebody can. */
  isSeen(): boolean;
}

const world: SessionWorld = {
  open: (path) => openSocket(path, "browser"),
  isSeen: () => document.visibilityState === "visible",
};

export class BrowserSession extends SharedSession<SessionState, FromBrowser> {
  readonly #world: SessionWorld;
  readonly #screen: Screen;
  /** A picture that came while nobody could see it. */
  #undrawn: number | undefined;

  constructor(path: string, screen: Screen, wantsControl: boolean, inWorld = world) {
    super(path, CLOSED, wantsControl, inWorld);
    this.#screen = screen;
    this.#world = inWorld;
  }

  /** Does something to the page inside; nothing while another has control. */
  send(message: ToBrowser): boolean {
    if (!this.state.you) return false;
    if (message.type === "navigate") this.dismiss();
    this.say(message);
    return true;
  }

  resize(width: number, height: number): void {
    this.fit({ width, height });
  }

  dismiss(): void {
    this.change({ problem: undefined });
  }

  override wake(): void {
    super.wake();
    if (this.#undrawn !== undefined && this.#world.isSeen()) this.#drawn(this.#undrawn);
  }

  protected opened(): void {
    this.#undrawn = undefined;
  }

  protected received(bytes: ArrayBuffer, socket: WebSocket): void {
    const picture = pictureOf(bytes);
    if (picture) void this.#show(picture, socket);
  }

  protected told(message: FromBrowser): void {
    if (message.type === "page") this.change({ page: message });
    else if (message.type === "copied") this.#screen.copied(message.text);
    else this.end({});
  }

  async #show(picture: Picture, socket: WebSocket): Promise<void> {
    try {
      await this.#screen.draw(picture);
      if (!this.state.hasPicture) this.change({ hasPicture: true });
    } catch {
      this.change({ problem: "A picture of the page could not be drawn." });
    }
    if (!this.isCurrent(socket)) return;
    if (this.#world.isSeen()) this.#drawn(picture.number);
    else this.#undrawn = picture.number;
  }

  #drawn(picture: number): void {
    this.#undrawn = undefined;
    this.say({ type: "drawn", picture });
  }
}
