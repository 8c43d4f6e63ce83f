import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Recognition, recognitionOffered } from "../src/sound/recognition";

class FakeRecogniser {
  static made: FakeRecogniser[] = [];
  lang = "";
  onresult: ((event: unknown) => void) | null = null;
  onerror: ((event: { error: string }) => void) | null = null;
  onend: (() => void) | null = null;
  starts = 0;
  constructor() {
    FakeRecogniser.made.push(this);
  }
  start() {
    this.starts++;
  }
  stop() {}
  abort() {}
}

const made = () => FakeRecogniser.made.at(-1) as FakeRecogniser;

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
  expect(made().starts).toBe(2);
  recognition.stop();
  made().onend?.();
  expect(made().starts).toBe(2);
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
  expect(made().starts).toBe(1);
});

test("a browser without recognition offers none", () => {
  expect(recognitionOffered()).toBe(true);
  vi.unstubAllGlobals();
  expect(recognitionOffered()).toBe(false);
});
