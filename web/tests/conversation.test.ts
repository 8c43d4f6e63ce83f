import { expect, test } from "vitest";
import type { Ending } from "../src/protocol/events";
import { type Conversation, follow, heardOf, type Reply, type Said, START } from "../src/windows/talk/conversation";

const on = { at: 0, floor: "talk-1" };
const TIMINGS = {
  recognised: -1,
  waited: 0,
  prompted: 0,
  first_token: 0.2,
  first_line: 0.3,
  first_sound: 0.4,
  first_sample: 0.4,
  last_sample: 2,
};

const turnStarted = {
  ...on,
  type: "turn_started" as const,
  turn: "t",
  lane: "speech",
  percepts: ["p"],
  text: "",
  who: "",
};
const line = (id: string, shown: string, language = "en"): Said => ({
  ...on,
  type: "line_started",
  turn: "t",
  line: id,
  sample: 0,
  shown,
  spoken: shown,
  language,
  feeling: "",
  cues: [],
});
const lineEnded = (id: string, heard: string, cut = false): Said => ({
  ...on,
  type: "line_ended",
  turn: "t",
  line: id,
  sample: 1,
  heard,
  cut,
});
const turnEnded = (change: Partial<Ending>): Said => ({
  ...on,
  type: "turn_ended",
  turn: "t",
  lane: "speech",
  ending: { state: "done", heard: "", cut: false, reason: "", answered: [], timings: TIMINGS, ...change },
});
const transcript = (text: string, final: boolean, uncertain = false, at = 1): Said => ({
  ...on,
  at,
  type: "transcript",
  text,
  final,
  settled: !final,
  uncertain,
  language: "en",
  ear: "",
  viewer: null,
});
const asks = (text: string, who: string): Said => ({ ...turnStarted, text, who });

const after = (...events: Said[]): Conversation => events.reduce(follow, START);
const reply = (conversation: Conversation) => conversation.entries.find((entry) => entry.who === "it") as Reply;

test("a reply shows what was heard so far, the present line word by word", () => {
  const conversation = after(
    turnStarted,
    line("a", "Hi there."),
    lineEnded("a", "Hi there."),
    line("b", "How are you?"),
  );
  expect(heardOf(reply(conversation), { id: "b", text: "How are" })).toBe("Hi there. How are");
  expect(heardOf(reply(conversation), null)).toBe("Hi there.");
});

test("a cut reply keeps exactly what was heard, with its mark", () => {
  const conversation = after(
    turnStarted,
    line("a", "Mondays are fine."),
    lineEnded("a", "Mondays", true),
    turnEnded({ state: "interrupted", heard: "Mondays", cut: true }),
  );
  expect(heardOf(reply(conversation), null)).toBe("Mondays");
  expect(reply(conversation)).toMatchObject({ cut: true, state: "interrupted" });
});

test("Japanese sentences are joined without a space", () => {
  const conversation = after(
    turnStarted,
    line("a", "はい。", "ja"),
    lineEnded("a", "はい。"),
    line("b", "鈴です。", "ja"),
  );
  expect(heardOf(reply(conversation), { id: "b", text: "鈴" })).toBe("はい。鈴");
});

test("typed words stand at once, and a turn takes them up without doubling them", () => {
  const typed: Said = { type: "typed", key: "k", text: "hello", language: "en" };
  expect(after(typed).entries).toMatchObject([{ text: "hello", sending: true }]);
  expect(after(typed, asks("hello", "Ada")).entries).toMatchObject([{ text: "hello", sending: false }, { who: "it" }]);
});

test("a partial transcript is shown until the whole comes, and doubt is kept", () => {
  expect(after(transcript("tell", false, true)).partial).toEqual({ text: "tell", uncertain: true });
  const whole = after(transcript("tell", false), transcript("tell me", true, true), asks("tell me", "Ada"));
  expect(whole.partial).toBeNull();
  expect(whole.entries).toMatchObject([{ text: "tell me", uncertain: true }, { who: "it" }]);
});

test("words that are settled at a pause are replaced by those that follow, never added to", () => {
  const pause = after(transcript("tell me", false), transcript("tell me a joke", false));
  expect(pause).toEqual({ entries: [], partial: { text: "tell me a joke", uncertain: false } });
  const guess: Said = { ...turnStarted, percepts: [], text: "tell me" };
  const wrong = [
    transcript("tell me", false),
    guess,
    turnEnded({ state: "discarded" }),
    transcript("tell me more", true),
  ];
  expect(after(...wrong).entries.filter((entry) => entry.who === "you")).toMatchObject([{ text: "tell me more" }]);
  expect(after(transcript("hm", false), transcript("", true))).toEqual(START);
});

test("what others said is told by the turn that answers it", () => {
  const { entries } = after(asks("sing!", "Mireille"), turnEnded({}), { ...asks("", ""), turn: "idle" } as Said);
  expect(entries).toMatchObject([{ who: "you", text: "sing!", from: "Mireille" }, { who: "it" }, { who: "it" }]);
});

test("what is resumed twice stands once, and old entries go", () => {
  expect(after(transcript("a", true), turnStarted, transcript("a", true), turnStarted).entries).toHaveLength(2);
  expect(after(...Array.from({ length: 500 }, (_, i) => transcript("a", true, false, i))).entries).toHaveLength(200);
});

test("where events were lost, a reply keeps what was heard and waits no longer", () => {
  const conversation = after(turnStarted, line("a", "Hi there."), lineEnded("a", "Hi there."), { type: "lost" });
  expect(reply(conversation)).toMatchObject({ state: "done", heard: "Hi there.", cut: false });
});

test("what the operator wants said is nobody's question, and takes up nobody's words", () => {
  const operator: Said = { ...turnStarted, turn: "o", lane: "operator", text: "We close in five minutes." };
  expect(after(operator).entries).toMatchObject([{ who: "it", key: "o" }]);
  const typed: Said = { type: "typed", key: "k", text: "hello", language: "en" };
  expect(after(typed, operator).entries).toMatchObject([{ text: "hello", sending: true }, { key: "o" }]);
  const { entries } = after(typed, operator, asks("hello", "Ada"));
  expect(entries).toMatchObject([{ text: "hello", sending: false }, { key: "o" }, { key: "t" }]);
});
