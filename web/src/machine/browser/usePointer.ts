import { type RefObject, useEffect, useRef } from "react";
import { buttonOf, Clicks, modifiersOf } from "./input";
import type { ToBrowser } from "./wire";

/** A finger that moved further than this scrolls. */
const SCROLL_PX = 8;
/** What one line of a wheel that counts lines is. */
const LINE_PX = 24;
const IS_MAC = /mac|iphone|ipad/i.test(navigator.platform);

interface Size {
  width: number;
  height: number;
}

/** Pointer, wheel and fingers on the live view. */
export function usePointer(
  canvas: RefObject<HTMLCanvasElement | null>,
  isMine: boolean,
  size: Size,
  send: (message: ToBrowser) => void,
  onDown: () => void,
): void {
  const now = useRef({ size, send, onDown });
  useEffect(() => {
    now.current = { size, send, onDown };
  });
  useEffect(() => {
    const element = canvas.current;
    if (!element || !isMine) return;
    const place = (event: MouseEvent) => {
      const box = element.getBoundingClientRect();
      const { width, height } = now.current.size;
      return {
        x: ((event.clientX - box.left) * width) / box.width,
        y: ((event.clientY - box.top) * height) / box.height,
      };
    };
    return listen(element, {
      place,
      send: (message) => now.current.send(message),
      onDown: () => now.current.onDown(),
    });
  }, [canvas, isMine]);
}

interface Hands {
  place(event: MouseEvent): { x: number; y: number };
  send(message: ToBrowser): void;
  onDown(): void;
}

function listen(element: HTMLElement, hands: Hands): () => void {
  const clicks = new Clicks();
  const fingers = new Fingers(hands);
  const moves = new Latest<ToBrowser>(hands.send);
  const turns = new Latest<ToBrowser & { type: "wheel" }>(hands.send, (known, more) => ({
    ...more,
    dx: known.dx + more.dx,
    dy: known.dy + more.dy,
  }));
  const pointer = (
    event: PointerEvent,
    action: "move" | "down" | "up",
    count: number,
  ): ToBrowser => ({
    type: "pointer",
    action,
    ...hands.place(event),
    button: action === "move" ? "none" : buttonOf(event.button),
    buttons: event.buttons & 31,
    clicks: count,
    modifiers: modifiersOf(event, IS_MAC),
  });
  const on = {
    pointerdown: (event: PointerEvent) => {
      if (event.pointerType === "touch") return fingers.down(event);
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      hands.onDown();
      moves.flush();
      hands.send(
        pointer(event, "down", clicks.down(event.clientX, event.clientY, event.timeStamp)),
      );
    },
    pointermove: (event: PointerEvent) => {
      if (event.pointerType === "touch") return fingers.move(event);
      moves.put(pointer(event, "move", 0));
    },
    pointerup: (event: PointerEvent) => {
      if (event.pointerType === "touch") return fingers.up(event);
      moves.flush();
      hands.send(pointer(event, "up", clicks.count));
    },
    pointercancel: () => fingers.cancel(),
    contextmenu: (event: MouseEvent) => event.preventDefault(),
    wheel: (event: WheelEvent) => {
      event.preventDefault();
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
      turns.put({
        type: "wheel",
        ...hands.place(event),
        dx: event.deltaX * unit,
        dy: event.deltaY * unit,
        modifiers: modifiersOf(event, IS_MAC),
      });
    },
  };
  const stop = new AbortController();
  for (const [name, listener] of Object.entries(on)) {
    const options = { signal: stop.signal, passive: false };
    element.addEventListener(name, listener as EventListener, options);
  }
  return () => {
    stop.abort();
    moves.drop();
    turns.drop();
  };
}

/** Sends the newest of many, once for each picture that this screen shows. */
class Latest<T extends ToBrowser> {
  #waiting: T | undefined;
  #frame = 0;

  constructor(
    private readonly send: (message: T) => void,
    private readonly merge: (known: T, more: T) => T = (_, more) => more,
  ) {}

  put(message: T): void {
    this.#waiting = this.#waiting ? this.merge(this.#waiting, message) : message;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.flush());
  }

  flush(): void {
    const message = this.#waiting;
    this.drop();
    if (message) this.send(message);
  }

  drop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#waiting = undefined;
  }
}

/** One finger: a tap clicks, a longer way scrolls. */
class Fingers {
  #start: { x: number; y: number; id: number } | undefined;
  #last = { x: 0, y: 0 };
  #scrolls = false;

  constructor(private readonly hands: Hands) {}

  down(event: PointerEvent): void {
    if (this.#start) return;
    const at = this.hands.place(event);
    [this.#start, this.#last, this.#scrolls] = [{ ...at, id: event.pointerId }, at, false];
  }

  move(event: PointerEvent): void {
    const start = this.#start;
    if (start?.id !== event.pointerId) return;
    const at = this.hands.place(event);
    this.#scrolls ||= Math.hypot(at.x - start.x, at.y - start.y) > SCROLL_PX;
    if (!this.#scrolls) return;
    const by = { dx: this.#last.x - at.x, dy: this.#last.y - at.y };
    this.hands.send({ type: "wheel", x: start.x, y: start.y, ...by, modifiers: 0 });
    this.#last = at;
  }

  up(event: PointerEvent): void {
    if (this.#start?.id !== event.pointerId) return;
    const { x, y } = this.#start;
    const isTap = !this.#scrolls;
    this.#start = undefined;
    if (!isTap) return;
    const touch = { type: "pointer", x, y, modifiers: 0 } as const;
    this.hands.send({ ...touch, action: "move", button: "none", buttons: 0, clicks: 0 });
    this.hands.send({ ...touch, action: "down", button: "left", buttons: 1, clicks: 1 });
    this.hands.send({ ...touch, action: "up", button: "left", buttons: 0, clicks: 1 });
  }

  cancel(): void {
    this.#start = undefined;
  }
}
