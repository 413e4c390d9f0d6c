import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../../api/errors";
import { TerminalSession } from "./session";

vi.mock("../../api/client", () => ({ openSocket: () => Promise.reject(new Error("no network")) }));

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
}

const state = (writer: string | null, you: boolean) => ({
  type: "state",
  writer,
  you,
  viewers: [],
});

function setUp(wantsToType = false) {
  const sockets: FakeSocket[] = [];
  const shown: string[] = [];
  const world = {
    refusal: undefined as Error | undefined,
    open: async () => {
      if (world.refusal) throw world.refusal;
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  };
  const sink = {
    write: (bytes: Uint8Array) => shown.push(new TextDecoder().decode(bytes)),
    note: (text: string) => shown.push(text),
    reset: () => shown.push("reset"),
  };
  const session = new TerminalSession("/x", sink, wantsToType, world);
  return { session, sockets, shown, world };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("TerminalSession", () => {
  it("types nothing until the server says that it may", async () => {
    const { session, sockets } = setUp();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    expect(session.type("x")).toBe(false);
    session.take();
    sockets[0]?.says(state("ana", true));
    expect(session.type("x")).toBe(true);
    expect(sockets[0]?.sent).toEqual(['{"type":"take"}', "x"]);
  });

  it("comes back after a cut, clears the screen for the replay and types again", async () => {
    const { session, sockets, shown } = setUp();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state("ana", true));
    sockets[0]?.close();
    expect(session.state).toMatchObject({ status: "waiting", you: false });
    await vi.advanceTimersByTimeAsync(500);
    sockets[1]?.says(state(null, false));
    expect(sockets[1]?.sent).toEqual(['{"type":"take"}']);
    expect(shown).toEqual(["reset", "reset"]);
  });

  it("leaves whoever took over meanwhile at the keys", async () => {
    const { sockets } = setUp();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state("ana", true));
    sockets[0]?.says(state("bob", false));
    sockets[0]?.says(state(null, false));
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(500);
    sockets[1]?.says(state(null, false));
    expect(sockets.map((socket) => socket.sent)).toEqual([[], []]);
  });

  it("stops asking when it is refused, and asks again when told", async () => {
    const { session, sockets, world } = setUp();
    world.refusal = new ApiError(409, "sandbox_asleep", "the machine sleeps");
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state).toMatchObject({ status: "refused", problem: "The machine sleeps." });
    world.refusal = undefined;
    session.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(sockets).toHaveLength(2);
  });

  it("says how the program ended and does not come back", async () => {
    const { session, sockets } = setUp();
    await vi.advanceTimersByTimeAsync(0);
    sockets[0]?.says(state(null, false));
    sockets[0]?.says({ type: "exit", code: 3 });
    sockets[0]?.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.state).toMatchObject({ status: "ended", exitCode: 3 });
    expect(sockets).toHaveLength(1);
  });
});
