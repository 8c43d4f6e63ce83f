// @vitest-environment jsdom
import { act, fireEvent, render, renderHook, screen } from "@testing-library/react";
import "./dom";
import { expect, test, vi } from "vitest";
import { TooltipProvider } from "../src/design/Tooltip";
import { setNames } from "../src/emotes/names";
import { Connection, type Status, waits } from "../src/protocol/client";
import { Puppeteer } from "../src/stage/puppeteer";
import { ConnectionBadge } from "../src/windows/ConnectionBadge";
import { DOOR, doorFor } from "../src/windows/door";
import { Refused } from "../src/windows/Refused";
import { Announcer } from "../src/windows/talk/Announcer";
import { Composer } from "../src/windows/talk/Composer";
import { ConversationList } from "../src/windows/talk/ConversationList";
import { START } from "../src/windows/talk/conversation";
import { NameField } from "../src/windows/talk/Header";
import { PushToTalk } from "../src/windows/talk/PushToTalk";
import { momentsOf, Times } from "../src/windows/talk/Times";
import { LANGUAGES, TEXTS, TextContext, textFor } from "../src/windows/talk/text";
import { useMuted } from "../src/windows/talk/useTalk";
import { Waiting } from "../src/windows/talk/Waiting";

const en = textFor("en");

const speech = () => ({ press: vi.fn(async () => {}), release: vi.fn(), level: () => () => {} });

test("the button is held by pointer, by the space bar and by its own keys", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  Element.prototype.setPointerCapture = () => {};
  const talking = speech();
  render(<PushToTalk speech={talking} held={false} disabled={false} />);
  const button = screen.getByRole("button", { name: en.hold });
  fireEvent.pointerDown(button, { button: 0 });
  expect(talking.press).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(500);
  fireEvent.pointerUp(button);
  expect(talking.release).toHaveBeenCalledTimes(1);
  fireEvent.keyDown(document.body, { code: "Space" });
  fireEvent.keyDown(document.body, { code: "Space", repeat: true });
  fireEvent.keyUp(document.body, { code: "Space" });
  expect(talking.press).toHaveBeenCalledTimes(2);
  expect(talking.release).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

test("a tap keeps it down until the next tap", () => {
  Element.prototype.setPointerCapture = () => {};
  const talking = speech();
  render(<PushToTalk speech={talking} held disabled={false} />);
  const button = screen.getByRole("button");
  fireEvent.keyDown(button, { key: "Enter" });
  fireEvent.keyUp(button, { key: "Enter" });
  expect(screen.getByText(en.tapToEnd)).toBeDefined();
  expect(talking.press).toHaveBeenCalledTimes(1);
  expect(talking.release).not.toHaveBeenCalled();
  fireEvent.keyDown(button, { key: "Enter" });
  fireEvent.keyUp(button, { key: "Enter" });
  expect(talking.press).toHaveBeenCalledTimes(1);
  expect(talking.release).toHaveBeenCalledTimes(1);
});

test("a key that comes up elsewhere lets the button go, and a tap stays down", () => {
  const talking = speech();
  const { rerender } = render(<PushToTalk speech={talking} held={false} disabled={false} />);
  const button = screen.getByRole("button");
  fireEvent.keyDown(button, { key: " " });
  rerender(<PushToTalk speech={talking} held disabled={false} />);
  fireEvent.blur(button);
  expect(talking.release).toHaveBeenCalledTimes(1);
  rerender(<PushToTalk speech={talking} held={false} disabled={false} />);
  fireEvent.keyDown(button, { key: "Enter" });
  rerender(<PushToTalk speech={talking} held disabled={false} />);
  fireEvent.keyUp(button, { key: "Enter" });
  fireEvent.blur(button);
  expect(talking.release).toHaveBeenCalledTimes(1);
});

test("a tap on a microphone that is not to be had leaves the button as it was", () => {
  Element.prototype.setPointerCapture = () => {};
  const talking = speech();
  render(<PushToTalk speech={talking} held={false} disabled={false} />);
  const button = screen.getByRole("button", { name: en.hold });
  fireEvent.pointerDown(button, { button: 0 });
  fireEvent.pointerUp(button);
  fireEvent.pointerDown(button, { button: 0 });
  expect(talking.press, "the next touch begins anew").toHaveBeenCalledTimes(2);
});

test("a click without a pointer, as by voice or a switch, is a tap", () => {
  const talking = speech();
  const { rerender } = render(<PushToTalk speech={talking} held={false} disabled={false} />);
  fireEvent.click(screen.getByRole("button", { name: en.hold }), { detail: 0 });
  expect(talking.press).toHaveBeenCalledTimes(1);
  rerender(<PushToTalk speech={talking} held disabled={false} />);
  fireEvent.click(screen.getByRole("button", { name: en.tapToEnd }), { detail: 0 });
  expect(talking.release).toHaveBeenCalledTimes(1);
  fireEvent.click(screen.getByRole("button"), { detail: 1 });
  expect(talking.press, "a pointer's own click comes after its press").toHaveBeenCalledTimes(1);
});

test("a name that is given in one field stands in the other, which does not undo it", () => {
  const setName = vi.fn();
  const field = (name: string) => (
    <TooltipProvider>
      <NameField talk={{ name, setName }} />
    </TooltipProvider>
  );
  const { rerender } = render(field("Ada"));
  rerender(field("Bob"));
  const input = screen.getByRole<HTMLInputElement>("textbox");
  expect(input.value).toBe("Bob");
  fireEvent.focus(input);
  fireEvent.blur(input);
  expect(setName).not.toHaveBeenCalled();
  fireEvent.change(input, { target: { value: " Eve " } });
  fireEvent.blur(input);
  expect(setName.mock.calls).toEqual([["Eve"]]);
});

test("the key that ends a composition sends nothing, in Safari neither", () => {
  const send = vi.fn(() => true);
  render(
    <TooltipProvider>
      <Composer disabled={false} open send={send} />
    </TooltipProvider>,
  );
  const field = screen.getByRole<HTMLInputElement>("textbox");
  fireEvent.change(field, { target: { value: "にほん" } });
  const enter = (more: object) => fireEvent.keyDown(field, { key: "Enter", ...more });
  expect(enter({ isComposing: true }), "the form is not sent").toBe(false);
  expect(enter({ keyCode: 229 }), "which Safari says is over by then").toBe(false);
  expect(enter({ keyCode: 13 })).toBe(true);
});

test("who has switched the sound off hears none on the next connection either", () => {
  const playbacks = [{ volume: vi.fn() }, { volume: vi.fn() }];
  const { result, rerender } = renderHook(({ playback }) => useMuted(playback), {
    initialProps: { playback: playbacks[0] as { volume: (level: number) => void } },
  });
  act(() => result.current.setMuted(true));
  expect(playbacks[0]?.volume).toHaveBeenLastCalledWith(0);
  rerender({ playback: playbacks[1] as { volume: (level: number) => void } });
  expect(playbacks[1]?.volume).toHaveBeenLastCalledWith(0);
  act(() => result.current.setMuted(false));
  expect(playbacks[1]?.volume).toHaveBeenLastCalledWith(1);
});

test("the space bar types a space in a field and talks nowhere else when disabled", () => {
  const talking = speech();
  render(
    <TextContext value={textFor("ja")}>
      <TooltipProvider>
        <PushToTalk speech={talking} held={false} disabled />
        <Composer disabled={false} open send={() => true} />
      </TooltipProvider>
    </TextContext>,
  );
  fireEvent.keyDown(screen.getByRole("textbox"), { code: "Space" });
  fireEvent.keyDown(document.body, { code: "Space" });
  expect(talking.press).not.toHaveBeenCalled();
  expect(screen.getByText("押しながら話す")).toBeDefined();
});

test("what could not be sent stays in the field", () => {
  const send = vi.fn().mockReturnValueOnce(false).mockReturnValueOnce(true);
  render(
    <TooltipProvider>
      <Composer disabled={false} open send={send} />
    </TooltipProvider>,
  );
  const field = screen.getByRole<HTMLInputElement>("textbox");
  fireEvent.change(field, { target: { value: " hello " } });
  fireEvent.click(screen.getByRole("button", { name: en.send }));
  expect(field.value).toBe(" hello ");
  fireEvent.click(screen.getByRole("button", { name: en.send }));
  expect(send).toHaveBeenLastCalledWith("hello");
  expect(field.value).toBe("");
});

test("the conversation shows the cut and the doubt, and says what to do while it is empty", () => {
  const connection = new Connection("ws://x/ws", { window: "talk", token: "", floor: "private" });
  const puppeteer = new Puppeteer(connection, null);
  Element.prototype.scrollIntoView = () => {};
  const reply = { who: "it" as const, key: "t", unasked: false, lines: [], reason: "", timings: null };
  const { rerender } = render(
    <TooltipProvider>
      <ConversationList conversation={START} puppeteer={puppeteer} character="Pip" />
    </TooltipProvider>,
  );
  expect(screen.getByText(en.emptyHelp)).toBeDefined();
  rerender(
    <TooltipProvider>
      <ConversationList
        conversation={{
          partial: { text: "and then", uncertain: false },
          entries: [
            {
              who: "you",
              key: "p",
              text: "what of Mondays",
              language: "en",
              uncertain: true,
              sending: false,
              from: "",
            },
            { ...reply, state: "interrupted", heard: "Mondays are", cut: true },
          ],
        }}
        puppeteer={puppeteer}
        character="Pip"
      />
    </TooltipProvider>,
  );
  expect(screen.getByText("Mondays are")).toBeDefined();
  expect(screen.getByText(en.cut)).toBeDefined();
  expect(screen.getByText(en.uncertain)).toBeDefined();
  expect(screen.getByText("and then")).toBeDefined();
});

const YOURS = { who: "you" as const, language: "en", uncertain: false, sending: false, from: "" };
const STATUS: Status = { state: "open", welcome: null, refusal: null, retryAt: null, place: null };

test("a lost connection tells when it is tried again", () => {
  render(<ConnectionBadge status={{ ...STATUS, state: "waiting", retryAt: Date.now() + 4_500 }} />);
  expect(screen.getByText(/trying again · [45] s/)).toBeDefined();
});

test("a door without a key asks for it, keeps it and tries again", () => {
  const retry = vi.fn();
  const refusal = { type: "error" as const, code: "token", message: "the token is missing" };
  render(<Refused status={{ ...STATUS, state: "refused", refusal }} retry={retry} />);
  expect(screen.getByText("the token is missing")).toBeDefined();
  fireEvent.change(screen.getByLabelText("Token"), { target: { value: " abc " } });
  fireEvent.click(screen.getByRole("button", { name: "Come in" }));
  expect(retry).toHaveBeenCalledOnce();
  expect(sessionStorage.getItem("marotte.token")).toBe("abc");
});

test("a door speaks the language of who stands before it, and what the program says there is English", () => {
  const refusal = { type: "error" as const, code: "token", message: "token: is wrong" };
  render(<Refused status={{ ...STATUS, state: "refused", refusal }} retry={() => {}} language="ja" />);
  expect(screen.getByRole("heading", { name: "この扉には鍵が必要です" })).toBeDefined();
  expect(screen.getByRole("main").lang).toBe("ja");
  expect(screen.getByRole("alert").lang).toBe("en");
});

test("the words of one language are there in all, and are no one else's", () => {
  const words = (of: object, path = ""): [string, string][] =>
    Object.entries(of).flatMap(([key, value]) => {
      if (typeof value === "object") return words(value, `${path}${key}.`);
      return [[path + key, typeof value === "function" ? value(7) : value] as [string, string]];
    });
  // What a word is called in two languages by chance.
  const same = new Set(["token", "conversation"]);
  const spoken = Object.keys(TEXTS);
  expect(Object.keys(LANGUAGES)).toEqual(spoken);
  expect(Object.keys(DOOR)).toEqual(spoken);
  for (const language of spoken.filter((each) => each !== "en")) {
    for (const [theirs, english] of [
      [doorFor(language), doorFor("en")],
      [textFor(language), en],
    ] as const) {
      const known = new Map(words(english));
      expect(words(theirs).map(([key]) => key)).toEqual([...known.keys()]);
      for (const [key, text] of words(theirs)) {
        if (!same.has(key)) expect(text, `${language}: ${key}`).not.toBe(known.get(key));
      }
    }
  }
  expect(doorFor("de")).toBe(doorFor("en"));
  expect(textFor("de")).toBe(en);
});

test("who waits reads the place and the time, in their language, and that the place is kept", () => {
  const place = { place: 2, dueAt: Date.now() + 140_000 };
  const { rerender } = render(<Waiting status={{ ...STATUS, state: "queued", place }} language="en" />);
  expect(screen.getByText("You are number 2 in line")).toBeDefined();
  expect(screen.getByText("About 2 min to go")).toBeDefined();
  rerender(<Waiting status={{ ...STATUS, state: "waiting", place: { place: 1, dueAt: null } }} language="fr" />);
  expect(screen.getByText("C’est bientôt votre tour")).toBeDefined();
  expect(screen.getByText(/ne sait pas encore/)).toBeDefined();
  expect(screen.getByText("nouvel essai")).toBeDefined();
  const full = { type: "error" as const, code: "full", message: "all are taken" };
  rerender(<Waiting status={{ ...STATUS, state: "waiting", refusal: full }} language="en" />);
  expect(screen.getByText(en.waiting.full)).toBeDefined();
  expect(waits({ ...STATUS, state: "waiting", refusal: full })).toBe(true);
  expect(waits(STATUS)).toBe(false);
});

test("the times of an answer count from the end of the words; what never came has none", () => {
  const timings = {
    recognised: 0.4,
    waited: 0.1,
    prompted: 0.1,
    first_token: 0.2,
    first_line: 0.3,
    first_sound: 0.4,
    first_sample: 0.45,
    last_sample: 3,
  };
  render(<Times timings={timings} heard={1.2} />);
  for (const [name, at] of [
    [en.times.understood, "400 ms"],
    [en.times.word, "700 ms"],
    [en.times.sound, "950 ms"],
    [en.times.heard, "1.20 s"],
  ] as const) {
    expect(screen.getByText(name).parentElement?.textContent).toBe(`${name}${at}`);
  }
  expect(momentsOf({ ...timings, recognised: -1, first_token: -1 })).toEqual({
    understood: null,
    word: null,
    sound: 0.1 + 0.45,
  });
});

test("emotes are drawn in the conversation, with their names, and markup stays text", () => {
  const connection = new Connection("ws://x/ws", { window: "talk", token: "", floor: "private" });
  Element.prototype.scrollIntoView = () => {};
  act(() => setNames({ Kappa: "/emotes/0123456789abcdef", Clap: "/emotes/00000000000000aa" }));
  const evil = "<img src=x> Clap";
  const reply = { who: "it" as const, key: "t", unasked: false, reason: "", timings: null, cut: false };
  const conversation = {
    partial: null,
    entries: [
      { ...YOURS, key: "typed-1", text: evil },
      { ...YOURS, key: "said-1", text: "Clap your hands" },
      { ...reply, state: "live" as const, heard: "", lines: [] },
      { ...reply, key: "u", state: "done" as const, heard: "Clap, I say :Kappa: to that", lines: [] },
    ],
  };
  render(
    <TooltipProvider>
      <ConversationList conversation={conversation} puppeteer={new Puppeteer(connection, null)} character="Pip" />
    </TooltipProvider>,
  );
  const drawn = screen.getAllByRole("img").map((each) => each.getAttribute("alt"));
  expect(drawn, "what was said aloud is words").toEqual(["Clap", "Kappa"]);
  const rows = screen.getAllByRole("listitem").map((row) => row.textContent);
  expect(rows[0]).toBe("You: <img src=x> ");
  expect(rows[1]).toBe("You: Clap your hands");
  expect(rows[3]).toBe("Pip: Clap, I say  to that");
  act(() => setNames({}));
});

test("a screen reader is told whole lines, and not what its user has typed", () => {
  const conversation = {
    partial: { text: "and th", uncertain: false },
    entries: [
      { ...YOURS, key: "typed-1", text: "hello" },
      { ...YOURS, key: "said-1", text: "sing" },
      {
        who: "it" as const,
        key: "t",
        unasked: false,
        state: "live" as const,
        heard: "",
        cut: false,
        reason: "",
        timings: null,
        lines: [
          { id: "a", shown: "La la.", language: "en", heard: "La la." },
          { id: "b", shown: "And so on.", language: "en", heard: null },
        ],
      },
    ],
  };
  render(<Announcer conversation={conversation} character="Pip" />);
  expect(screen.getByRole("log").textContent).toBe("You: singPip: La la.");
});
