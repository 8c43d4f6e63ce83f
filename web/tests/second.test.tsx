// @vitest-environment jsdom
import { act, fireEvent, render, screen } from "@testing-library/react";
import "./dom";
import { expect, test, vi } from "vitest";
import { Connection, type Status } from "../src/protocol/client";
import type { AnyEvent } from "../src/protocol/events";
import { Puppeteer } from "../src/stage/puppeteer";
import { SecondSubtitles } from "../src/stage/SecondSubtitles";
import { SecondLanguage } from "../src/windows/talk/SecondLanguage";
import { textFor } from "../src/windows/talk/text";

const TEXT = textFor("en");

const on = { at: 0, floor: "public", turn: "t", line: "l" };
const STARTED: AnyEvent = {
  ...on,
  type: "line_started",
  sample: 1_000,
  shown: "Hello you",
  spoken: "Hello you",
  language: "en",
  feeling: "",
  cues: [],
};
const TRANSLATED: AnyEvent = { ...on, type: "line_translated", language: "ja", text: "こんにちは" };

test("the translation comes and goes with its line, in its own language", () => {
  const puppeteer = new Puppeteer(new Connection("ws://x/ws", { window: "stage", token: "", floor: "public" }), null);
  const { container } = render(<SecondSubtitles puppeteer={puppeteer} />);
  const shown = () => container.querySelector("[data-second-subtitles]");
  act(() => {
    puppeteer.take(TRANSLATED);
    puppeteer.look(900);
  });
  expect(shown()?.textContent).toBe("");
  act(() => {
    puppeteer.take(STARTED);
    puppeteer.look(1_000);
  });
  expect(shown()?.textContent).toBe("こんにちは");
  expect(shown()?.getAttribute("lang")).toBe("ja");
  act(() => puppeteer.look(1_000 + 10 * 48_000));
  expect(shown()?.textContent).toBe("");
});

function settings(second: string | null, translates = true) {
  const setSecond = vi.fn();
  const status = { welcome: { translates } } as unknown as Status;
  render(<SecondLanguage talk={{ status, second, setSecond }} />);
  return setSecond;
}

test("a choice among languages, none, and the show's", () => {
  Element.prototype.scrollIntoView = () => {};
  Element.prototype.hasPointerCapture = () => false;
  const setSecond = settings(null);
  const box = screen.getByRole("combobox", { name: TEXT.second });
  expect(box.textContent).toContain(TEXT.secondAsShow);
  for (const [name, value] of [
    ["Deutsch", "de"],
    [TEXT.secondNone, ""],
  ]) {
    fireEvent.keyDown(box, { key: "Enter" });
    fireEvent.click(screen.getByRole("option", { name }));
    expect(setSecond).toHaveBeenLastCalledWith(value);
  }
  expect(screen.getByText(TEXT.secondHelp)).toBeDefined();
});

test("what the address asked for can be seen, and that nobody can translate is said", () => {
  settings("pt-BR", false);
  expect(screen.getByRole("combobox").textContent).toContain("pt-BR");
  expect(screen.getByText(TEXT.secondAbsent)).toBeDefined();
});
