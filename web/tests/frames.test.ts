import { expect, test } from "vitest";
import { pack, soundOf, unpack } from "../src/protocol/frames";

test("a binary frame is one JSON line, a newline and the payload", () => {
  const frame = pack({ type: "microphone" }, Int16Array.of(1, -2, 32_767));
  const bytes = new Uint8Array(frame);
  expect(new TextDecoder().decode(bytes.subarray(0, 22))).toBe('{"type":"microphone"}\n');
  expect([...bytes.subarray(22)]).toEqual([1, 0, 254, 255, 255, 127]);
});

test("what was packed is unpacked, newlines in the payload and all", () => {
  const pcm = Int16Array.of(0x0a0a, 10, -1, 2_570);
  const { header, payload } = unpack(pack({ type: "sound", turn: "t", line: "五", sample: 518_400 }, pcm));
  expect(header).toEqual({ type: "sound", turn: "t", line: "五", sample: 518_400 });
  expect([...payload]).toEqual([...pcm]);
});

test("a part of a larger buffer is packed, not the whole of it", () => {
  const { payload } = unpack(pack({}, Int16Array.of(1, 2, 3, 4).subarray(1, 3)));
  expect([...payload]).toEqual([2, 3]);
});

test("half a sample at the end is left out, and a frame without a header is refused", () => {
  const whole = new Uint8Array(pack({ type: "sound" }, Int16Array.of(7, 8)));
  expect([...unpack(whole.slice(0, -1).buffer).payload]).toEqual([7]);
  expect(() => unpack(Uint8Array.of(1, 2, 3).buffer)).toThrow("no header line");
});

test("only a sound frame is sound", () => {
  const sound = soundOf(pack({ type: "sound", turn: "t", line: "l", sample: 5 }, Int16Array.of(9)));
  expect(sound).toEqual({ turn: "t", line: "l", sample: 5, pcm: Int16Array.of(9) });
  expect(soundOf(pack({ type: "picture" }, new Int16Array(0)))).toBeNull();
});
