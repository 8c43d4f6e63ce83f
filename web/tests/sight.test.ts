// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Camera } from "../src/sight/camera";
import { REASONS } from "../src/sight/snapshots";
import { Sight } from "../src/windows/talk/sight";
import { joined } from "./fakesocket";

class FakeStream {
  track = { stop: vi.fn(), onended: null as (() => void) | null };
  getTracks() {
    return [this.track];
  }
  getVideoTracks() {
    return [this.track];
  }
}

/** Sizes in bytes of the pictures that the next drawings give. */
let sizes: number[];
let drawn: { width: number; height: number; quality: number }[];
let stream: FakeStream;
const ask = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  sizes = [];
  drawn = [];
  stream = new FakeStream();
  ask.mockReset().mockImplementation(async () => stream);
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: ask, getDisplayMedia: ask } });
  HTMLMediaElement.prototype.play = async () => {};
  for (const [key, value] of [
    ["videoWidth", 2_560],
    ["videoHeight", 1_440],
    ["readyState", 4],
  ] as const) {
    Object.defineProperty(HTMLVideoElement.prototype, key, { configurable: true, get: () => value });
  }
  vi.stubGlobal(
    "OffscreenCanvas",
    class {
      constructor(
        readonly width: number,
        readonly height: number,
      ) {}
      getContext() {
        return { drawImage() {} };
      }
      async convertToBlob({ quality }: { quality: number }) {
        drawn.push({ width: this.width, height: this.height, quality });
        const size = sizes.shift() ?? 1_000;
        return { arrayBuffer: async () => new ArrayBuffer(size) };
      }
    },
  );
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a picture is brought to the size that may be sent, first by quality, then by fewer pixels", async () => {
  const camera = new Camera();
  await camera.open("camera");
  expect(await camera.picture()).toHaveLength(1_000);
  sizes = [900_000, 800_000, 700_000, 600_000, 150_000];
  drawn = [];
  expect(await camera.picture()).toHaveLength(150_000);
  expect(drawn.map(({ width }) => width)).toEqual([1_280, 1_280, 1_280, 1_280, 640]);
  expect(drawn[0]).toEqual({ width: 1_280, height: 720, quality: 0.85 });
});

test("a camera that is shut gives nothing, and what the browser asked for meanwhile is let go", async () => {
  const camera = new Camera();
  await expect(camera.picture()).rejects.toMatchObject({ trouble: "off" });
  const opening = camera.open("camera");
  camera.close();
  await expect(opening).rejects.toMatchObject({ trouble: "off" });
  expect(stream.track.stop).toHaveBeenCalled();
  ask.mockRejectedValueOnce(new DOMException("none", "NotFoundError"));
  await expect(camera.open("camera")).rejects.toMatchObject({ trouble: "absent" });
  ask.mockRejectedValueOnce(new DOMException("no", "NotAllowedError"));
  await expect(camera.open("screen")).rejects.toMatchObject({ trouble: "denied" });
  await camera.open("camera");
  expect(camera.stream).toBe(stream);
});

function talking() {
  const { connection, socket } = joined({ window: "talk", token: "", floor: "private" });
  const sight = new Sight(connection);
  return { connection, socket, sight, end: sight.start() };
}

test("nothing is seen unless the partner says so, and then a snapshot is answered", async () => {
  const { connection, socket, sight, end } = talking();
  socket().say({ type: "snapshot", id: 1 });
  await vi.advanceTimersByTimeAsync(1);
  expect(socket().of("no_picture")).toEqual([{ type: "no_picture", id: 1, reason: REASONS.off }]);
  await sight.show("camera");
  expect(sight.state).toMatchObject({ source: "camera", trouble: null });
  expect(socket().of("camera")).toEqual([{ type: "camera", on: true }]);
  socket().say({ type: "snapshot", id: 2 });
  await vi.advanceTimersByTimeAsync(1);
  expect(socket().binary).toEqual([{ type: "picture", id: 2 }]);
  // The browser's own button, or a cable that is pulled.
  stream.track.onended?.();
  expect(sight.state).toMatchObject({ source: null, stream: null });
  expect(socket().of("camera").at(-1)).toEqual({ type: "camera", on: false });
  end();
  connection.close();
});

test("to change from the camera to the screen ends the one and begins the other", async () => {
  const { connection, socket, sight, end } = talking();
  await sight.show("camera");
  await sight.show("screen");
  expect(sight.state.source).toBe("screen");
  expect(
    socket()
      .of("camera")
      .map(({ on }) => on),
  ).toEqual([true, false, true]);
  await sight.show(null);
  expect(sight.state).toEqual({ source: null, stream: null, trouble: null });
  end();
  connection.close();
});

test("a camera that nobody allows in time is no picture", async () => {
  const { connection, socket, sight, end } = talking();
  await sight.show("camera");
  vi.spyOn(Camera.prototype, "picture").mockReturnValueOnce(new Promise(() => {}));
  socket().say({ type: "snapshot", id: 9 });
  await vi.advanceTimersByTimeAsync(2_799);
  expect(socket().of("no_picture")).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(socket().of("no_picture")).toEqual([{ type: "no_picture", id: 9, reason: REASONS.late }]);
  end();
  connection.close();
});

/** Let the browser ask the partner about each source that is chosen; returns what answers, in the order of choosing. */
function asking() {
  const answers: ((stream: FakeStream) => void)[] = [];
  ask.mockImplementation(() => new Promise<FakeStream>((resolve) => answers.push(resolve)));
  return answers;
}

test.each([
  ["the first answers first", [0, 1]],
  ["the last answers first", [1, 0]],
])("of two that are chosen quickly the last is seen, and the other's light goes out: %s", async (_, order) => {
  const { connection, socket, sight, end } = talking();
  const answers = asking();
  const streams = [new FakeStream(), new FakeStream()];
  const shown = [sight.show("camera"), sight.show("screen")];
  for (const place of order) {
    answers[place]?.(streams[place] as FakeStream);
    await vi.advanceTimersByTimeAsync(1);
  }
  await Promise.all(shown);
  expect(sight.state).toMatchObject({ source: "screen", stream: streams[1], trouble: null });
  expect(streams.map(({ track }) => track.stop.mock.calls.length)).toEqual([1, 0]);
  expect(
    socket()
      .of("camera")
      .map(({ on }) => on),
  ).toEqual([true]);
  await sight.show(null);
  expect(streams[1]?.track.stop).toHaveBeenCalledOnce();
  end();
  connection.close();
});

test("a refusal of what was chosen before says nothing about what was chosen last", async () => {
  const { connection, sight, end } = talking();
  let refuse = (_: Error) => {};
  ask.mockImplementationOnce(() => new Promise((_, reject) => (refuse = reject)));
  const first = sight.show("screen");
  await sight.show("camera");
  refuse(new DOMException("no", "NotAllowedError"));
  await first;
  expect(sight.state).toMatchObject({ source: "camera", stream, trouble: null });
  expect(stream.track.stop).not.toHaveBeenCalled();
  end();
  connection.close();
});

test("who chooses nothing while the browser asks is asked in vain", async () => {
  const { connection, socket, sight, end } = talking();
  const answers = asking();
  const shown = sight.show("camera");
  await sight.show(null);
  answers[0]?.(stream);
  await shown;
  expect(sight.state).toEqual({ source: null, stream: null, trouble: null });
  expect(stream.track.stop).toHaveBeenCalledOnce();
  expect(socket().of("camera")).toEqual([]);
  end();
  connection.close();
});

test("a window that is let in no longer sees nothing: no switch for it is left", async () => {
  const { socket, sight } = talking();
  await sight.show("camera");
  socket().lose(4401);
  expect(stream.track.stop).toHaveBeenCalled();
  expect(sight.state).toMatchObject({ source: null, stream: null });
});
