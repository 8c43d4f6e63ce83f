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
  clock.learn(99_999, 0, 300);
  expect(clock.at(5)).toBe(0);
  for (let i = 0; i < 12; i++) clock.learn(480_000, 100, 140);
  expect(clock.at(120)).toBe(480_000);
});
