import { expect, test } from "vitest";
import { Downsampler, Framer, loudness, toPcm } from "../src/sound/downsample";

function tone(rate: number, frequency: number, seconds: number, level = 0.5): Float32Array {
  return Float32Array.from(
    { length: rate * seconds },
    (_, i) => level * Math.sin((2 * Math.PI * frequency * i) / rate),
  );
}

/** Push in quanta of 128, as a browser does. */
function down(rate: number, input: Float32Array): Float32Array {
  const downsampler = new Downsampler(rate);
  const out: number[] = [];
  for (let at = 0; at < input.length; at += 128) out.push(...downsampler.push(input.subarray(at, at + 128)));
  return Float32Array.from(out);
}

/** The level of one frequency in 16 kHz sound. */
function levelAt(sound: Float32Array, frequency: number): number {
  let re = 0;
  let im = 0;
  sound.forEach((value, i) => {
    re += value * Math.cos((2 * Math.PI * frequency * i) / 16_000);
    im += value * Math.sin((2 * Math.PI * frequency * i) / 16_000);
  });
  return (2 * Math.hypot(re, im)) / sound.length;
}

test.each([48_000, 44_100, 96_000, 32_000, 16_000])("a tone of 440 Hz at %i Hz keeps its pitch and level", (rate) => {
  const out = down(rate, tone(rate, 440, 1));
  expect(out.length).toBeGreaterThan(15_900);
  const middle = out.subarray(800, 800 + 14_400);
  expect(levelAt(middle, 440)).toBeCloseTo(0.5, 2);
  expect(levelAt(middle, 880)).toBeLessThan(0.001);
});

test.each([48_000, 44_100])("a tone above 8 kHz at %i Hz does not fold back", (rate) => {
  const out = down(rate, tone(rate, 10_000, 0.5)).subarray(400, 7_600);
  const power = out.reduce((sum, value) => sum + value * value, 0) / out.length;
  expect(10 * Math.log10(power / 0.125)).toBeLessThan(-50);
});

test("the pieces in which sound comes make no difference", () => {
  const input = tone(44_100, 700, 0.2);
  const whole = new Downsampler(44_100).push(input);
  const pieces = down(44_100, input);
  expect([...pieces]).toEqual([...whole]);
});

test("samples become 16 bits without wrapping round", () => {
  expect([...toPcm(Float32Array.of(0, 0.5, 1, 1.5, -2))]).toEqual([0, 16_384, 32_767, 32_767, -32_767]);
});

test("frames are whole and nothing is lost between them", () => {
  const framer = new Framer(4);
  expect(framer.push(Int16Array.of(1, 2, 3))).toEqual([]);
  expect(framer.push(Int16Array.of(4, 5, 6, 7, 8, 9)).map((frame) => [...frame])).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  expect(framer.push(Int16Array.of(10, 11, 12)).map((frame) => [...frame])).toEqual([[9, 10, 11, 12]]);
});

test("loudness runs from silence to full scale", () => {
  expect(loudness(new Int16Array(320))).toBe(0);
  expect(loudness(toPcm(tone(16_000, 440, 0.02, 1)))).toBeGreaterThan(0.9);
  expect(loudness(toPcm(tone(16_000, 440, 0.02, 0.01)))).toBeCloseTo(0.28, 1);
});
