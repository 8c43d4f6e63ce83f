// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import type { CharacterHandle } from "../src/character/Character";
import { Connection, type Status } from "../src/protocol/client";
import type { AnyEvent, Timings } from "../src/protocol/events";
import type { Playback } from "../src/sound/playback";
import { Puppeteer } from "../src/stage/puppeteer";

const on = { at: 0, floor: "public", turn: "t", line: "l" };
const STARTED: AnyEvent = {
  ...on,
  type: "line_started",
  sample: 1_000,
  shown: "Hello you",
  spoken: "Hello you",
  language: "en",
  feeling: "joy",
  cues: [],
};
const TIMINGS: AnyEvent = {
  ...on,
  type: "line_timings",
  words: [
    ["Hello", 1_000, 5_000, 0],
    ["you", 6_000, 9_000, 6],
  ],
  mouths: [[1_000, "open", 0.7]],
};

let puppeteer: Puppeteer;
let character: { [K in keyof CharacterHandle]: ReturnType<typeof vi.fn> };

beforeEach(() => {
  const connection = new Connection("ws://x/ws", { window: "stage", token: "", floor: "public" });
  puppeteer = new Puppeteer(connection, null, "public");
  character = { mouth: vi.fn(), jaw: vi.fn(), expression: vi.fn(), gesture: vi.fn(), state: vi.fn(), look: vi.fn() };
  puppeteer.attach(character as unknown as CharacterHandle);
});

test("the character speaks with the sample, and its mouth closes when it is stopped", () => {
  for (const event of [STARTED, TIMINGS]) puppeteer.take(event);
  puppeteer.look(1_000);
  expect(character.mouth).toHaveBeenLastCalledWith("open", 0.7);
  expect(character.expression).toHaveBeenLastCalledWith("joy");
  expect(character.state).toHaveBeenLastCalledWith("speaking");
  puppeteer.look(2_000);
  expect(character.mouth).toHaveBeenCalledTimes(1);
  puppeteer.take({ at: 0, floor: "public", type: "stopped", turn: "t", sample: 3_000, why: "interrupted" });
  puppeteer.look(3_000);
  expect(character.mouth).toHaveBeenLastCalledWith("rest", 0);
  expect(puppeteer.frame).toMatchObject({ lit: 1, speaking: false });
});

test("who reads along is told of words, not of every mouth", () => {
  const told = vi.fn();
  puppeteer.subscribe(told);
  for (const event of [STARTED, TIMINGS]) puppeteer.take(event);
  for (const sample of [1_000, 2_000, 3_000, 4_000, 6_000, 7_000]) puppeteer.look(sample);
  expect(told).toHaveBeenCalledTimes(2);
  expect(puppeteer.frame).toBe(puppeteer.frame);
});

test("another floor's events do not move it", () => {
  puppeteer.take({ ...STARTED, floor: "talk-1" } as AnyEvent);
  puppeteer.look(1_000);
  expect(puppeteer.frame.line).toBeNull();
});

test("it listens, thinks, speaks and comes to rest", () => {
  const at = (event: AnyEvent, sample: number) => {
    puppeteer.take(event);
    puppeteer.look(sample);
    return puppeteer.doing;
  };
  const floor = { at: 0, floor: "public" };
  expect(at({ ...floor, type: "onset", viewer: null }, 0)).toBe("listening");
  expect(at({ ...floor, type: "speech_end", seconds: 1, why: "silence", viewer: null }, 0)).toBe("thinking");
  expect(at(STARTED, 1_000)).toBe("speaking");
  expect(at({ ...on, type: "line_ended", sample: 2_000, heard: "Hello you", cut: false }, 2_000)).toBe("thinking");
  const ending = { state: "done" as const, heard: "", cut: false, reason: "", answered: [] };
  const timings = {
    recognised: -1,
    waited: 0,
    prompted: 0,
    first_token: 0,
    first_line: 0,
    first_sound: 0,
    first_sample: 0,
    last_sample: 0,
  };
  expect(at({ ...on, type: "turn_ended", lane: "chat", ending: { ...ending, timings } }, 2_100)).toBe("idle");
  expect(character.expression).toHaveBeenLastCalledWith("neutral");
});

test("sound of a connection that is lost is thrown away, so that none of it sounds after the next welcome", () => {
  const connection = new Connection("ws://x/ws", { window: "talk", token: "", floor: "private" });
  let tell: (status: Status) => void = () => {};
  vi.spyOn(connection, "on").mockImplementation((kind, listener) => {
    if (kind === "status") tell = listener as typeof tell;
    return () => {};
  });
  const playback = { state: "on", clear: vi.fn(), again: vi.fn(), position: () => null };
  const end = new Puppeteer(connection, playback as unknown as Playback).start();
  tell({ ...connection.status, state: "waiting" });
  expect(playback.clear).toHaveBeenCalledOnce();
  tell({ ...connection.status, state: "open" });
  expect(playback.clear).toHaveBeenCalledOnce();
  end();
});

test("what is lost on the way leaves neither a thought nor a subtitle standing", () => {
  const connection = new Connection("ws://x/ws", { window: "stage", token: "", floor: "public" });
  let lose: (count: number) => void = () => {};
  vi.spyOn(connection, "on").mockImplementation((kind, listener) => {
    if (kind === "missed") lose = listener as typeof lose;
    return () => {};
  });
  puppeteer = new Puppeteer(connection, null);
  puppeteer.attach(character as unknown as CharacterHandle);
  const end = puppeteer.start();
  const doing = (sample: number) => {
    puppeteer.look(sample);
    return puppeteer.doing;
  };
  puppeteer.take({ ...on, type: "turn_started", lane: "chat", percepts: ["p"], text: "", who: "" });
  expect(doing(0)).toBe("thinking");
  for (const event of [STARTED, TIMINGS]) puppeteer.take(event);
  expect(doing(2_000)).toBe("speaking");
  lose(3); // the ends of the line and of the turn are among them
  expect(doing(3_000)).toBe("speaking");
  expect(puppeteer.frame.line?.shown).toBe("Hello you");
  expect(doing(9_000 + 4 * 48_000)).toBe("idle");
  expect(puppeteer.frame.line).toBeNull();
  puppeteer.take({ ...on, type: "onset", viewer: null });
  expect(doing(0)).toBe("listening");
  lose(1);
  expect(doing(0)).toBe("idle");
  end();
});

test("a guess that is thrown away does not look like an answer while its partner still speaks", () => {
  const doing = (...events: AnyEvent[]) => {
    for (const event of events) puppeteer.take(event);
    puppeteer.look(0);
    return puppeteer.doing;
  };
  const turn = { ...on, lane: "spoken" };
  const timings = {} as Timings;
  const ending = { state: "discarded" as const, heard: "", cut: false, reason: "", answered: [], timings };
  expect(doing({ ...on, type: "onset", viewer: null })).toBe("listening");
  const guess: AnyEvent = { ...turn, type: "turn_started", percepts: [], text: "", who: "" };
  expect(doing(guess, { ...turn, type: "turn_ended", ending })).toBe("listening");
  expect(doing({ ...guess, percepts: ["p"] })).toBe("thinking");
  expect(doing({ ...turn, type: "turn_ended", ending })).toBe("idle");
});
