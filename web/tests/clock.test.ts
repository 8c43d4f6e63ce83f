import { expect, test } from "vitest";
import { FloorClock } from "../src/protocol/clock";

test("an answer is true halfway between question and answer", () => {
  const clock = new FloorClock();
  expect(clock.at(0)).toBeNull();
  clock.learn(48_000, 100, 140);
  expect(clock.at(120)).toBe(48_000);
  expect(clock.at(1_120)).toBe(96_000);
});

test("the quickest answer is believed, and only among the recent ones", () => {
  const clock = new FloorClock();
  clock.learn(0, 0, 10);
  clock.learn(4_000, 0, 300);
  expect(clock.at(5)).toBe(0);
  for (let i = 0; i < 12; i++) clock.learn(8_000, 100, 140);
  expect(clock.at(120)).toBe(8_000);
});

test("after a machine slept the first answer is believed, however quick those before were", () => {
  const clock = new FloorClock();
  for (let i = 0; i < 12; i++) clock.learn(48 * (2_000 * i + 2), 2_000 * i, 2_000 * i + 4);
  // Half a minute that the browser did not count, and an answer over a slow line.
  clock.learn(48 * (24_100 + 30_000), 24_000, 24_200);
  expect(clock.at(24_100)).toBe(48 * 54_100);
});
