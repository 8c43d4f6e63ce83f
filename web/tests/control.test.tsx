// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import "./dom";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToastHouse } from "../src/design/Toast";
import { TooltipProvider } from "../src/design/Tooltip";
import { Connection } from "../src/protocol/client";
import { Puppeteer } from "../src/stage/puppeteer";
import { CopyStage } from "../src/windows/control/Control";
import { Engines, Floors, Found, Links } from "../src/windows/control/Health";
import { Now } from "../src/windows/control/Now";
import { Ask } from "../src/windows/control/Orders";
import { Turns } from "../src/windows/control/Turns";
import { TEXT } from "../src/windows/control/text";
import { followTurns } from "../src/windows/control/useControl";
import { Dropped, Queue, Stopped } from "../src/windows/control/Waiting";

type Answer = { status?: number; body?: unknown };
let answers: Record<string, Answer>;
let calls: { method: string; path: string; body: unknown }[];

beforeEach(() => {
  answers = {};
  calls = [];
  vi.stubGlobal("fetch", async (url: string, options: RequestInit) => {
    const path = url.replace("/api/v1", "").replace(/\?.*/, "");
    const method = options.method ?? "GET";
    calls.push({ method, path, body: options.body ? JSON.parse(String(options.body)) : undefined });
    const { status = 200, body } = answers[`${method} ${path}`] ?? { status: 404, body: { detail: "not there" } };
    const text = body === undefined ? null : JSON.stringify(body);
    return new Response(text, { status, headers: { "content-type": "application/json" } });
  });
});
afterEach(() => vi.unstubAllGlobals());

function show(part: ReactNode) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <QueryClientProvider client={queries}>
      <TooltipProvider>
        <ToastHouse>{part}</ToastHouse>
      </TooltipProvider>
    </QueryClientProvider>,
  );
}

const now = () => Date.now() / 1000;

test.each([
  ["/queue", <Queue key="q" />, TEXT.queueEmptyHelp],
  ["/dropped", <Dropped key="d" />, TEXT.droppedEmptyHelp],
  ["/stopped", <Stopped key="s" />, TEXT.stoppedEmptyHelp],
  ["/engines", <Engines key="e" />, TEXT.enginesEmptyHelp],
  ["/links", <Links key="l" />, TEXT.linksEmptyHelp],
  ["/found", <Found key="f" />, TEXT.foundEmptyHelp],
  ["/floors", <Floors key="o" />, TEXT.floorsEmptyHelp],
  ["/turns", <Turns key="t" />, TEXT.turnsEmptyHelp],
])("%s: where nothing is, it says what to do next; where it fails, what the program says", async (path, part, help) => {
  answers[`GET ${path}`] = { body: [] };
  show(part);
  expect(await screen.findByText(help)).toBeDefined();
  answers[`GET ${path}`] = { status: 500, body: { detail: `trouble with ${path}` } };
  show(part);
  expect(await screen.findByText(`trouble with ${path}`)).toBeDefined();
  expect(screen.getByRole("button", { name: TEXT.again })).toBeDefined();
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
  show(<Queue />);
  expect(await screen.findByText(/waits for the turn that speaks/)).toBeDefined();
  expect(screen.getByText("500 bits")).toBeDefined();
  expect(screen.getByText("+2 alike")).toBeDefined();
  expect(screen.getByText("2 min. ago")).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: TEXT.skip }));
  await waitFor(() => expect(calls).toContainEqual({ method: "DELETE", path: "/queue/p%2F1", body: undefined }));
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
  show(<Stopped />);
  const button = await screen.findByRole("button", { name: /Release [78] s/ });
  expect(screen.getAllByRole("button", { name: /Release/ })).toHaveLength(1);
  fireEvent.click(button);
  expect((await screen.findAllByText("too late")).length).toBeGreaterThan(0);
});

test("engines stand in the order of their chain, with their state in words", async () => {
  const row = { engine: "openai", failures: 0, calls: 3, last_ms: 240, used: { tokens: 18_230 } };
  answers["GET /engines"] = {
    body: [
      { ...row, name: "ollama", kind: "brain", state: "resting", detail: "no answer within 5 s" },
      { ...row, name: "improviser", kind: "brain", state: "ready", detail: "", last_ms: null, used: {} },
    ],
  };
  show(<Engines />);
  expect(await screen.findByText("no answer within 5 s")).toBeDefined();
  expect(screen.getByText("resting")).toBeDefined();
  expect(screen.getByText(TEXT.first)).toBeDefined();
  expect(screen.getByText("understudy 1")).toBeDefined();
  expect(screen.getByText("3 calls · last answer 240 ms · 18.2K tokens")).toBeDefined();
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
  show(<Turns />);
  expect(await screen.findByText("Because of")).toBeDefined();
  expect(screen.getByText(TEXT.cut)).toBeDefined();
  expect(screen.queryByText(/bells/)).toBeNull();
  const bar = screen.getByRole("button", { name: /1\.02 s in all; Recognition 300 ms/ });
  expect(bar).toBeDefined();
});

test("a found server becomes the brain at one click", async () => {
  answers["GET /found"] = { body: [{ name: "Ollama", url: "http://127.0.0.1:11434/v1", models: ["qwen3:8b"] }] };
  answers["POST /brain"] = { status: 204 };
  show(<Found />);
  fireEvent.click(await screen.findByRole("button", { name: TEXT.use }));
  await waitFor(() =>
    expect(calls).toContainEqual({
      method: "POST",
      path: "/brain",
      body: { url: "http://127.0.0.1:11434/v1", model: "qwen3:8b" },
    }),
  );
});

test("words are asked for, or said as they stand", async () => {
  answers["GET /floors"] = { body: [] };
  answers["POST /percepts"] = { status: 202, body: { id: "p" } };
  show(<Ask />);
  fireEvent.click(screen.getByRole("switch", { name: TEXT.verbatim }));
  fireEvent.change(screen.getByRole("textbox", { name: TEXT.sayLabel }), { target: { value: " Welcome! " } });
  fireEvent.click(screen.getByRole("button", { name: TEXT.sayDo }));
  await waitFor(() =>
    expect(calls).toContainEqual({
      method: "POST",
      path: "/percepts",
      body: { type: "asked", text: "Welcome!", verbatim: true, floor: "public" },
    }),
  );
  await waitFor(() => expect(screen.getByRole<HTMLTextAreaElement>("textbox").value).toBe(""));
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
  show(<Turns />);
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
  show(<CopyStage />);
  fireEvent.click(screen.getByRole("button", { name: TEXT.copyStage }));
  expect((await screen.findAllByText(TEXT.copied)).length).toBeGreaterThan(0);
  expect(writeText).toHaveBeenCalledWith(`${location.origin}/stage#token=looks-and-listens`);
});

test("a window that comes in the middle of a turn can end it", async () => {
  const floor = { name: "public", partner: "", language: "en", outlet: "", queue: 0 };
  answers["GET /floors"] = { body: [{ ...floor, speaking: true, turn: "t" }] };
  answers["POST /floors/public/stop"] = { status: 204 };
  const connection = new Connection("ws://x/ws", { window: "control", token: "", floor: "public" });
  const now = { puppeteer: new Puppeteer(connection, null), floor: "public", setFloor: () => {} };
  const { unmount } = show(<Now {...now} turn={undefined} />);
  expect(await screen.findByText(TEXT.speaking)).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: TEXT.stop }));
  await waitFor(() => expect(calls).toContainEqual({ method: "POST", path: "/floors/public/stop", body: undefined }));
  unmount();
  show(<Now {...now} turn={null} />);
  expect(screen.getByText(TEXT.silent)).toBeDefined();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: TEXT.stop }).disabled).toBe(true);
});
