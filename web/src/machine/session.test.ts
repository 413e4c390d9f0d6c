import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/errors";
import { BrowserSession } from "./browser/session";
import { TerminalSession } from "./terminal/session";

vi.mock("../api/client", () => ({ openSocket: () => Promise.reject(new Error("no network")) }));

/** A socket in a test: what was sent, and what the server says. */
class FakeSocket {
  static readonly OPEN = 1;
  readyState = 1;
  binaryType = "";
  sent: string[] = [];
  onmessage: ((event: { data: unknown }) => void) | undefined;
  onclose: (() => void) | undefined;
  send(data: string | Uint8Array) {
    this.sent.push(typeof data === "string" ? data : new TextDecoder().decode(data));
  }
  close() {
    this.readyState = 3;
    this.onclose?.();
  }
  says(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  shows(bytes: Uint8Array) {
    this.onmessage?.({ data: bytes.slice().buffer });
  }
}

const state = (writer: string | null, you: boolean) => ({
  type: "state",
  writer,
  you,
  viewers: [],
});
const take = JSON.stringify({ type: "take" });

function newWorld() {
  const sockets: FakeSocket[] = [];
  const world = {
    refusal: undefined as Error | undefined,
    seen: true,
    isSeen: () => world.seen,
    open: async () => {
      if (world.refusal) throw world.refusal;
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  };
  return { sockets, world };
}

function terminal(wantsToType = false) {
  const { sockets, world } = newWorld();
  const shown: string[] = [];
  const sink = {
    write: (bytes: Uint8Array) => shown.push(new TextDecoder().decode(bytes)),
    note: (text: string) => shown.push(text),
    reset: () => shown.push("reset"),
  };
  const session = new TerminalSession("/x", sink, wantsToType, world);
  const act = () => session.type("x");
  return { session, sockets, world, shown, act, acted: "x" };
}

function browser(wantsControl = false) {
  const { sockets, world } = newWorld();
  const shown: string[] = [];
  const screen = {
    draw: async ({ number }: { number: number }) => void shown.push(`picture ${number}`),
    copied: (text: string) => shown.push(text),
  };
  const session = new BrowserSession("/x", screen, wantsControl, world);
  const text = { type: "text", text: "x" } as const;
  const act = () => session.send(text);
  return { session, sockets, world, shown, act, acted: JSON.stringify(text) };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe.each([
  ["a terminal", terminal],
  ["the browser", browser],
])("a window on %s", (_, open) => {
  it("does nothing until the server says that it may", async () => {
    const { session, sockets, act, acted } = open();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    expect(act()).toBe(false);
    session.take();
    expect(act(), "asking is not having").toBe(false);
    sockets[0]?.says(state("ana", true));
    expect(act()).toBe(true);
    expect(sockets[0]?.sent).toEqual([take, acted]);
  });

  it("asks for the keys by itself where the person opened it to work", async () => {
    const { sockets } = open(true);
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    expect(sockets[0]?.sent).toEqual([take]);
  });

  it("comes back after a cut and asks for the keys that it had", async () => {
    const { session, sockets, act } = open();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state("ana", true));
    sockets[0]?.close();
    expect(session.state).toMatchObject({ status: "waiting", you: false, writer: null });
    expect(act()).toBe(false);
    await vi.advanceTimersByTimeAsync(500);
    sockets[1]?.says(state(null, false));
    expect(sockets[1]?.sent).toEqual([take]);
  });

  it("leaves whoever took over meanwhile at the keys", async () => {
    const { sockets } = open();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state("ana", true));
    sockets[0]?.says(state("bob", false));
    sockets[0]?.says(state(null, false));
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(500);
    sockets[1]?.says(state(null, false));
    expect(sockets.map((socket) => socket.sent)).toEqual([[], []]);
  });

  it("tells its size once, to a new socket, and when it gets the keys", async () => {
    const { session, sockets } = open();
    session.resize(800, 600);
    session.resize(800, 600);
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    session.resize(800, 600);
    expect(sockets[0]?.sent).toHaveLength(1);
    sockets[0]?.says(state("ana", true));
    session.resize(640, 480);
    expect(sockets[0]?.sent.map((text) => JSON.parse(text).type)).toEqual(Array(3).fill("resize"));
    expect(sockets[0]?.sent[2]).toContain("640");
  });

  it("waits longer after each failure, and no longer once it was heard", async () => {
    const { sockets } = open();
    await vi.advanceTimersByTimeAsync(0);
    for (let cut = 0; cut < 8; cut += 1) {
      sockets.at(-1)?.close();
      await vi.advanceTimersByTimeAsync(8_000);
    }
    expect(sockets).toHaveLength(9);
    sockets.at(-1)?.close();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(sockets).toHaveLength(9);
    await vi.advanceTimersByTimeAsync(5_000);
    sockets.at(-1)?.says(state(null, false));
    sockets.at(-1)?.close();
    await vi.advanceTimersByTimeAsync(200);
    expect(sockets).toHaveLength(11);
  });

  it("stops asking when it is refused, and asks again when told", async () => {
    const { session, sockets, world } = open();
    world.refusal = new ApiError(409, "sandbox_asleep", "the machine sleeps");
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state).toMatchObject({ status: "refused", problem: "The machine sleeps." });
    world.refusal = undefined;
    session.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets).toHaveLength(2);
    sockets[1]?.says(state(null, false));
    expect(session.state).toMatchObject({ status: "open", problem: undefined });
  });

  it("tells what was not done, but not to those who only look", async () => {
    const { session, sockets } = open();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state("bob", false));
    sockets[0]?.says({ type: "error", code: "read_only", message: "take it over first" });
    expect(session.state.problem).toBeUndefined();
    sockets[0]?.says({ type: "error", code: "bad_message", message: "too wide" });
    expect(session.state.problem).toBe("too wide");
  });

  it("is heard no more once it was closed", async () => {
    const { session, sockets } = open();
    session.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets.map(({ readyState }) => readyState)).toEqual([3]);
  });
});

describe("TerminalSession", () => {
  it("clears the screen for what a new socket shows again", async () => {
    const { sockets, shown } = terminal();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    sockets[0]?.shows(new TextEncoder().encode("$ "));
    sockets[0]?.says({ type: "skipped", bytes: 7 });
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(500);
    sockets[1]?.says(state(null, false));
    expect(shown).toEqual(["reset", "$ ", "7 bytes were left out", "reset"]);
  });

  it("says how the program ended and does not come back", async () => {
    const { session, sockets } = terminal();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    sockets[0]?.says({ type: "exit", code: 3 });
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state).toMatchObject({ status: "ended", exitCode: 3 });
    expect(sockets).toHaveLength(1);
  });
});

describe("BrowserSession", () => {
  const picture = (number: number) => Uint8Array.of(0, 0, 0, number, 0, 9, 0, 9, 255);
  const drawn = (number: number) => JSON.stringify({ type: "drawn", picture: number });

  it("asks for the next picture once one is drawn, and while nobody looks when somebody does", async () => {
    const { session, sockets, shown, world } = browser();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    sockets[0]?.shows(picture(1));
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets[0]?.sent).toEqual([drawn(1)]);
    world.seen = false;
    sockets[0]?.shows(picture(2));
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets[0]?.sent).toEqual([drawn(1)]);
    world.seen = true;
    session.wake();
    expect(sockets[0]?.sent).toEqual([drawn(1), drawn(2)]);
    expect(shown).toEqual(["picture 1", "picture 2"]);
    expect(session.state.hasPicture).toBe(true);
  });

  it("ends with the browser and does not come back", async () => {
    const { session, sockets } = browser();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state("ana", true));
    sockets[0]?.says({ type: "ended" });
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state).toMatchObject({ status: "ended", you: false, writer: null });
    expect(sockets).toHaveLength(1);
  });
});
