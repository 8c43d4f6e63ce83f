import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Recording } from "../src/windows/skull/recording";
import { joined } from "./fakesocket";

let sent: { type: string; id: number }[];
let goes: boolean[];
let ends: string[];
let recording: Recording;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  goes = [];
  ends = [];
  recording = new Recording((frame) => sent.push(frame), 7);
  recording.onGo = (on) => goes.push(on);
  recording.onEnd = ({ why }) => ends.push(why);
});
afterEach(() => vi.useRealTimers());

const ack = (id: number, go = true, why?: string) =>
  recording.take({ type: "ack", id, of: id % 2 ? "begin_recording" : "stop_recording", go, ...(why ? { why } : {}) });

test("sound goes out from the acknowledgement on, until the button is let go", () => {
  recording.press();
  expect(goes).toEqual([]);
  ack(7);
  expect(goes).toEqual([true]);
  recording.release();
  expect(goes).toEqual([true, false]);
  ack(8);
  expect(sent).toEqual([
    { type: "begin_recording", id: 7 },
    { type: "stop_recording", id: 8 },
  ]);
  vi.advanceTimersByTime(10_000);
  expect(sent).toHaveLength(2);
});

test("what is not acknowledged is sent again with the same id, and after three times it is trouble", () => {
  recording.press();
  vi.advanceTimersByTime(2_000);
  expect(sent.map(({ id }) => id)).toEqual([7, 7, 7]);
  vi.advanceTimersByTime(1_000);
  expect(ends).toEqual(["no_answer"]);
  recording.press();
  expect(sent.at(-1)?.id).toBe(8);
});

test("who lets go before the acknowledgement has begun and ended all the same", () => {
  recording.press();
  recording.release();
  expect(sent).toHaveLength(1);
  ack(7);
  expect(goes.includes(true)).toBe(false);
  expect(sent.at(-1)).toEqual({ type: "stop_recording", id: 8 });
});

test("it may be refused, let go, and lost", () => {
  recording.press();
  ack(7, false, "busy");
  expect(ends).toEqual(["refused"]);
  recording.release();
  expect(sent).toHaveLength(1);
  recording = new Recording((frame) => sent.push(frame), 7);
  recording.onEnd = ({ why }) => ends.push(why);
  recording.press();
  ack(7);
  recording.take({ type: "ack", id: 0, of: "stop_recording", go: false, why: "held" });
  recording.release();
  recording.press();
  recording.lost();
  vi.advanceTimersByTime(10_000);
  recording.lost();
  expect(ends).toEqual(["refused", "held", "lost"]);
});

const HELLO = { window: "skull" as const, token: "", name: "page", can: ["jaw" as const] };

test("a skull says what it has, and is told its orders", () => {
  const { connection, socket } = joined(HELLO);
  expect(socket().sent[0]).toEqual({ type: "hello", version: 1, ...HELLO });
  const orders = vi.fn();
  connection.on("order", orders);
  socket().say({ type: "light", show: "thinking" });
  socket().say({ type: "stop", turn: "t", sample: 5 });
  socket().say({ type: "snapshot", id: 3 });
  expect(orders.mock.calls.map(([order]) => order.type)).toEqual(["light", "stop", "snapshot"]);
  connection.sendPicture(3, Uint8Array.of(0xff, 0xd8));
  expect(socket().binary).toEqual([{ type: "picture", id: 3 }]);
  connection.close();
});

test("a side that has not answered for fifteen seconds is gone, and one that was asked late is not", () => {
  const { connection, socket, sockets, clock } = joined(HELLO);
  const beat = (seconds: number, answered: boolean) => {
    for (let i = 0; i < seconds; i += 2) {
      clock.now += 2_000;
      vi.advanceTimersByTime(2_000);
      if (answered) socket().say({ type: "pong", t: clock.now, sample: 0 });
    }
  };
  beat(30, true);
  // A tab in the background is woken once a minute.
  clock.now += 60_000;
  vi.advanceTimersByTime(2_000);
  expect(sockets).toHaveLength(1);
  socket().say({ type: "pong", t: clock.now, sample: 0 });
  beat(16, false);
  expect(connection.status.state).toBe("open");
  beat(2, false);
  expect(connection.status.state).not.toBe("open");
  vi.advanceTimersByTime(200);
  expect(sockets).toHaveLength(2);
  connection.close();
});
