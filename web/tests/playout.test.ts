import { expect, test } from "vitest";
import { playedOf } from "../src/sound/playback";
import { aheadOf, Playout } from "../src/sound/playout";

const tone = (length: number, value = 16_384) => new Int16Array(length).fill(value);

function play(playout: Playout, frame: number, length = 128): number[] {
  const out = new Float32Array(length);
  playout.read(out, frame);
  return [...out];
}

test("sound begins where it is asked to and sounds once", () => {
  const playout = new Playout(1024);
  playout.put(10_000, tone(256), 500, 128);
  expect(playout.head(628)).toBe(10_000);
  expect(play(playout, 500)).toEqual(Array(128).fill(0));
  expect(play(playout, 628)).toEqual(Array(128).fill(0.5));
  expect(play(playout, 756)).toEqual(Array(128).fill(0.5));
  expect(play(playout, 884)).toEqual(Array(128).fill(0));
  expect(playout.dry(884)).toBe(true);
});

test("the offset stays while sound is held, and is set anew after silence", () => {
  const playout = new Playout(4096);
  playout.put(0, tone(256), 0, 100);
  const offset = playout.offset;
  playout.put(256, tone(256), 200, 2_000);
  expect(playout.offset).toBe(offset);
  expect(playout.until).toBe(512);
  // The head passes 512 at frame 612; sound that comes after it starts afresh.
  playout.put(50_000, tone(128), 700, 300);
  expect(playout.head(1_000)).toBe(50_000);
});

test("sound that comes too late while a line sounds loses only what has passed", () => {
  const playout = new Playout(4096);
  playout.put(0, tone(400), 0, 0);
  playout.put(200, tone(400, -16_384), 300, 0);
  expect(play(playout, 300, 10)).toEqual(Array(10).fill(-0.5));
  expect(playout.until).toBe(600);
});

test("a stop silences within one quantum, by a fade instead of a click", () => {
  const playout = new Playout(4096);
  playout.put(0, tone(4_000), 0, 0);
  play(playout, 0);
  playout.clear(128);
  const after = play(playout, 128);
  expect(after[0]).toBeCloseTo(0.5, 1);
  expect(after[127]).toBe(0);
  expect(after.every((value, i) => i === 0 || value <= (after[i - 1] ?? 0))).toBe(true);
  expect(play(playout, 256)).toEqual(Array(128).fill(0));
  expect(playout.until).toBe(128);
});

test("sound that comes after a stop begins anew, without what was thrown away", () => {
  const playout = new Playout(512);
  playout.put(0, tone(500), 0, 0);
  playout.clear(0);
  play(playout, 0);
  playout.put(1_024, tone(64), 128, 0);
  expect(play(playout, 128)).toEqual([...Array(64).fill(0.5), ...Array(64).fill(0)]);
  expect(play(playout, 256)).toEqual(Array(128).fill(0));
});

test("a line's first sound waits until it is due, within bounds", () => {
  expect(aheadOf(58_000, 50_000)).toBe(8_000);
  expect(aheadOf(50_000, 50_000)).toBe(2_400);
  expect(aheadOf(40_000, 50_000)).toBe(2_400);
  expect(aheadOf(500_000, 50_000)).toBe(24_000);
  expect(aheadOf(50_000, null)).toBe(2_400);
});

test("played is what has left the loudspeaker, and never more than there was", () => {
  expect(playedOf({ head: 48_000, until: 90_000 }, 0.02)).toBe(47_040);
  expect(playedOf({ head: 95_000, until: 90_000 }, 0.02)).toBe(90_000);
  expect(playedOf({ head: 10, until: 90_000 }, 0.02)).toBe(0);
});
