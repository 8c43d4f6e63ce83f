// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { atMostEvery, atNextPicture } from "../src/windows/control/burst";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("two thousand events of one picture are taken together", () => {
  const run = vi.fn();
  const { ask } = atNextPicture(run);
  for (let count = 0; count < 2000; count++) ask();
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(20);
  expect(run).toHaveBeenCalledTimes(1);
  ask();
  vi.advanceTimersByTime(20);
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(2);
});

test("where no picture is drawn it is not forgotten, and it can be called off", () => {
  vi.stubGlobal("requestAnimationFrame", () => 0);
  const run = vi.fn();
  const { ask, end } = atNextPicture(run);
  ask();
  vi.advanceTimersByTime(250);
  expect(run).toHaveBeenCalledTimes(1);
  ask();
  end();
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(1);
  vi.unstubAllGlobals();
});

test("the first of a burst is answered at once, the others together when the rest is over", () => {
  const run = vi.fn();
  const { ask, end } = atMostEvery(400, run);
  ask();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(1);
  for (let count = 0; count < 1000; count++) {
    ask();
    vi.advanceTimersByTime(2);
  }
  expect(run.mock.calls.length).toBeLessThanOrEqual(6);
  expect(run.mock.calls.length).toBeGreaterThanOrEqual(5);
  end();
  const before = run.mock.calls.length;
  vi.advanceTimersByTime(1000);
  expect(run).toHaveBeenCalledTimes(before);
});
