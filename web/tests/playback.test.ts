import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Playback } from "../src/sound/playback";

vi.mock("../src/sound/player.worklet?worker&url", () => ({ default: "player.js" }));

const addModule = vi.fn<(url: string) => Promise<void>>();
const close = vi.fn(async () => {});
const gains: number[] = [];

class FakeContext {
  state = "running";
  onstatechange = null;
  audioWorklet = { addModule };
  destination = {};
  close = close;
  async resume() {}
}
// The class itself says what a browser offers.
Object.defineProperty(FakeContext.prototype, "audioWorklet", { value: null, writable: true });

class FakeNode {
  port = { onmessage: null, postMessage() {} };
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
  gains.length = 0;
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
