import { expect, test } from "vitest";
import { stagesOf } from "../src/windows/control/timings/stages";

const timings = {
  recognised: 0.3,
  waited: 0.05,
  prompted: 0.01,
  first_token: 0.4,
  first_line: 0.6,
  first_sound: 0.75,
  first_sample: 0.76,
  last_sample: 5,
};

test("each stage is what it took by itself", () => {
  const taken = stagesOf(timings).map((stage) => [stage.name, Number(stage.seconds.toFixed(2))]);
  expect(taken).toEqual([
    ["Recognition", 0.3],
    ["Waiting", 0.05],
    ["First token", 0.4],
    ["First sentence", 0.2],
    ["Voice", 0.15],
    ["First sample", 0.01],
  ]);
});

test("a stage that never came is left out, and the next is counted from the last that did", () => {
  const taken = stagesOf({ ...timings, recognised: -1, first_token: -1, first_sample: -1 });
  expect(taken.map((stage) => stage.name)).toEqual(["Waiting", "First sentence", "Voice"]);
  expect(taken[1]?.seconds).toBeCloseTo(0.6);
});
