import { expect, test } from "vitest";
import { JawTrack } from "../src/windows/skull/jawtrack";
import { SERVO, Servo, tableOf } from "../src/windows/skull/servo";

const MS = 48;
const silence = () => 0;
/** Wide open from half a second to a whole one. */
const vowel = (sample: number) => (sample >= 500 * MS && sample < 1_000 * MS ? 255 : 0);

function lived(level: (sample: number) => number, until: number, frame: number, settings = {}) {
  const servo = new Servo();
  servo.settings = { ...SERVO, ...settings };
  for (let heard = 0; heard <= until * MS; heard += frame * MS) servo.follow(heard, level);
  return servo;
}

const first = (servo: Servo, what: (moment: { commanded: number; real: number }) => boolean) =>
  (servo.moments.find(what)?.sample ?? Number.NaN) / MS;

test("commanded ahead by what the servo is late, the jaw begins to move as the sound begins", () => {
  const servo = lived(vowel, 1_500, 20);
  expect(first(servo, ({ commanded }) => commanded > 0)).toBeCloseTo(420, -1);
  expect(Math.abs(first(servo, ({ real }) => real > 0) - 500)).toBeLessThanOrEqual(10);
  expect(servo.now).toMatchObject({ level: 0, commanded: 0, real: 0 });
});

test("not commanded ahead it is late by just the servo's latency", () => {
  const servo = lived(vowel, 1_500, 20, { ahead: 0 });
  expect(Math.abs(first(servo, ({ real }) => real > 0) - 580)).toBeLessThanOrEqual(10);
});

test("it keeps to its limits and to its top speed", () => {
  const servo = lived(vowel, 1_500, 20, { closed: 4, open: 20, speed: 100 });
  const real = servo.moments.map((moment) => moment.real);
  // It starts from where a new one stands, and never goes beyond what it is told.
  expect(Math.max(...real)).toBe(20);
  expect(real.at(-1)).toBe(4);
  for (const [index, angle] of real.entries()) {
    expect(Math.abs(angle - (real[index - 1] ?? angle))).toBeLessThanOrEqual(0.5 + 1e-9);
  }
});

test("it moves the same at any frame rate", () => {
  const [fast, slow] = [lived(vowel, 1_400, 5), lived(vowel, 1_400, 140)];
  expect(slow.moments.slice(-200)).toEqual(fast.moments.slice(-200));
});

test("a change within the dead band is not made, but shut is always wholly shut", () => {
  const trembling = (sample: number) => (sample < 400 * MS ? 100 + ((sample / 240) % 3) : 0);
  const servo = lived(trembling, 380, 20, { ahead: 0, latency: 0 });
  const commanded = new Set(servo.moments.slice(4).map((moment) => moment.commanded));
  expect(commanded.size).toBe(1);
  for (let heard = 380 * MS; heard < 600 * MS; heard += 960) servo.follow(heard, trembling);
  expect(servo.now.commanded).toBe(0);
});

test("after a sleep, or on another run's clock, it goes on from there at once", () => {
  const servo = lived(silence, 100, 20);
  servo.follow(3_600_000 * MS, silence);
  expect(servo.now.sample).toBe(3_600_000 * MS);
  servo.follow(700 * MS, silence);
  expect(servo.now.sample).toBe(700 * MS);
  expect(servo.moments.length).toBeLessThan(40);
});

test("a minute of it is remembered, and read by a spreadsheet", () => {
  const servo = lived(silence, 130_000, 500);
  expect(servo.moments.length).toBeLessThanOrEqual(24_000);
  expect(tableOf([{ sample: 240, level: 12, commanded: 1.234, real: 1 }])).toBe(
    "sample,level,commanded,real\n240,12,1.23,1.00\n",
  );
});

const sound = (turn: string, sample: number, jaw: number) => ({
  turn,
  line: "l",
  sample,
  pcm: new Int16Array(960),
  jaw,
});

test("the track tells the level of the frame that sounds, and none where nothing does", () => {
  const track = new JawTrack();
  track.put(sound("t", 960, 100));
  track.put(sound("t", 1_920, 200));
  expect([959, 960, 1_919, 1_920, 2_879, 2_880].map((sample) => track.at(sample))).toEqual([0, 100, 100, 200, 200, 0]);
  track.stop("t", 1_920);
  expect([1_000, 2_000].map((sample) => track.at(sample))).toEqual([100, 0]);
  track.clear();
  expect(track.at(1_000)).toBe(0);
});

test("the track forgets what was long ago", () => {
  const track = new JawTrack();
  for (let index = 0; index < 5_000; index++) track.put(sound("t", index * 960, 9));
  expect(track.at(0)).toBe(0);
  expect(track.at(4_999 * 960)).toBe(9);
});
