// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Moderation } from "../src/windows/control/moderation/Moderation";
import { TEXT as PAGE, PEOPLE as TEXT } from "../src/windows/control/moderation/text";
import { Verdicts } from "../src/windows/control/moderation/Verdicts";
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
const called = (method: string, path: string) => calls.filter((call) => call.method === method && call.path === path);
const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
const BAN = {
  id: "verdict/twitch/1",
  at: now() - 30,
  link: "twitch",
  viewer: "twitch:7",
  name: "Bob",
  action: "ban",
  seconds: 0,
  reason: "A first message, the name of a service known from spam",
  by: "program",
  state: "done",
  detail: "banned",
  appeal: "",
  evidence: {
    score: 6,
    found: [
      { kind: "first", weight: 2, detail: "" },
      { kind: "name", weight: 4, detail: "dogehype" },
    ],
    text: "Best of dogehype",
    said: "",
  },
};
const AT = `/verdicts/${encodeURIComponent(BAN.id)}`;

function log(rows: object[], more: object = {}) {
  answers["GET /verdicts"] = {
    body: {
      total: rows.length,
      verdicts: rows,
      states: { rehearsed: 0, suggested: 0, waiting: 0, done: rows.length, refused: 0, undone: 0 },
      on: true,
      rehearse: false,
      appeal: "",
      links: ["twitch"],
      ...more,
    },
  };
}

test("people are a part of the moderation page", async () => {
  log([]);
  answers["GET /moderation/log"] = { body: { total: 0, lines: [] } };
  answers["GET /moderation/lists"] = { body: { lists: {}, own: {} } };
  sit(<Moderation />, "moderator");
  const tab = screen.getByRole("tab", { name: PAGE.people });
  fireEvent.mouseDown(tab);
  fireEvent.click(tab);
  expect(await screen.findByText(TEXT.empty)).toBeDefined();
});

test("a verdict is shown with whom, why and what was written, and is undone", async () => {
  log([BAN]);
  answers[`POST ${AT}/undo`] = { body: { lifted: true } };
  sit(<Verdicts />, "moderator");
  expect((await screen.findByRole("link", { name: "Bob" })).getAttribute("href")).toBe(
    "/control/people?viewer=twitch%3A7",
  );
  const proof = screen.getByRole("list", { name: TEXT.evidence });
  expect(within(proof).getByText("dogehype")).toBeDefined();
  expect(within(proof).getByText(TEXT.score(6))).toBeDefined();
  expect(screen.getByText("“Best of dogehype”")).toBeDefined();
  expect(screen.queryByText(TEXT.rehearsal)).toBeNull();
  expect(screen.queryByRole("button", { name: TEXT.accept })).toBeNull();
  press(TEXT.undo);
  await waitFor(() => expect(called("POST", `${AT}/undo`)).toHaveLength(1));
  expect((await screen.findAllByText(TEXT.undone)).length).toBeGreaterThan(0);
});

test("a rehearsal says so, and what it would have done can be done", async () => {
  log([{ ...BAN, state: "rehearsed" }], { rehearse: true });
  answers[`POST ${AT}/accept`] = { body: BAN };
  sit(<Verdicts />, "moderator");
  expect(await screen.findByText(TEXT.rehearsal)).toBeDefined();
  expect(screen.getByText(TEXT.rehearsalHelp)).toBeDefined();
  expect(screen.queryByRole("button", { name: TEXT.undo })).toBeNull();
  press(TEXT.accept);
  await waitFor(() => expect(called("POST", `${AT}/accept`)).toHaveLength(1));
});

test("where chat is not judged, it says how to begin", async () => {
  log([], { on: false });
  sit(<Verdicts />);
  expect(await screen.findByText(TEXT.offHelp)).toBeDefined();
  expect(screen.getByText(TEXT.off)).toBeDefined();
});

test("a suggestion of the character's is dismissed; trouble is told", async () => {
  const evidence = { score: 0, found: [], text: "fool", said: "insults me" };
  log([{ ...BAN, state: "suggested", by: "character", action: "timeout", seconds: 600, evidence }]);
  answers[`POST ${AT}/dismiss`] = { status: 409, body: { detail: "it was decided already" } };
  sit(<Verdicts />, "moderator");
  expect(await screen.findByText("Time out for 10 min")).toBeDefined();
  expect(screen.getByText("“insults me”")).toBeDefined();
  press(TEXT.dismiss);
  expect((await screen.findAllByText("it was decided already")).length).toBeGreaterThan(0);
});

test("an appeal is noted", async () => {
  log([BAN]);
  answers[`PUT ${AT}/appeal`] = { status: 204 };
  sit(<Verdicts />, "moderator");
  fireEvent.click(await screen.findByRole("button", { name: TEXT.appeal }));
  const keep = screen.getByRole<HTMLButtonElement>("button", { name: TEXT.keep });
  expect(keep.disabled).toBe(true);
  fireEvent.change(screen.getByLabelText(TEXT.appealLabel("Bob")), { target: { value: " It was a joke. " } });
  fireEvent.click(keep);
  await waitFor(() => expect(called("PUT", `${AT}/appeal`)[0]?.body).toEqual({ text: "It was a joke." }));
});

test("somebody is looked for, and who is not there is said so", async () => {
  log([], { total: 0 });
  sit(<Verdicts />, "moderator");
  fireEvent.change(screen.getByRole("searchbox", { name: TEXT.find }), { target: { value: "zed" } });
  await waitFor(() => expect(calls.at(-1)?.query).toBe("state=&viewer=zed&offset=0&limit=25"));
  expect(await screen.findByText(TEXT.noneHelp)).toBeDefined();
});

test("a text is tried without a press of a button", async () => {
  log([]);
  answers["POST /verdicts/try"] = {
    body: { score: 6, evidence: BAN.evidence.found, action: "timeout", seconds: 90, exempt: "", reason: "" },
  };
  sit(<Verdicts />, "moderator");
  fireEvent.change(screen.getByLabelText(TEXT.tryText), { target: { value: "dogehype " } });
  expect(await screen.findByText("Time out for 1.5 min")).toBeDefined();
  expect(called("POST", "/verdicts/try")[0]?.body).toEqual({ text: "dogehype", first: true });
});

test("a viewer is timed out by hand only after a second word", async () => {
  log([]);
  answers["POST /verdicts"] = { status: 201, body: BAN };
  sit(<Verdicts />, "moderator");
  fireEvent.change(await screen.findByLabelText(TEXT.viewer), { target: { value: "twitch:7" } });
  fireEvent.change(screen.getByLabelText(TEXT.seconds), { target: { value: "60" } });
  press(TEXT.lay);
  const question = await screen.findByRole("alertdialog", { name: TEXT.sure("Time out for 1 min", "twitch:7") });
  expect(called("POST", "/verdicts")).toEqual([]);
  fireEvent.click(within(question).getByRole("button", { name: TEXT.lay }));
  await waitFor(() =>
    expect(called("POST", "/verdicts")[0]?.body).toEqual({
      viewer: "twitch:7",
      link: "twitch",
      action: "timeout",
      reason: "",
      seconds: 60,
    }),
  );
});

test("where no link can moderate, it says where to look", async () => {
  log([], { links: [] });
  sit(<Verdicts />, "moderator");
  expect(await screen.findByText(TEXT.handNoHelp)).toBeDefined();
});
