/**
 * Stands between a socket and a screen. A screen takes bytes more slowly than a program prints
 * them: beyond a bound, what waits is thrown away and the newest is kept, so that a gigabyte of
 * output costs neither memory nor a frozen page.
 */

/** Bytes that may wait for the screen. */
const WAITING_MAX_BYTES = 4_000_000;
/** Bytes kept when more wait. */
const KEPT_BYTES = 500_000;
/** Bytes given to the screen in one piece. */
const PIECE_BYTES = 64_000;

export interface Screen {
  /** Calls back when the bytes were worked through. */
  write(bytes: Uint8Array, done: () => void): void;
  /** So many bytes were thrown away here. */
  skipped(bytes: number): void;
}

export class Flood {
  #screen: Screen;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #isWriting = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  push(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
      this.#waiting.push(bytes.subarray(from, from + PIECE_BYTES));
    }
    this.#bytes += bytes.length;
    if (this.#bytes > WAITING_MAX_BYTES) this.#cut();
    if (!this.#isWriting) this.#next();
  }

  clear(): void {
    this.#waiting = [];
    this.#bytes = 0;
  }

  #cut(): void {
    let lost = 0;
    let kept = this.#bytes;
    let index = 0;
    while (kept > KEPT_BYTES && index < this.#waiting.length - 1) {
      const size = this.#waiting[index]?.length ?? 0;
      lost += size;
      kept -= size;
      index += 1;
    }
    this.#waiting = this.#waiting.slice(index);
    this.#bytes = kept;
    if (lost > 0) this.#screen.skipped(lost);
  }

  #next(): void {
    const piece = this.#waiting.shift();
    if (!piece) {
      this.#isWriting = false;
      return;
    }
    this.#isWriting = true;
    this.#bytes -= piece.length;
    this.#screen.write(piece, () => this.#next());
  }
}
