// @vitest-environment jsdom
import { act, render, screen } from "@testing-library/react";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { setNames } from "../src/emotes/names";
import type { WheelSpun } from "../src/protocol/events";
import { breadth, fitted, Spins, shortened, stop } from "../src/stage/spins";
import { Wheel } from "../src/stage/Wheel";
import { joined } from "./fakesocket";

const FOOD = ["pizza", "soup", "cake"];

function spun(more: Partial<WheelSpun> = {}): WheelSpun {
  return { type: "wheel_spun", at: 0, floor: "public", items: FOOD, winner: 1, seconds: 6, who: "Ada", ...more };
}

/** How far each element was last asked to turn, and how long that takes. */
let turns: { element: Element; to: string; duration: number }[] = [];
let calm = false;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  turns = [];
  calm = false;
  Element.prototype.animate = function (this: Element, frames: Keyframe[], { duration }: { duration: number }) {
    if (Array.isArray(frames)) turns.push({ element: this, to: String(frames.at(-1)?.transform), duration });
    return {} as Animation;
  } as unknown as Element["animate"];
  globalThis.matchMedia = () => ({ matches: calm }) as MediaQueryList;
});

afterEach(() => {
  act(() => setNames({}));
  vi.useRealTimers();
});

function shown() {
  const { connection, socket } = joined({ window: "stage", token: "", floor: "public" });
  const { container } = render(<Wheel connection={connection} />);
  let seq = 0;
  return {
    container,
    spin: (more: Partial<WheelSpun> = {}) => {
      seq += 1;
      act(() => socket().say({ type: "event", seq, event: spun(more) }));
    },
    pass: (milliseconds: number) => act(() => vi.advanceTimersByTime(milliseconds)),
    wheel: () => container.querySelector<HTMLElement>("[data-wheel]"),
    winner: () => container.querySelector("[data-winner]")?.textContent ?? null,
    disc: () => container.querySelector<HTMLElement>("[data-disc]"),
  };
}

const told = () => screen.getByRole("status").textContent;
/** Which of `count` sectors lies under the pointer, where nine o'clock is, after a turn by `angle`. */
const under = (angle: number, count: number) => Math.floor(((((-angle % 360) + 360) % 360) / 360) * count);

test.each([2, 3, 7, 8, 26, 50])("of %i sectors, the one that is told comes to the pointer", (count) => {
  for (let at = 0; at < count; at++) {
    const angle = stop(at, count, 7_000);
    expect(under(angle, count)).toBe(at);
    expect(angle).toBeGreaterThan(360);
  }
});

test("it turns as long as the program says, stops at what it says, names that and leaves", () => {
  const stage = shown();
  expect(stage.wheel()).toBeNull();
  expect(told()).toBe("");
  stage.spin();
  expect(told()).toBe("Ada turns the wheel…");
  expect(stage.winner()).toBeNull();
  const turn = turns.find(({ element }) => element === stage.disc());
  expect(turn?.duration).toBe(6_000);
  expect(stage.disc()?.style.transform).toBe(turn?.to);
  expect(under(Number.parseFloat(turn?.to.slice("rotate(".length) ?? ""), 3)).toBe(1);
  stage.pass(5_999);
  expect(stage.winner()).toBeNull();
  stage.pass(1);
  expect(stage.winner()).toBe("soup");
  expect(told()).toBe("The wheel stops at soup.");
  stage.pass(6_500);
  expect(stage.wheel()).toBeNull();
  expect(told()).toBe("");
});

test("who wants less motion sees it stand, and the result when the others do", () => {
  calm = true;
  const stage = shown();
  stage.spin({ winner: 2 });
  expect(stage.disc()?.style.transform).toBe("rotate(0deg)");
  expect(stage.winner()).toBeNull();
  stage.pass(6_000);
  expect(stage.winner()).toBe("cake");
  expect(under(Number.parseFloat(stage.disc()?.style.transform.slice("rotate(".length) ?? ""), 3)).toBe(2);
  expect(turns).toEqual([]);
});

test("spins wait for each other, a few of them, and catch up", () => {
  const spins = new Spins();
  const seen: string[] = [];
  spins.subscribe(() => spins.shown?.phase === "stands" && seen.push(spins.shown.spin.winner));
  for (const item of ["a", "b", "c", "d", "e", "f"]) spins.take(spun({ items: [item, "x"], winner: 0 }));
  vi.advanceTimersByTime(6_000);
  expect(seen).toEqual(["a"]);
  vi.advanceTimersByTime(2_500);
  expect(spins.shown).toMatchObject({ phase: "turns", turning: 2_000, spin: { winner: "d" } });
  vi.advanceTimersByTime(60_000);
  expect(seen).toEqual(["a", "d", "e", "f"]);
  expect(spins.shown).toBeNull();
});

test("who leaves in the middle leaves nothing behind", () => {
  const spins = new Spins();
  spins.take(spun());
  spins.take(spun());
  spins.close();
  expect(spins.shown).toBeNull();
  vi.advanceTimersByTime(60_000);
  expect(spins.shown).toBeNull();
});

test.each([
  { items: ["alone"], winner: 0 },
  { items: [], winner: 0 },
  { items: FOOD, winner: 3 },
  { items: FOOD, winner: -1 },
  { items: Array.from({ length: 51 }, String), winner: 0 },
])("what is no wheel is not drawn: $items, $winner", (odd) => {
  const stage = shown();
  stage.spin(odd);
  expect(stage.wheel()).toBeNull();
});

test("hostile words are only words", () => {
  const evil = '<img src=x onerror="alert(1)">';
  const stage = shown();
  stage.spin({ items: [evil, "</text><script>x</script>", "a\u202eb\u0000\nc"], winner: 2, who: evil });
  expect(stage.container.querySelectorAll("img, script")).toHaveLength(0);
  expect(stage.container.querySelector("[data-sector='2'] text")?.textContent).toBe("a b c");
  stage.pass(6_000);
  expect(stage.winner()).toBe("a b c");
});

test("a winner that is an emote is drawn as one", () => {
  act(() => setNames({ Kappa: "/emotes/0123456789abcdef" }));
  const stage = shown();
  stage.spin({ items: ["Kappa", "soup"], winner: 0 });
  stage.pass(6_000);
  expect(stage.container.querySelector("[data-winner] img")?.getAttribute("alt")).toBe("Kappa");
  expect(told()).toBe("The wheel stops at Kappa.");
});

test.each([2, 3, 6, 11, 16, 50])("no two neighbours of %i are of one colour", (count) => {
  const stage = shown();
  stage.spin({ items: Array.from({ length: count }, String), winner: 0 });
  const fills = [...stage.container.querySelectorAll("[data-sector] path")].map((path) => path.getAttribute("fill"));
  expect(fills).toHaveLength(count);
  for (const [index, fill] of fills.entries()) expect(fill).not.toBe(fills[(index + 1) % count]);
});

test.each([
  ["short", 12, "short"],
  ["a very long thing", 8, "a very…"],
  ["こんばんは", 7, "こんば…"],
  ["👩‍👩‍👧👩‍👩‍👧", 9, "👩‍👩‍👧…"],
  ["WWWWWWWW", 9, "WWWWW…"],
])("%s is cut to %i columns between letters", (text, widest, expected) => {
  expect(shortened(text, widest)).toBe(expected);
  expect(breadth(shortened(text, widest))).toBeLessThanOrEqual(widest);
});

test("words become smaller, then two rows, before they are cut, and never larger than their sector", () => {
  expect(fitted("soup", 4)).toEqual({ rows: ["soup"], size: 14 });
  expect(fitted("tomato soup", 8).rows).toEqual(["tomato", "soup"]);
  expect(fitted("a riddle", 8).rows).toEqual(["a riddle"]);
  const sushi = fitted("Chirashizushi", 4);
  expect(sushi.rows).toEqual(["Chirashizushi"]);
  expect(sushi.size).toBeLessThan(14);
  const dish = fitted("a dish with a very, very long name", 8);
  expect(dish.rows).toEqual(["a dish with a very,", "very long name"]);
  expect(fitted("n".repeat(40), 4)).toEqual({ rows: [`${"n".repeat(19)}…`], size: 5.5 });
  expect(fitted("tomato soup", 50).rows).toEqual(["tomato soup"]);
  expect(fitted("soup", 50).size).toBeLessThan(5.1);
});
