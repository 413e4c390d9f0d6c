import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { EventBody } from "./types";

class FakeSocket {
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: Record<string, unknown>[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number }) => void;
  constructor() {
    FakeSocket.all.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
  arrive() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  cut(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const event = (seq: number) => ({ seq, at: "", hash: "", event: {} }) as unknown as EventBody;
const last = () => FakeSocket.all.at(-1) as FakeSocket;

async function client() {
  const { Live } = await import("./live");
  return new Live({ open: async () => new FakeSocket() as unknown as WebSocket, random: () => 1 });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("location", { origin: "http://127.0.0.1" });
  vi.stubGlobal("WebSocket", { OPEN: 1 });
  FakeSocket.all = [];
});
afterEach(() => vi.useRealTimers());

it("goes on behind the last event after a cut, and tells none twice", async () => {
  const live = await client();
  const told: number[] = [];
  live.watchAgent("bc-1", 5, { onEvents: (items) => told.push(...items.map(({ seq }) => seq)) });
  await vi.advanceTimersByTimeAsync(0);
  last().arrive();
  expect(last().sent).toEqual([{ type: "watchAgent", id: 1, agent: "bc-1", after: 5 }]);
  last().say({ type: "events", id: 1, items: [event(6), event(7)] });
  last().cut();
  expect(live.status).toBe("waiting");
  await vi.advanceTimersByTimeAsync(300);
  last().arrive();
  expect(last().sent).toEqual([{ type: "watchAgent", id: 1, agent: "bc-1", after: 7 }]);
  last().say({ type: "events", id: 1, items: [event(7), event(8)] });
  expect(told).toEqual([6, 7, 8]);
});

it("waits longer after each failure, and not at all when the network is back", async () => {
  const live = await client();
  live.watchList({ onAgent() {}, onGone() {}, onLive() {} });
  await vi.advanceTimersByTimeAsync(0);
  last().cut();
  await vi.advanceTimersByTimeAsync(250);
  expect(FakeSocket.all).toHaveLength(2);
  last().cut();
  await vi.advanceTimersByTimeAsync(400);
  expect(FakeSocket.all).toHaveLength(2);
  live.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(FakeSocket.all).toHaveLength(3);
});

it("leaves a socket that does not answer, as after a laptop slept", async () => {
  const live = await client();
  live.watchList({ onAgent() {}, onGone() {}, onLive() {} });
  await vi.advanceTimersByTimeAsync(0);
  last().arrive();
  live.wake();
  expect(last().sent.at(-1)).toEqual({ type: "ping" });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(live.status).toBe("waiting");
});

it("stays when the socket answers", async () => {
  const live = await client();
  live.watchList({ onAgent() {}, onGone() {}, onLive() {} });
  await vi.advanceTimersByTimeAsync(0);
  last().arrive();
  live.wake();
  last().say({ type: "pong" });
  await vi.advanceTimersByTimeAsync(6_000);
  expect(live.status).toBe("open");
});

it("does not knock again when the session is over", async () => {
  const live = await client();
  live.watchList({ onAgent() {}, onGone() {}, onLive() {} });
  await vi.advanceTimersByTimeAsync(0);
  last().arrive();
  last().cut(4401);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(1);
  expect(live.status).toBe("signedOut");
});
