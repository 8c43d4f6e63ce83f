import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { backoff, Connection, type Socket, type Status } from "../src/protocol/client";
import type { AnyEvent } from "../src/protocol/events";
import { pack } from "../src/protocol/frames";

class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((closing: { code: number; reason: string }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  closed = false;

  send(data: string | ArrayBuffer) {
    if (typeof data === "string") this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }
  close() {
    this.closed = true;
  }
  connect() {
    this.readyState = 1;
    this.onopen?.();
  }
  say(frame: unknown) {
    this.onmessage?.({ data: frame instanceof ArrayBuffer ? frame : JSON.stringify(frame) });
  }
  lose(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }
}

const WELCOME = {
  type: "welcome",
  version: 1,
  session: "s-1",
  rights: "guest",
  floor: "talk-1",
  resumed: false,
  run: "r",
  sample: 48_000,
  rate: 48_000,
  lead: 0.25,
  microphone_rate: 16_000,
  partners: 1,
  seq: 7,
  character: { name: "Pip", drawing: "jester", languages: ["en"] },
};

let sockets: FakeSocket[];
let connection: Connection;
let now: number;
const socket = () => sockets.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  now = 1_000;
  connection = new Connection(
    "ws://x/ws",
    { window: "talk", token: "", floor: "private", language: "en", name: "Ada" },
    {
      open: () => {
        const made = new FakeSocket();
        sockets.push(made);
        return made;
      },
      now: () => now,
      random: () => 0.5,
    },
  );
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
});

function enter(welcome: object = WELCOME) {
  socket().connect();
  socket().say(welcome);
}

test("the first frame is a hello without a session to resume", () => {
  connection.open();
  socket().connect();
  expect(socket().sent).toEqual([
    { type: "hello", version: 1, window: "talk", token: "", floor: "private", language: "en", name: "Ada" },
  ]);
  expect(connection.send({ type: "press" })).toBe(false);
});

test("after the welcome it is open, knows the floor's sample and pings", () => {
  connection.open();
  enter();
  expect(connection.status.state).toBe("open");
  expect(connection.sample()).toBe(48_000);
  now += 500;
  expect(connection.sample()).toBe(72_000);
  expect(socket().sent.at(-1)).toEqual({ type: "ping", t: 1_000 });
});

test("events and sound reach those who listen, until they stop listening", () => {
  const events: AnyEvent[] = [];
  const samples: number[] = [];
  connection.open();
  enter();
  const end = connection.on("event", (event) => events.push(event));
  connection.on("sound", (sound) => samples.push(sound.sample));
  socket().say({ type: "event", seq: 8, event: { type: "onset", at: 1, floor: "talk-1" } });
  socket().say(pack({ type: "sound", turn: "t", line: "l", sample: 99 }, Int16Array.of(1)));
  end();
  socket().say({ type: "event", seq: 9, event: { type: "onset", at: 2, floor: "talk-1" } });
  expect(events.map((event) => event.type)).toEqual(["onset"]);
  expect(samples).toEqual([99]);
});

test("a lost connection comes back after a while and resumes where it left off", () => {
  connection.open();
  enter();
  socket().say({ type: "event", seq: 41, event: { type: "onset", at: 1, floor: "talk-1" } });
  socket().lose();
  expect(connection.status.state).toBe("waiting");
  connection.amend({ language: "ja" });
  vi.advanceTimersByTime(224);
  expect(sockets).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(sockets).toHaveLength(2);
  socket().connect();
  expect(socket().sent[0]).toMatchObject({ type: "hello", language: "ja", resume: { session: "s-1", seq: 41 } });
  const missed = vi.fn();
  connection.on("missed", missed);
  socket().say({ ...WELCOME, resumed: true, seq: 45 });
  socket().lose();
  vi.advanceTimersByTime(225);
  socket().connect();
  // The events between 41 and 45 have not come yet, so the next hello still asks for them.
  expect(socket().sent[0]).toMatchObject({ resume: { session: "s-1", seq: 41 } });
  expect(missed).not.toHaveBeenCalled();
});

test("a session that could not be resumed tells that its state is lost", () => {
  const missed = vi.fn();
  connection.on("missed", missed);
  connection.open();
  enter();
  expect(missed).not.toHaveBeenCalled();
  socket().lose();
  vi.advanceTimersByTime(1_000);
  enter({ ...WELCOME, session: "s-2", seq: 3 });
  expect(missed).toHaveBeenCalledWith(0);
  socket().lose();
  vi.advanceTimersByTime(1_000);
  socket().connect();
  expect(socket().sent[0]).toMatchObject({ resume: { session: "s-2", seq: 3 } });
});

test("a window in the waiting list notices that its line is dead, and one that is told its place does not", () => {
  connection.open();
  socket().connect();
  const waits = (seconds: number) => {
    now += seconds * 1_000;
    vi.advanceTimersByTime(seconds * 1_000);
  };
  for (let told = 0; told < 10; told++) {
    socket().say({ type: "waiting", place: 2, seconds: null });
    for (let second = 0; second < 5; second++) waits(1);
  }
  expect(sockets).toHaveLength(1);
  for (let second = 0; second < 30; second++) waits(1);
  expect(sockets.length).toBeGreaterThan(1);
  expect(sockets[0]?.closed).toBe(true);
});

test("a program that takes the connection and never greets is asked again", () => {
  connection.open();
  socket().connect();
  for (let second = 0; second < 30; second++) {
    now += 1_000;
    vi.advanceTimersByTime(1_000);
  }
  expect(sockets.length).toBeGreaterThan(1);
});

test("a refusal is final and keeps the program's words", () => {
  connection.open();
  socket().connect();
  socket().say({ type: "error", code: "token", message: "the token is wrong" });
  socket().lose(4401);
  expect(connection.status).toMatchObject({ state: "refused", refusal: { message: "the token is wrong" } });
  vi.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(1);
});

test("a token that is revoked while the window is open asks for another key", () => {
  connection.open();
  socket().connect();
  socket().say(WELCOME);
  socket().lose(4401);
  expect(connection.status).toMatchObject({ state: "refused", refusal: { code: "token" } });
});

test("a full house is tried again when the program says so", () => {
  connection.open();
  socket().connect();
  socket().say({ type: "error", code: "full", message: "all floors are taken", retry_after: 5 });
  socket().lose(4429);
  vi.advanceTimersByTime(4_999);
  expect(sockets).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(sockets).toHaveLength(2);
});

test("an error in mid-conversation is told and the connection goes on", () => {
  const errors = vi.fn();
  connection.on("error", errors);
  connection.open();
  enter();
  socket().say({ type: "error", code: "bad_frame", message: "no such type" });
  expect(errors).toHaveBeenCalledOnce();
  expect(connection.status.state).toBe("open");
});

test("a closed connection stays closed, and nothing of the old socket is heard", () => {
  const states: Status["state"][] = [];
  connection.on("status", ({ state }) => states.push(state));
  connection.open();
  enter();
  const old = socket();
  connection.close();
  expect(old.closed).toBe(true);
  expect(old.onmessage).toBeNull();
  vi.advanceTimersByTime(60_000);
  expect(sockets).toHaveLength(1);
  expect(states).toEqual(["connecting", "open", "closed"]);
});

test("the wait doubles up to ten seconds, with half of it left to chance", () => {
  expect([0, 1, 2].map((attempt) => backoff(attempt, 1))).toEqual([300, 600, 1_200]);
  expect(backoff(0, 0)).toBe(150);
  expect(backoff(40, 1)).toBe(10_000);
});

test("while all floors are taken it knows its place, keeps it through a loss, and is let in", () => {
  vi.setSystemTime(1_000_000);
  connection.open();
  socket().connect();
  socket().say({ type: "waiting", place: 2, seconds: null });
  expect(connection.status).toMatchObject({ state: "queued", place: { place: 2, dueAt: null } });
  expect(connection.send({ type: "press" })).toBe(false);
  socket().lose();
  expect(connection.status).toMatchObject({ state: "waiting", place: { place: 2 } });
  vi.advanceTimersByTime(1_000);
  socket().connect();
  socket().say({ type: "waiting", place: 1, seconds: 140 });
  expect(connection.status.place).toEqual({ place: 1, dueAt: Date.now() + 140_000 });
  socket().say(WELCOME);
  expect(connection.status).toMatchObject({ state: "open", place: null });
});

test("a button elsewhere presses and releases this window's", () => {
  const orders: string[] = [];
  connection.open();
  enter();
  connection.on("button", (order) => orders.push(order));
  socket().say({ type: "press" });
  socket().say({ type: "release" });
  expect(orders).toEqual(["press", "release"]);
});
