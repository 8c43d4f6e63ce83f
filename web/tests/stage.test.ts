import { expect, test, vi } from "vitest";
import { stageOptions } from "../src/windows/stage/options";

const options = (query: string) => stageOptions(new URLSearchParams(query));

test("a bare address shows everything, with nothing behind it", () => {
  expect(options("")).toEqual({
    floor: "public",
    background: "transparent",
    captured: false,
    subtitles: true,
    second: null,
    character: true,
    wheel: true,
    sound: true,
    size: 1,
  });
});

test("the address chooses", () => {
  expect(options("floor=talk-1&background=house&subtitles=off&character=off&wheel=off&sound=off&size=0.5")).toEqual({
    floor: "talk-1",
    background: "house",
    captured: false,
    subtitles: false,
    second: "",
    character: false,
    wheel: false,
    sound: false,
    size: 0.5,
  });
});

test("a size out of bounds is brought within them", () => {
  expect([options("size=9"), options("size=0.01"), options("size=big")].map((each) => each.size)).toEqual([1, 0.3, 1]);
});

test("a second language is a tag, none where one will do, and the show's where it is nothing", () => {
  const wishes = ["es", "zh-Hant", "pt-BR", "one", "on", "Spanish", "es; be rude", ""];
  expect(wishes.map((wish) => options(`subtitles=${wish}`).second)).toEqual([
    "es",
    "zh-Hant",
    "pt-BR",
    "",
    null,
    null,
    null,
    null,
  ]);
  expect(options("subtitles=es").subtitles).toBe(true);
});

test("a capture is known by its address, and OBS by what it brings along", () => {
  expect(options("background=transparent").captured).toBe(true);
  expect(options("background=house").captured).toBe(false);
  vi.stubGlobal("obsstudio", {});
  expect(options("").captured).toBe(true);
  vi.unstubAllGlobals();
});
