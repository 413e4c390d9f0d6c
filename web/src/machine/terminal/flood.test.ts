import { describe, expect, it } from "vitest";
import { Flood } from "./flood";

function slowScreen() {
  const done: (() => void)[] = [];
  const shown: number[] = [];
  let skipped = 0;
  const screen = {
    write: (bytes: Uint8Array, then: () => void) => {
      shown.push(bytes.length);
      done.push(then);
    },
    skipped: (bytes: number) => {
      skipped += bytes;
    },
  };
  const drain = () => {
    for (let then = done.shift(); then; then = done.shift()) then();
  };
  return { screen, drain, total: () => shown.reduce((a, b) => a + b, 0), lost: () => skipped };
}

describe("Flood", () => {
  it("passes on everything that a screen can keep up with", () => {
    const { screen, drain, total, lost } = slowScreen();
    const flood = new Flood(screen);
    flood.push(new Uint8Array(200_000));
    flood.push(new Uint8Array(3));
    drain();
    expect([total(), lost()]).toEqual([200_003, 0]);
  });

  it("keeps the newest of a gigabyte and says how much is missing", () => {
    const { screen, drain, total, lost } = slowScreen();
    const flood = new Flood(screen);
    const piece = new Uint8Array(1_000_000);
    for (let count = 0; count < 1_000; count += 1) flood.push(piece);
    drain();
    expect(total() + lost()).toBe(1_000_000_000);
    expect(total()).toBeLessThan(5_000_000);
  });
});
