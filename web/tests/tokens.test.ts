import { expect, test } from "vitest";
import { columns, phrases, pieces } from "../src/stage/tokens";

const texts = (all: { text: string }[]) => all.map((piece) => piece.text);

test("marks and spaces cling to the word they belong to", () => {
  const text = 'Well, "hello" there – ¿qué tal?';
  expect(texts(pieces(text, "en"))).toEqual(["Well, ", '"hello" ', "there – ", "¿qué ", "tal?"]);
});

test.each([
  ["今日は「鈴」が鳴る、いい日です。", "ja"],
  ["你知道吗，小丑的头叫“marotte”。", "zh"],
  ["Ça va ? J’étais là !", "fr"],
  ["…", "en"],
  ["", "en"],
])("nothing of %s is lost, and each piece knows its place", (text, language) => {
  const all = pieces(text, language);
  expect(texts(all).join("")).toBe(text);
  for (const piece of all) expect(text.slice(piece.offset, piece.offset + piece.text.length)).toBe(piece.text);
});

test("a Japanese bracket opens the word after it", () => {
  expect(texts(pieces("今日は「鈴」が鳴る", "ja")).find((piece) => piece.includes("鈴"))).toMatch(/^「鈴」/);
});

test("a language that no browser knows is cut like English", () => {
  expect(texts(pieces("one two", "no-such-language-tag"))).toEqual(["one ", "two"]);
});

test("a Chinese character takes two columns", () => {
  expect(columns("ab鈴！")).toBe(6);
});

test("a short line is one phrase, a long one several of about the same length, none too wide", () => {
  expect(phrases(pieces("Hello there.", "en"))).toHaveLength(1);
  expect(phrases([])).toEqual([]);
  const text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen";
  const groups = phrases(pieces(text, "en"), 40).map((group) => texts(group).join(""));
  expect(groups.join("")).toBe(text);
  expect(groups.length).toBe(3);
  for (const group of groups) expect(columns(group)).toBeLessThanOrEqual(41);
  for (const group of groups) expect(columns(group)).toBeGreaterThan(20);
});

test("a phrase ends at a comma where one is near its middle", () => {
  const text = "Did you know that a marotte is a head on a stick, and that the crowd talks to the head instead?";
  const [first] = phrases(pieces(text, "en"), 68).map((group) => texts(group).join(""));
  expect(first).toBe("Did you know that a marotte is a head on a stick, ");
});

test("a Japanese phrase does not begin with an ending", () => {
  const text = "道化師の杖の先についている頭のことをマロットと呼ぶのを知っていましたかと聞かれた";
  const groups = phrases(pieces(text, "ja"), 50).map((group) => texts(group).join(""));
  expect(groups.join("")).toBe(text);
  for (const group of groups.slice(1)) expect(group).toMatch(/^[^ぁ-ん]/);
});

test.each([
  [
    "I would get up, but you know how it is with my back: it belongs to the man who holds the stick, and he sits.",
    "en",
    "I would get up, but you know how it is with my back: ",
  ],
  [
    "我很想站起来，可是你知道我的背是什么样的情况，它其实属于那个拿着木棍的人，而他现在正坐着休息呢",
    "zh",
    "我很想站起来，可是你知道我的背是什么样的情况，",
  ],
])("a phrase ends at the mark in its last half rather than in the middle of a clause", (text, language, first) => {
  const groups = phrases(pieces(text, language)).map((group) => texts(group).join(""));
  expect(groups[0]).toBe(first);
  expect(groups.join("")).toBe(text);
  for (const group of groups) expect(columns(group.trimEnd())).toBeLessThanOrEqual(68);
});
