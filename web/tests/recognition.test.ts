import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Recognition, recognitionOffered } from "../src/sound/recognition";

class FakeRecogniser {
  static made: FakeRecogniser[] = [];
  lang = "";
  onresult: ((event: unknown) => void) | null = null;
  onerror: ((event: { error: string }) => void) | null = null;
  onend: (() => void) | null = null;
  orders: string[] = [];
  constructor() {
    FakeRecogniser.made.push(this);
  }
  start() {
    this.orders.push("start");
  }
  stop() {
    this.orders.push("stop");
  }
  abort() {
    this.orders.push("abort");
  }
  says(text: string, isFinal = true) {
    this.onresult?.({ resultIndex: 0, results: [Object.assign([{ transcript: text }], { isFinal })] });
  }
}

const made = () => FakeRecogniser.made.at(-1) as FakeRecogniser;
/** What was ordered of each recogniser, in the order in which they were made. */
const orders = () => FakeRecogniser.made.map((each) => [each.lang, ...each.orders].join(" "));

beforeEach(() => {
  FakeRecogniser.made = [];
  vi.stubGlobal("webkitSpeechRecognition", FakeRecogniser);
});
afterEach(() => vi.unstubAllGlobals());

test("it listens in the partner's language and tells what it understands", () => {
  const recognition = new Recognition();
  const heard = vi.fn();
  recognition.onText = heard;
  recognition.start("ja");
  expect(made().lang).toBe("ja-JP");
  made().onresult?.({
    resultIndex: 1,
    results: [[{ transcript: "old" }], Object.assign([{ transcript: " 鈴 " }], { isFinal: true })],
  });
  expect(heard.mock.calls).toEqual([["鈴", true]]);
});

test("a session that the browser ends begins again until it is told to stop", () => {
  const recognition = new Recognition();
  recognition.start("en");
  made().onend?.();
  expect(orders()).toEqual(["en-US start", "en-US start"]);
  recognition.stop();
  expect(recognition.listening).toBe(false);
  made().onend?.();
  expect(orders()).toEqual(["en-US start", "en-US start stop"]);
});

test("another language is listened for as soon as what was said in the old one has come", () => {
  const recognition = new Recognition();
  const heard = vi.fn();
  recognition.onText = heard;
  recognition.start("en");
  recognition.start("en");
  recognition.start("ja");
  expect(orders(), "two at once would end each other").toEqual(["en-US start stop"]);
  expect(recognition.listening).toBe(true);
  made().says("goodbye");
  made().onend?.();
  expect(orders()).toEqual(["en-US start stop", "ja-JP start"]);
  made().says("こんにちは");
  expect(heard.mock.calls).toEqual([
    ["goodbye", true],
    ["こんにちは", true],
  ]);
});

test("who begins again before the last one has ended is heard, and its late end stops nothing", () => {
  const recognition = new Recognition();
  recognition.start("en");
  const old = made();
  recognition.stop();
  recognition.start("en");
  expect(recognition.listening).toBe(true);
  old.onend?.();
  expect(orders()).toEqual(["en-US start stop", "en-US start"]);
  old.onend?.();
  old.onerror?.({ error: "network" });
  expect(orders(), "what is over has no say any more").toEqual(["en-US start stop", "en-US start"]);
  expect(recognition.listening).toBe(true);
});

test("what was told to be silent says nothing more and restarts nothing", () => {
  const recognition = new Recognition();
  const heard = vi.fn();
  recognition.onText = heard;
  recognition.start("en");
  const old = made();
  recognition.abort();
  old.says("too late");
  recognition.start("fr");
  old.onend?.();
  expect(heard).not.toHaveBeenCalled();
  expect(orders()).toEqual(["en-US start abort", "fr-FR start"]);
});

test("without a network it gives up and says so, but not for silence", () => {
  const recognition = new Recognition();
  const failed = vi.fn();
  recognition.onFailed = failed;
  recognition.start("en");
  made().onerror?.({ error: "no-speech" });
  expect(failed).not.toHaveBeenCalled();
  made().onerror?.({ error: "network" });
  made().onend?.();
  expect(failed).toHaveBeenCalledWith("network");
  expect(orders()).toEqual(["en-US start"]);
  expect(recognition.listening).toBe(false);
});

test("a browser without recognition offers none", () => {
  expect(recognitionOffered()).toBe(true);
  vi.unstubAllGlobals();
  expect(recognitionOffered()).toBe(false);
});
