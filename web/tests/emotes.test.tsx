// @vitest-environment jsdom
import { act, render, screen } from "@testing-library/react";
import "./dom";
import { afterEach, expect, test } from "vitest";
import { cut, namesOf } from "../src/emotes/cut";
import { Emoted } from "../src/emotes/Emoted";
import { setNames } from "../src/emotes/names";
import { Connection } from "../src/protocol/client";
import { Puppeteer } from "../src/stage/puppeteer";
import { Subtitles } from "../src/stage/Subtitles";
import { pieces } from "../src/stage/tokens";
import { Events } from "../src/windows/control/log/Events";
import { sit } from "./desk";

const PICTURE = "/emotes/0123456789abcdef";
const NAMES = { Kappa: PICTURE, Clap: PICTURE, catJAM: PICTURE, ":tf:": PICTURE, "D:": PICTURE };
const names = namesOf(NAMES);
const told = (text: string, said = false) =>
  cut(text, names, said).map((part) => (typeof part === "string" ? part : `<${part.name}>`));

afterEach(() => act(() => setNames({})));

test.each([
  ["hi Kappa!", ["hi ", "<Kappa>", "!"]],
  ["(catJAM) Kappas xKappa", ["(", "<catJAM>", ") Kappas xKappa"]],
  [":Kappa: :tf: D: x", ["<Kappa>", " ", "<:tf:>", " ", "<D:>", " x"]],
  ["“Clap your hands”", ["“", "<Clap>", " your hands”"]],
  ["nothing  here", ["nothing  here"]],
  ["", []],
])("in a chat, exact words of %s are pictures", (text, expected) => expect(told(text)).toEqual(expected));

test("what the character says is a picture only where it is meant as one", () => {
  expect(told("Clap your hands, Kappa. :Clap: catJAM!", true)).toEqual([
    "Clap your hands, Kappa. ",
    "<Clap>",
    " ",
    "<catJAM>",
    "!",
  ]);
});

test("pictures come from our own address alone", () => {
  const evil = {
    a: "https://evil.test/x.png",
    b: "//evil.test/x",
    c: "/emotes/../api",
    d: "javascript:alert(1)",
    e: 3,
  };
  expect([...namesOf(evil)]).toEqual([]);
  expect([...namesOf(null)]).toEqual([]);
});

test("a flood of emotes is not drawn whole", () => {
  expect(told("Kappa ".repeat(500)).filter((part) => part === "<Kappa>")).toHaveLength(50);
});

test("markup in a message stays text", () => {
  act(() => setNames(NAMES));
  const { container } = render(<Emoted text={'<img src=x onerror="alert(1)"> Kappa'} />);
  expect(container.querySelectorAll("img")).toHaveLength(1);
  expect(container.textContent).toBe('<img src=x onerror="alert(1)"> ');
});

test("an emote is one piece of a subtitle, and nothing is lost", () => {
  const text = "Oh :catJAM: that, and :Kappa:!";
  const all = pieces(text, "en");
  expect(all.map((piece) => piece.text)).toEqual(["Oh ", ":catJAM: ", "that, ", "and ", ":Kappa:!"]);
  for (const piece of all) expect(text.slice(piece.offset, piece.offset + piece.text.length)).toBe(piece.text);
});

test("subtitles draw emotes with their names as alternative text", () => {
  const puppeteer = new Puppeteer(new Connection("ws://x/ws", { window: "stage", token: "", floor: "public" }), null);
  const on = { at: 0, floor: "public", turn: "t", line: "l" };
  const { container } = render(<Subtitles puppeteer={puppeteer} lit="" unlit="" />);
  act(() => {
    setNames(NAMES);
    puppeteer.take({
      ...on,
      type: "line_started",
      sample: 1_000,
      shown: "Nice :Kappa: one",
      spoken: "Nice one",
      language: "en",
      feeling: "",
      cues: [],
    });
    puppeteer.look(1_000);
  });
  expect(screen.getByRole("img", { name: "Kappa" }).getAttribute("src")).toBe(PICTURE);
  expect(container.textContent).toBe("Nice  one");
});

test("the log draws what a chat writes", () => {
  act(() => setNames(NAMES));
  const event = { type: "chat_message", at: 0, floor: "public", id: "1", text: "Clap now" } as never;
  sit(<Events events={[{ seq: 1, event }]} />);
  expect(screen.getByRole("img", { name: "Clap" }).getAttribute("src")).toBe(PICTURE);
});
