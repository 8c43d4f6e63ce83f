import { expect, test } from "vitest";
import type { LineEnded, LineStarted, LineTimings, LineTranslated, Mouth, Stopped, Word } from "../src/protocol/events";
import { Timeline } from "../src/stage/timeline";

const base = { at: 0, floor: "public", turn: "t", line: "l" };

function started(change: Partial<LineStarted> = {}): LineStarted {
  return {
    ...base,
    type: "line_started",
    sample: 1_000,
    shown: "Hello dear crowd",
    spoken: "Hello dear crowd",
    language: "en",
    feeling: "",
    cues: [],
    ...change,
  };
}
const timings = (words: Word[], mouths: Mouth[] = [], line = "l"): LineTimings => ({
  ...base,
  type: "line_timings",
  line,
  words,
  mouths,
});
const ended = (sample: number, cut = false): LineEnded => ({ ...base, type: "line_ended", sample, heard: "", cut });
const stopped = (sample: number, why: Stopped["why"] = "interrupted"): Stopped => ({
  ...base,
  type: "stopped",
  sample,
  why,
});

const WORDS: Word[] = [
  ["Hello", 1_000, 11_000, 0],
  ["dear", 12_000, 20_000, 6],
  ["crowd", 21_000, 30_000, 11],
];
const MOUTHS: Mouth[] = [
  [1_000, "wide", 0.5],
  [6_000, "round", 0.8],
  [25_000, "open", 1],
];

/** The text that has begun to sound. */
function read(timeline: Timeline, sample: number): string {
  const { line, lit } = timeline.at(sample);
  const all = line?.phrases.flatMap((phrase) => phrase.pieces) ?? [];
  return all
    .slice(0, lit)
    .map((piece) => piece.text)
    .join("");
}

function hello(): Timeline {
  const timeline = new Timeline();
  timeline.started(started());
  timeline.timings(timings(WORDS, MOUTHS));
  return timeline;
}

test("nothing is shown before the line's first sample, then a word at a time", () => {
  const timeline = hello();
  expect(timeline.at(999).line).toBeNull();
  expect(timeline.at(1_000)).toMatchObject({ lit: 1, speaking: true });
  expect(timeline.at(11_999).lit).toBe(1);
  expect(timeline.at(12_000).lit).toBe(2);
  expect(timeline.at(21_000).lit).toBe(3);
});

test("the mouth follows its shapes and closes at the end", () => {
  const timeline = hello();
  timeline.ended(ended(30_000));
  expect(timeline.at(5_999)).toMatchObject({ shape: "wide", level: 0.5 });
  expect(timeline.at(6_000)).toMatchObject({ shape: "round", level: 0.8 });
  expect(timeline.at(29_999)).toMatchObject({ shape: "open", speaking: true });
  expect(timeline.at(30_000)).toMatchObject({ shape: "rest", level: 0, speaking: false, lit: 3 });
});

test("a line stays to be read for a moment, then goes", () => {
  const timeline = hello();
  timeline.ended(ended(30_000));
  expect(timeline.at(60_000).line?.id).toBe("l");
  expect(timeline.at(30_000 + 1.4 * 48_000).line).toBeNull();
});

test("timings that come in pieces light what they know", () => {
  const timeline = new Timeline();
  timeline.started(started());
  timeline.timings(timings(WORDS.slice(0, 1)));
  expect(timeline.at(29_000).lit).toBe(1);
  timeline.timings(timings(WORDS.slice(1)));
  expect(timeline.at(29_000).lit).toBe(3);
});

test("a stop voids the words, the mouth and the lines after its sample", () => {
  const timeline = hello();
  timeline.started(started({ line: "later", sample: 40_000 }));
  timeline.stopped(stopped(15_000));
  expect(timeline.at(14_999)).toMatchObject({ lit: 2, speaking: true });
  expect(timeline.at(15_000)).toMatchObject({ lit: 2, speaking: false, shape: "rest" });
  expect(timeline.at(41_000)).toMatchObject({ lit: 2, line: { id: "l" } });
  expect(read(timeline, 41_000)).toBe("Hello dear ");
});

test("a stop leaves other turns alone", () => {
  const timeline = hello();
  timeline.stopped({ ...stopped(15_000), turn: "another" });
  expect(timeline.at(21_000)).toMatchObject({ lit: 3, speaking: true });
});

test("a paused line goes on with the timings that follow", () => {
  const timeline = hello();
  timeline.stopped(stopped(15_000, "paused"));
  expect(timeline.at(16_000)).toMatchObject({ lit: 2, speaking: false, shape: "rest" });
  timeline.timings(timings([["crowd", 50_000, 60_000, 11]], [[50_000, "open", 1]]));
  expect(timeline.at(50_000)).toMatchObject({ lit: 3, speaking: true, shape: "open" });
});

test("words without a place are found in the spoken text", () => {
  const timeline = new Timeline();
  timeline.started(started({ shown: "No, no, yes", spoken: "No, no, yes" }));
  timeline.timings(
    timings([
      ["no", 1_000, 2_000, -1],
      ["no", 3_000, 4_000, -1],
      ["yes", 5_000, 6_000, -1],
    ]),
  );
  expect([1_000, 3_000, 5_000].map((sample) => timeline.at(sample).lit)).toEqual([1, 2, 3]);
});

test("what is shown lights in proportion where other words are spoken", () => {
  const timeline = new Timeline();
  timeline.started(started({ shown: "It costs $3", spoken: "It costs three dollars" }));
  timeline.timings(
    timings([
      ["It", 1_000, 2_000, 0],
      ["costs", 2_000, 4_000, 3],
      ["three", 4_000, 6_000, 9],
      ["dollars", 6_000, 8_000, 15],
    ]),
  );
  timeline.ended(ended(8_000));
  expect(timeline.at(1_000).lit).toBe(1);
  expect(timeline.at(7_999).lit).toBe(3);
});

test("without timings of words a line that has ended lights in proportion to its time", () => {
  const timeline = new Timeline();
  timeline.started(started());
  timeline.ended(ended(31_000));
  expect(timeline.at(1_001).lit).toBe(1);
  expect(timeline.at(16_000).lit).toBe(2);
  expect(timeline.at(30_999).lit).toBe(3);
});

test("a line whose end never comes is over after a silence", () => {
  const timeline = hello();
  expect(timeline.at(30_000 + 2 * 48_000 - 1).speaking).toBe(true);
  expect(timeline.at(30_000 + 2 * 48_000).speaking).toBe(false);
});

test("Japanese lights piece by piece", () => {
  const timeline = new Timeline();
  const shown = "今日は、いい天気です。";
  timeline.started(started({ shown, spoken: shown, language: "ja" }));
  timeline.timings(
    timings([
      ["今日は", 1_000, 10_000, 0],
      ["いい天気です", 12_000, 30_000, 4],
    ]),
  );
  timeline.ended(ended(30_000));
  const early = timeline.at(11_999);
  const late = timeline.at(29_999);
  expect(read(timeline, 11_999)).toBe("今日は、");
  expect(late.lit).toBeGreaterThan(early.lit);
  expect(read(timeline, 29_999)).toBe(shown);
});

test("feeling and cues come due once, each at its word", () => {
  const timeline = new Timeline();
  timeline.started(started({ feeling: "joy", cues: [{ kind: "animation", name: "nod", offset: 11 }] }));
  timeline.timings(timings(WORDS));
  expect(timeline.due(999)).toEqual([]);
  expect(timeline.due(1_000)).toEqual([{ line: "l", kind: "expression", name: "joy" }]);
  expect(timeline.due(20_999)).toEqual([]);
  expect(timeline.due(21_000)).toEqual([{ line: "l", kind: "animation", name: "nod" }]);
  expect(timeline.due(25_000)).toEqual([]);
});

test("only the present phrase of a long line is shown", () => {
  const timeline = new Timeline(24);
  const shown = "One two three four five, six seven eight nine ten";
  timeline.started(started({ shown, spoken: shown }));
  const words = [...shown.matchAll(/\w+/g)].map(
    (match, i): Word => [match[0], 1_000 + i * 1_000, 1_900 + i * 1_000, match.index],
  );
  timeline.timings(timings(words));
  const before = timeline.at(1_000);
  const after = timeline.at(10_500);
  expect(before.phrase).toBe(0);
  expect(after.phrase).toBe((after.line?.phrases.length ?? 0) - 1);
});

test("lines do not pile up without bound", () => {
  const timeline = new Timeline();
  for (let i = 0; i < 200; i++) timeline.started(started({ line: `l${i}`, sample: i }));
  expect(timeline.at(100).line).toBeNull();
  expect(timeline.at(199).line?.id).toBe("l199");
});

const translated = (text: string, line = "l"): LineTranslated => ({
  ...base,
  type: "line_translated",
  line,
  language: "es",
  text,
});

test("a translation is shown while its line is, whenever it has come, and never before", () => {
  const timeline = new Timeline();
  timeline.translated(translated("Hola, público querido"));
  expect(timeline.at(1_000).second).toBeNull();
  timeline.started(started());
  timeline.timings(timings(WORDS, MOUTHS));
  timeline.ended(ended(30_000));
  expect(timeline.at(999)).toMatchObject({ line: null, second: null });
  expect(timeline.at(1_000).second).toEqual({ language: "es", text: "Hola, público querido" });
  expect(timeline.at(2_000).second).toBe(timeline.at(29_000).second);
  expect(timeline.at(30_000 + 2 * 48_000).second).toBeNull();
  const late = hello();
  expect(late.at(12_000).second).toBeNull();
  late.translated(translated("Hola"));
  expect(late.at(12_000).second?.text).toBe("Hola");
  late.clear();
  late.started(started());
  expect(late.at(1_000).second).toBeNull();
});

test("the next line does not keep the translation of the one before", () => {
  const timeline = hello();
  timeline.translated(translated("Hola"));
  timeline.started(started({ line: "m", sample: 40_000 }));
  expect(timeline.at(40_000)).toMatchObject({ line: { id: "m" }, second: null });
});

test("a long translation is shown in parts that keep pace with the line", () => {
  const timeline = new Timeline(20);
  timeline.started(started());
  timeline.timings(timings(WORDS, MOUTHS));
  timeline.translated(translated("Hola, queridísimo público de esta noche, y bienvenidos a nuestro pequeño teatro"));
  const parts = [1_000, 12_000, 21_000].map((sample) => timeline.at(sample).second?.text ?? "");
  expect(parts[0]).not.toBe(parts[2]);
  expect(parts.every((part) => part.length <= 28)).toBe(true);
  expect(parts[2]).toContain("teatro");
});

test("only the last translations are kept", () => {
  const timeline = new Timeline();
  for (let n = 0; n < 100; n++) timeline.translated(translated("Hola", `line ${n}`));
  timeline.started(started({ line: "line 0" }));
  expect(timeline.at(1_000).second).toBeNull();
  timeline.started(started({ line: "line 99", sample: 2_000 }));
  expect(timeline.at(2_000).second?.text).toBe("Hola");
});
