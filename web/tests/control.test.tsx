// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AnyEvent } from "../src/protocol/events";
import { CopyStage } from "../src/windows/control/Header";
import { PageBar, PageList } from "../src/windows/control/Navigation";
import { NotYours } from "../src/windows/control/NoPage";
import { Dropped } from "../src/windows/control/now/Dropped";
import { Floors } from "../src/windows/control/now/Floors";
import { LastTurns } from "../src/windows/control/now/LastTurns";
import { Mutes } from "../src/windows/control/now/Mutes";
import { left } from "../src/windows/control/now/muting";
import { Now } from "../src/windows/control/now/Now";
import { NowPage } from "../src/windows/control/now/NowPage";
import { Ask } from "../src/windows/control/now/Orders";
import { Queue } from "../src/windows/control/now/Queue";
import { Stopped } from "../src/windows/control/now/Stopped";
import { TEXT } from "../src/windows/control/now/text";
import { addressOf, PAGES, pageAt, pagesFor } from "../src/windows/control/pages";
import { TEXT as FRAME } from "../src/windows/control/text";
import { followTurns } from "../src/windows/control/useControl";
import { type Answers, type Call, fetching, sit } from "./desk";

let answers: Answers;
let calls: Call[];

beforeEach(() => {
  answers = {};
  calls = [];
  vi.stubGlobal("fetch", fetching(answers, calls));
});
afterEach(() => vi.unstubAllGlobals());

const now = () => Date.now() / 1000;
const WAITING = {
  percept: "p/1",
  floor: "public",
  lane: "chat",
  kind: "chat_message",
  who: "Mireille",
  text: "500 bits",
  at: now() - 100,
  priority: 40,
  merged: 0,
  viewer: "",
  pinned: false,
  why: "is next",
};
const SHOW = {
  name: "The jester",
  version: "1",
  character: { name: "Pip", context: "" },
  started_at: 0,
  lanes: [{ name: "chat", priority: 40, capacity: 60, percepts: ["chat_message"] }],
};

test.each([
  ["/queue", <Queue key="q" />, TEXT.queueEmptyHelp],
  ["/dropped", <Dropped key="d" />, TEXT.droppedEmptyHelp],
  ["/stopped", <Stopped key="s" />, TEXT.stoppedEmptyHelp],
  ["/mutes", <Mutes key="m" />, TEXT.mutesEmptyHelp],
  ["/floors", <Floors key="o" />, TEXT.floorsEmptyHelp],
  ["/turns", <LastTurns key="t" />, TEXT.turnsEmptyHelp],
])("%s: where nothing is, it says what to do next; where it fails, what the program says", async (path, part, help) => {
  answers[`GET ${path}`] = { body: [] };
  sit(part);
  expect(await screen.findByText(help)).toBeDefined();
  answers[`GET ${path}`] = { status: 500, body: { detail: `trouble with ${path}` } };
  sit(part);
  expect(await screen.findByText(`trouble with ${path}`)).toBeDefined();
  expect(screen.getByRole("button", { name: FRAME.again })).toBeDefined();
});

test("the floors tell how many wait for one, and for how long", async () => {
  answers["GET /floors"] = { body: [] };
  answers["GET /waiting"] = { body: { waiting: 2, seconds: 130 } };
  const { unmount } = sit(<Floors />);
  expect(await screen.findByText("2 wait for a private floor, the next for about 3 min")).toBeDefined();
  unmount();
  answers["GET /waiting"] = { body: { waiting: 1, seconds: null } };
  sit(<Floors />);
  expect(await screen.findByText("1 waits for a private floor")).toBeDefined();
});

test("the queue tells who waits and why, and skips", async () => {
  const row = {
    percept: "p/1",
    floor: "public",
    lane: "gifts",
    kind: "gift",
    who: "Mireille",
    text: "500 bits",
    at: now() - 100,
  };
  answers["GET /queue"] = { body: [{ ...row, priority: 1, merged: 2, why: "waits for the turn that speaks" }] };
  answers["DELETE /queue/p%2F1"] = { status: 204 };
  sit(<Queue />);
  expect(await screen.findByText(/waits for the turn that speaks/)).toBeDefined();
  expect(screen.getByText("500 bits")).toBeDefined();
  expect(screen.getByText("+2 alike")).toBeDefined();
  expect(screen.getByText("2 min. ago")).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: TEXT.skip }));
  await waitFor(() =>
    expect(calls).toContainEqual({ method: "DELETE", path: "/queue/p%2F1", query: "", body: undefined }),
  );
});

test("a stopped line may be released while there is time", async () => {
  const row = { turn: "t", reason: "a word of the list", substitute: "" };
  answers["GET /stopped"] = {
    body: [
      { ...row, line: "new", shown: "A fresh one", until: now() + 8 },
      { ...row, line: "old", shown: "An old one", until: now() - 60 },
    ],
  };
  answers["POST /stopped/new/release"] = { status: 410, body: { detail: "too late" } };
  sit(<Stopped />);
  const button = await screen.findByRole("button", { name: /Release [78] s/ });
  expect(screen.getAllByRole("button", { name: /Release/ })).toHaveLength(1);
  fireEvent.click(button);
  expect((await screen.findAllByText("too late")).length).toBeGreaterThan(0);
});

test("a turn shows what was heard, that it was cut, and its stages in units", async () => {
  const timings = {
    recognised: 0.3,
    waited: 0,
    prompted: 0,
    first_token: 0.4,
    first_line: 0.6,
    first_sound: 0.7,
    first_sample: 0.72,
    last_sample: 3,
  };
  answers["GET /turns"] = {
    body: [
      {
        id: "t",
        at: now() - 5,
        floor: "public",
        lane: "chat",
        state: "interrupted",
        text: "why",
        who: "ada",
        said: "Because of the bells.",
        heard: "Because of",
        cut: true,
        reason: "",
        timings,
      },
    ],
  };
  sit(<LastTurns />);
  expect(await screen.findByText("Because of")).toBeDefined();
  expect(screen.getByText("cut")).toBeDefined();
  expect(screen.queryByText(/bells/)).toBeNull();
  const bar = screen.getByRole("button", { name: /1\.02 s in all; Recognition 300 ms/ });
  expect(bar).toBeDefined();
});

test("words are asked for, or said as they stand", async () => {
  answers["GET /floors"] = { body: [] };
  answers["POST /percepts"] = { status: 202, body: { id: "p" } };
  sit(<Ask />);
  fireEvent.click(screen.getByRole("switch", { name: TEXT.verbatim }));
  fireEvent.change(screen.getByRole("textbox", { name: TEXT.sayLabel }), { target: { value: " Welcome! " } });
  fireEvent.click(screen.getByRole("button", { name: TEXT.sayDo }));
  await waitFor(() =>
    expect(calls).toContainEqual({
      method: "POST",
      path: "/percepts",
      query: "",
      body: { type: "asked", text: "Welcome!", verbatim: true, floor: "public" },
    }),
  );
  await waitFor(() => expect(screen.getByRole<HTMLTextAreaElement>("textbox").value).toBe(""));
});

test("who presses twice asks once, and keeps the words where they did not come", async () => {
  answers["GET /floors"] = { body: [] };
  answers["POST /percepts"] = { status: 503, body: { detail: "the floor is closing" } };
  sit(<Ask />);
  const field = screen.getByRole<HTMLTextAreaElement>("textbox");
  fireEvent.change(field, { target: { value: "Why bells?" } });
  fireEvent.keyDown(field, { key: "Enter" });
  fireEvent.keyDown(field, { key: "Enter" });
  fireEvent.click(screen.getByRole("button", { name: TEXT.askDo }));
  fireEvent.change(field, { target: { value: "And why red?" } });
  await waitFor(() => expect(field.value).toBe("Why bells?\nAnd why red?"));
  expect(calls.filter(({ path }) => path === "/percepts")).toHaveLength(1);
});

test("words said as they stand are told as such, answers with what they answer", async () => {
  const timings = { recognised: -1, waited: 0, prompted: -1, first_token: 0, first_line: 0, first_sound: 0.1 };
  const row = { at: now(), floor: "public", lane: "operator", state: "done", who: "", cut: false, reason: "" };
  const spans = { ...timings, first_sample: 0.1, last_sample: 2 };
  answers["GET /turns"] = {
    body: [
      { ...row, id: "a", text: "Welcome! We begin.", heard: "Welcome!", timings: spans },
      { ...row, id: "b", text: "Who are you?", heard: "A head on a stick.", timings: spans },
    ],
  };
  sit(<LastTurns />);
  expect(await screen.findByText(TEXT.wordForWord)).toBeDefined();
  expect(screen.getByText("Who are you?")).toBeDefined();
});

test("a turn that goes on is known to be verbatim by its first line", () => {
  const on = { at: 0, floor: "public", turn: "t" };
  const started = {
    ...on,
    type: "turn_started" as const,
    lane: "operator",
    percepts: [],
    text: "Hi there. Sit.",
    who: "",
  };
  const line = { ...on, type: "line_written" as const, line: "l", language: "en", feeling: "" };
  const going = followTurns({}, started);
  expect(going.public).toMatchObject({ turn: "t", verbatim: false });
  expect(followTurns(going, { ...line, shown: "Hi there." }).public?.verbatim).toBe(true);
  expect(followTurns(going, { ...line, shown: "I am Pip." }).public?.verbatim).toBe(false);
  expect(followTurns(going, { ...line, turn: "other", shown: "Hi there." })).toBe(going);
});

test("the stage's address for a capture is copied with its token", async () => {
  const writeText = vi.fn(async () => {});
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  answers["GET /capture"] = { body: { token: "looks-and-listens" } };
  sit(<CopyStage />);
  fireEvent.click(screen.getByRole("button", { name: FRAME.copyStage }));
  expect((await screen.findAllByText(FRAME.copied)).length).toBeGreaterThan(0);
  expect(writeText).toHaveBeenCalledWith(`${location.origin}/stage?background=transparent#token=looks-and-listens`);
});

test("a window that comes in the middle of a turn can end it", async () => {
  const floor = { name: "public", partner: "", language: "en", outlet: "", queue: 0 };
  answers["GET /floors"] = { body: [{ ...floor, speaking: true, turn: "t" }] };
  answers["POST /floors/public/stop"] = { status: 204 };
  const { unmount } = sit(<Now />, "moderator", { turn: undefined });
  expect(await screen.findByText(TEXT.speaking)).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: TEXT.stop }));
  await waitFor(() =>
    expect(calls).toContainEqual({ method: "POST", path: "/floors/public/stop", query: "", body: undefined }),
  );
  unmount();
  sit(<Now />, "moderator");
  expect(screen.getByText(TEXT.silent)).toBeDefined();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: TEXT.stop }).disabled).toBe(true);
});

test.each([
  [TEXT.pin, "POST /queue/p%2F1/pin"],
  [TEXT.answerNow, "POST /queue/p%2F1/answer"],
  [TEXT.skip, "DELETE /queue/p%2F1"],
])("what waits: %s", async (label, order) => {
  answers["GET /queue"] = { body: [WAITING] };
  answers[order] = { status: 204 };
  sit(<Queue />, "moderator");
  fireEvent.click(await screen.findByRole("button", { name: label }));
  await waitFor(() => expect(calls.map(({ method, path }) => `${method} ${path}`)).toContain(order));
});

test("how full a lane is stands above what waits; of a flood the first rows are drawn and the others counted", async () => {
  answers["GET /queue"] = { body: Array.from({ length: 70 }, (_, index) => ({ ...WAITING, percept: `p${index}` })) };
  answers["GET /show"] = { body: SHOW };
  const { container } = sit(<Queue />, "viewer");
  await waitFor(() => expect(container.textContent).toContain("70 of 60"));
  expect(container.textContent).toContain(TEXT.queueMore(20));
  expect(container.querySelectorAll("ol > li")).toHaveLength(50);
});

test("a lane, a sense and the viewer of what waits can be muted from there", async () => {
  answers["GET /queue"] = { body: [{ ...WAITING, viewer: "twitch:7" }] };
  answers["POST /mutes"] = { status: 204 };
  sit(<Queue />, "moderator");
  const menu = await screen.findByRole("button", { name: TEXT.mute });
  fireEvent.keyDown(menu, { key: "Enter" });
  await screen.findByRole("menu");
  for (const title of ["Viewer Mireille", "Lane chat", "Sense chat message"])
    expect(screen.getByText(title)).toBeDefined();
  fireEvent.click(screen.getAllByRole("menuitem", { name: "for 10 minutes" })[0] as HTMLElement);
  await waitFor(() =>
    expect(calls).toContainEqual({
      method: "POST",
      path: "/mutes",
      query: "",
      body: { what: "viewer", name: "twitch:7", seconds: 600 },
    }),
  );
});

test("what is muted says for how long, and can be unmuted", async () => {
  answers["GET /show"] = { body: SHOW };
  answers["GET /mutes"] = {
    body: [
      { what: "lane", name: "chat", seconds: 599.5 },
      { what: "sense", name: "chat_message", seconds: null },
    ],
  };
  answers["DELETE /mutes/sense/chat_message"] = { status: 204 };
  answers["POST /mutes"] = { status: 204 };
  sit(<Mutes />, "moderator");
  expect(await screen.findByText("10 min left")).toBeDefined();
  expect(screen.getAllByText(TEXT.untilUnmuted, { selector: "span" })).toHaveLength(1);
  fireEvent.click(screen.getByRole("button", { name: "Unmute chat message" }));
  await waitFor(() => expect(calls.map((call) => call.method)).toContain("DELETE"));
  fireEvent.click(await screen.findByRole("button", { name: TEXT.mute }));
  await waitFor(() =>
    expect(calls).toContainEqual({
      method: "POST",
      path: "/mutes",
      query: "",
      body: { what: "lane", name: "chat", seconds: 600 },
    }),
  );
});

test("time that is left is told in the unit that matters", () => {
  expect([-3, 0, 59.2, 60, 61, 599.5, 3599, 7260].map(left)).toEqual([
    "0 s",
    "0 s",
    "60 s",
    "60 s",
    "2 min",
    "10 min",
    "1 h 0 min",
    "2 h 1 min",
  ]);
});

test("everybody sees what goes on; only those who may are offered orders", async () => {
  answers["GET /queue"] = { body: [WAITING] };
  answers["GET /mutes"] = { body: [{ what: "lane", name: "chat", seconds: null }] };
  const { unmount } = sit(<NowPage />, "viewer");
  expect(await screen.findByText("500 bits")).toBeDefined();
  expect(await screen.findByText(TEXT.untilUnmuted, { selector: "span" })).toBeDefined();
  for (const name of [TEXT.stop, TEXT.skip, TEXT.pin, TEXT.answerNow, TEXT.mute, TEXT.unmute("chat"), TEXT.askDo])
    expect(screen.queryByRole("button", { name })).toBeNull();
  expect(screen.queryByText(TEXT.stopped)).toBeNull();
  expect(calls.map((call) => call.path)).not.toContain("/stopped");
  unmount();
  sit(<NowPage />, "moderator");
  expect(await screen.findByRole("button", { name: TEXT.skip })).toBeDefined();
  expect(screen.getByText(TEXT.stopped)).toBeDefined();
  expect(screen.queryByText(TEXT.context)).toBeNull();
  expect(screen.queryByRole("button", { name: TEXT.askDo })).toBeNull();
});

test("pages are listed for those who may see them, in their order, and found by their address", () => {
  expect(PAGES.map((page) => page.path).slice(0, 3)).toEqual(["now", "people", "memory"]);
  expect(pagesFor("viewer").map((page) => page.path)).toEqual(expect.arrayContaining(["now", "timings", "engines"]));
  expect(pagesFor("viewer").map((page) => page.path)).not.toContain("people");
  expect(pagesFor("moderator").map((page) => page.path)).not.toContain("settings");
  expect(pagesFor("operator")).toEqual(PAGES);
  expect(pagesFor("guest")).toEqual([]);
  expect(pageAt("")?.path).toBe("now");
  expect(pageAt("people")?.path).toBe("people");
  expect(pageAt("nowhere")).toBeUndefined();
  expect(PAGES.map(addressOf).slice(0, 2)).toEqual(["/control", "/control/people"]);
});

test("the list marks the page that is seen; a phone has the first few and a sheet with all", async () => {
  const { unmount } = sit(<PageList pages={PAGES} at={pageAt("people")} />);
  expect(screen.getByRole("link", { current: "page" }).textContent).toBe("People");
  expect(screen.getAllByRole("link")).toHaveLength(PAGES.length);
  unmount();
  sit(<PageBar pages={PAGES} at={pageAt("security")} />);
  expect(screen.getAllByRole("link")).toHaveLength(4);
  fireEvent.click(screen.getByRole("button", { name: FRAME.more }));
  const sheet = await screen.findByRole("dialog", { name: FRAME.pages });
  expect(within(sheet).getAllByRole("link")).toHaveLength(PAGES.length);
  fireEvent.click(within(sheet).getByRole("link", { name: "Log" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("whom a page is not for is told so kindly, with a way to come in as somebody else", () => {
  const change = vi.fn();
  const settings = PAGES.find((page) => page.path === "settings");
  if (!settings) throw new Error("there is no page of settings");
  sit(<NotYours page={settings} />, "moderator", { change });
  expect(screen.getByText(FRAME.notForYou("Settings"))).toBeDefined();
  expect(screen.getByText(/came in as a moderator; this page is for operators/)).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: FRAME.otherToken }));
  expect(change).toHaveBeenCalled();
});

test("a part that may not be seen says whose it is, without a way to try again", async () => {
  answers["GET /floors"] = { status: 403, body: { detail: "this is for operators, not for a viewer" } };
  sit(<Floors />, "viewer");
  expect(await screen.findByText(FRAME.notYours)).toBeDefined();
  expect(screen.getByText("this is for operators, not for a viewer")).toBeDefined();
  expect(screen.queryByRole("button", { name: FRAME.again })).toBeNull();
});

test("a floor that has closed is not kept in mind", () => {
  const on = { at: 0, floor: "talk-1" };
  const started: AnyEvent = { ...on, type: "turn_started", turn: "t", lane: "voice", percepts: [], text: "", who: "" };
  const going = followTurns({}, started);
  expect(Object.keys(followTurns(going, { ...on, type: "floor_closed" }))).toEqual([]);
});
