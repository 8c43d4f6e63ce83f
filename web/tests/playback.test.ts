import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Playback } from "../src/sound/playback";

vi.mock("../src/sound/player.worklet?worker&url", () => ({ default: "player.js" }));

const addModule = vi.fn<(url: string) => Promise<void>>();
const close = vi.fn(async () => {});
const gains: number[] = [];
const orders: { type: string; sample?: number }[] = [];
const sinks: string[] = [];

class FakeContext {
  state = "running";
  onstatechange = null;
  audioWorklet = { addModule };
  destination = {};
  close = close;
  async resume() {}
  async setSinkId(sink: string) {
    sinks.push(sink);
    if (sink === "gone") throw new Error("no such device");
  }
}
// The class itself says what a browser offers.
Object.defineProperty(FakeContext.prototype, "audioWorklet", { value: null, writable: true });

class FakeNode {
  port = { onmessage: null, postMessage: (order: { type: string; sample?: number }) => orders.push(order) };
  connect(next: unknown) {
    return next;
  }
}

class FakeGain extends FakeNode {
  constructor(_: FakeContext, { gain }: { gain: number }) {
    super();
    gains.push(gain);
  }
}

beforeEach(() => {
  vi.clearAllMocks();
  gains.length = orders.length = sinks.length = 0;
  addModule.mockResolvedValue();
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("AudioContext", FakeContext);
  vi.stubGlobal("AudioWorkletNode", FakeNode);
  vi.stubGlobal("GainNode", FakeGain);
});
afterEach(() => vi.unstubAllGlobals());

test("a player that could not be loaded is tried again, in a new context and as loud as before", async () => {
  const playback = new Playback(() => 0);
  addModule.mockRejectedValueOnce(new Error("the program restarts"));
  await playback.start();
  expect(playback.state).toBe("absent");
  expect(close).toHaveBeenCalledOnce();
  playback.volume(0);
  await playback.again();
  expect(playback.state).toBe("on");
  expect(addModule).toHaveBeenCalledTimes(2);
  expect(gains).toEqual([0]);
});

test("what was not asked for, or is there, is not begun again", async () => {
  const playback = new Playback(() => 0);
  await playback.again();
  expect(playback.state).toBe("off");
  await playback.start();
  await playback.again();
  expect(addModule).toHaveBeenCalledOnce();
});

test("what is closed while it loads stays closed", async () => {
  const playback = new Playback(() => 0);
  let fail = () => {};
  addModule.mockReturnValueOnce(new Promise((_, reject) => (fail = () => reject(new Error("gone")))));
  const started = playback.start();
  playback.close();
  fail();
  await started;
  await playback.again();
  expect(playback.state).toBe("off");
  expect(addModule).toHaveBeenCalledOnce();
});

test("what was cut never sounds again, however late it comes and whatever was cut after it", async () => {
  const playback = new Playback(() => 0);
  await playback.start();
  const sound = (turn: string, sample: number) => playback.play({ turn, line: "l", sample, pcm: new Int16Array(1) });
  sound("a", 1);
  playback.stop("a", "interrupted");
  playback.stop("b", "interrupted");
  sound("a", 2);
  sound("b", 3);
  playback.stop("c", "paused");
  sound("c", 4);
  expect(orders.map(({ type, sample }) => sample ?? type)).toEqual([1, "stop", "stop", "stop", 4]);
});

test("another loudspeaker is used at once and from the beginning, and one that is gone breaks nothing", async () => {
  const playback = new Playback(() => 0);
  await playback.use("usb");
  await playback.start();
  await playback.use("gone");
  expect(sinks).toEqual(["usb", "gone"]);
  expect(playback.state).toBe("on");
});
