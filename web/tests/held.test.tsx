// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { HeldRow } from "../src/protocol/rest";
import { Held } from "../src/windows/control/moderation/Held";
import { Moderation } from "../src/windows/control/moderation/Moderation";
import { HELD as TEXT } from "../src/windows/control/moderation/text";
import { type Answers, type Call, fetching, sit } from "./desk";

let answers: Answers;
let calls: Call[];

beforeEach(() => {
  answers = {};
  calls = [];
  vi.stubGlobal("fetch", fetching(answers, calls));
});
afterEach(() => vi.unstubAllGlobals());

const ROW: HeldRow = {
  link: "twitch",
  source: "m-1",
  viewer: { id: "twitch:7", name: "Ada" },
  text: "you fool",
  reason: "aggressive, level 2",
  at: Date.now() / 1000 - 180,
  state: "held",
  by: "",
  decided: null,
  order: null,
};

function holds(...rows: Partial<HeldRow>[]) {
  answers["GET /held"] = { body: rows.map((row) => ({ ...ROW, ...row })) };
}

const buttons = () => screen.queryAllByRole<HTMLButtonElement>("button");

test("each is told with who, what, why and since when", async () => {
  holds({});
  sit(<Held />, "moderator");
  const row = within(await screen.findByRole("listitem"));
  expect(row.getByRole("link", { name: "Ada" }).getAttribute("href")).toBe("/control/people?viewer=twitch%3A7");
  expect(row.getByText("“you fool”")).toBeDefined();
  expect(row.getByText(/aggressive, level 2/)).toBeDefined();
  expect(row.getByText("3 min. ago")).toBeDefined();
  expect(row.getByText(TEXT.waits)).toBeDefined();
});

test.each([
  [TEXT.allow, "allow"],
  [TEXT.deny, "delete"],
])("“%s” is ordered by a moderator, and the buttons wait for what becomes of it", async (button, action) => {
  let decided = false;
  answers["GET /held"] = () => ({
    body: [{ ...ROW, order: decided ? { action, state: "waiting", detail: "" } : null }],
  });
  answers["POST /verdicts"] = () => {
    decided = true;
    return { status: 201, body: {} };
  };
  sit(<Held />, "moderator");
  fireEvent.click(await screen.findByRole("button", { name: button }));
  expect(await screen.findByText(TEXT.underWay)).toBeDefined();
  expect(buttons().map((each) => each.disabled)).toEqual([true, true]);
  expect(calls.find((call) => call.method === "POST")?.body).toEqual({
    viewer: "twitch:7",
    name: "Ada",
    link: "twitch",
    action,
    source: "m-1",
    reason: TEXT.why(ROW.reason),
    seconds: 0,
  });
});

test("what became of it is told", async () => {
  holds(
    { source: "a", state: "approved", by: "Pip" },
    { source: "b", state: "denied", by: "Mia" },
    { source: "c", state: "expired" },
    { source: "d", order: { action: "delete", state: "done", detail: "" } },
    { source: "e", order: { action: "allow", state: "done", detail: "it was decided before" } },
  );
  sit(<Held />, "operator");
  const rows = await screen.findAllByRole("listitem");
  const told = [
    [TEXT.approved, TEXT.by("Pip")],
    [TEXT.denied, TEXT.by("Mia")],
    [TEXT.expired],
    [TEXT.denied],
    [TEXT.elsewhere, "it was decided before"],
  ];
  for (const [place, words] of told.entries()) {
    for (const each of words)
      expect(within(rows[place] as HTMLElement).getByText(each, { exact: false })).toBeDefined();
  }
  expect(buttons(), "there is nothing left to decide").toEqual([]);
});

test("what was refused is told with why, and can be tried again", async () => {
  holds({ order: { action: "allow", state: "refused", detail: "the token lacks a right" } });
  sit(<Held />, "operator");
  expect(await screen.findByText(TEXT.refused("the token lacks a right"))).toBeDefined();
  expect(buttons().map((each) => each.disabled)).toEqual([false, false]);
});

test("who was not quick enough is told so", async () => {
  holds({});
  answers["POST /verdicts"] = { status: 409, body: { detail: "somebody else was quicker" } };
  sit(<Held />, "operator");
  fireEvent.click(await screen.findByRole("button", { name: TEXT.allow }));
  expect((await screen.findAllByText("somebody else was quicker")).length).toBeGreaterThan(0);
  await waitFor(() => expect(calls.filter((call) => call.path === "/held").length).toBe(2));
});

test("a viewer decides on nothing", async () => {
  holds({});
  sit(<Held />, "viewer");
  expect(await screen.findByText("“you fool”")).toBeDefined();
  expect(buttons()).toEqual([]);
});

test("where nothing is held, it says what would be seen", async () => {
  holds();
  sit(<Held />, "operator");
  expect(await screen.findByText(TEXT.emptyHelp)).toBeDefined();
});

test("it is a part of the moderation page, which says how many wait", async () => {
  holds({}, { source: "m-2" }, { source: "m-3", state: "denied" });
  answers["GET /moderation/log"] = { body: { total: 0, lines: [] } };
  answers["GET /moderation/lists"] = { body: { lists: {}, own: {} } };
  sit(<Moderation />, "moderator");
  const tab = await screen.findByRole("tab", { name: TEXT.tab(2) });
  fireEvent.mouseDown(tab);
  fireEvent.click(tab);
  expect((await screen.findAllByText("“you fool”")).length).toBe(3);
});
