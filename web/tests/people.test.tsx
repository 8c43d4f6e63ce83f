// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Memory } from "../src/windows/control/memory/Memory";
import { TEXT as MEMORY } from "../src/windows/control/memory/text";
import { People } from "../src/windows/control/people/People";
import { TEXT } from "../src/windows/control/people/text";
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
const asked = (method: string) => calls.filter((call) => call.method === method);
const ADA = {
  id: "twitch:7/a",
  name: "Ada",
  platform: "twitch",
  first_seen: now() - 90_000,
  last_seen: now() - 60,
  language: "en",
  count: 12,
  facts: 1,
  note: "",
};
const PEARS = {
  id: 3,
  viewer: ADA.id,
  scope: "public",
  key: "likes",
  text: "Ada likes pears.",
  source: "p1",
  quote: "I do like pears",
  at: now() - 500,
};
const AT = `/viewers/${encodeURIComponent(ADA.id)}`;

function known() {
  answers["GET /viewers"] = { body: { total: 20_000, viewers: [ADA] } };
  answers[`GET ${AT}`] = {
    body: {
      ...ADA,
      exchanges: [{ turn: "t1", at: now() - 60, floor: "public", said: ["Pears?"], heard: "Pears are", cut: true }],
    },
  };
  answers[`GET ${AT}/facts`] = { body: [PEARS] };
}

test("viewers are found once the typing rests, page by page", async () => {
  known();
  sit(<People />);
  expect(await screen.findByText("20,000 viewers")).toBeDefined();
  const field = screen.getByRole("searchbox", { name: TEXT.search });
  for (const text of ["a", "ad", "ada"]) fireEvent.change(field, { target: { value: text } });
  await waitFor(() => expect(calls.at(-1)?.query).toBe("q=ada&offset=0&limit=50"));
  expect(calls.map((call) => call.query).filter((query) => /q=(a|ad)&/.test(query))).toEqual([]);
  fireEvent.click(await screen.findByRole("button", { name: "The page after" }));
  await waitFor(() => expect(calls.at(-1)?.query).toBe("q=ada&offset=50&limit=50"));
  fireEvent.change(field, { target: { value: "b" } });
  await waitFor(() => expect(calls.at(-1)?.query).toBe("q=b&offset=0&limit=50"));
});

test.each([
  ["", TEXT.emptyHelp],
  ["zzz", TEXT.noneHelp],
])("where nobody is found for “%s”, it says what to do next", async (q, help) => {
  answers["GET /viewers"] = { body: { total: 0, viewers: [] } };
  sit(<People />);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: q } });
  expect(await screen.findByText(help)).toBeDefined();
});

test("a viewer is shown with facts, the words that they came from, and what was said", async () => {
  known();
  sit(<People />, "moderator");
  fireEvent.click(await screen.findByRole("button", { name: /^Ada/ }));
  expect(await screen.findByText("Ada likes pears.")).toBeDefined();
  expect(screen.getByText("“I do like pears”")).toBeDefined();
  expect(screen.getByText("Pears are")).toBeDefined();
  expect(screen.getByText(TEXT.cut)).toBeDefined();
  expect(screen.getByRole("link", { name: TEXT.toLog }).getAttribute("href")).toBe("/control/log?turn=t1");
  expect(screen.queryByRole("button", { name: MEMORY.edit(PEARS.text) })).toBeNull();
});

test("a note is kept", async () => {
  known();
  answers[`PUT ${AT}/note`] = { status: 204 };
  sit(<People />, "moderator", {}, `/control/people?viewer=${encodeURIComponent(ADA.id)}`);
  const field = await screen.findByRole("textbox", { name: TEXT.noteLabel });
  const keep = screen.getByRole<HTMLButtonElement>("button", { name: TEXT.keep });
  expect(keep.disabled).toBe(true);
  fireEvent.change(field, { target: { value: " Be kind. " } });
  fireEvent.click(keep);
  await waitFor(() => expect(asked("PUT")).toMatchObject([{ path: `${AT}/note`, body: { text: "Be kind." } }]));
});

test("a viewer is forgotten only after a second word", async () => {
  known();
  answers[`DELETE ${AT}`] = { body: { deleted: 9 } };
  sit(<People />, "moderator", {}, `/control/people?viewer=${encodeURIComponent(ADA.id)}`);
  fireEvent.click(await screen.findByRole("button", { name: TEXT.forget }));
  const question = await screen.findByRole("alertdialog", { name: TEXT.forgetTitle("Ada") });
  fireEvent.click(within(question).getByRole("button", { name: "Leave it" }));
  await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
  expect(asked("DELETE")).toEqual([]);
  fireEvent.click(screen.getByRole("button", { name: TEXT.forget }));
  fireEvent.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: TEXT.forget }));
  await waitFor(() => expect(asked("DELETE")).toHaveLength(1));
  expect((await screen.findAllByText(TEXT.forgotten("Ada", 9))).length).toBeGreaterThan(0);
  expect(await screen.findByText(TEXT.choose)).toBeDefined();
});

test("a fact is searched for, edited with its history in sight, and deleted after a second word", async () => {
  answers["GET /facts"] = { body: { total: 1, facts: [PEARS] } };
  answers["GET /facts/3/history"] = {
    body: [{ at: now() - 9, by: "operator", before: "Ada likes apples.", after: "Ada likes pears." }],
  };
  answers["PUT /facts/3"] = { status: 204 };
  answers["DELETE /facts/3"] = { status: 204 };
  sit(<Memory />);
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: "pears" } });
  await waitFor(() => expect(calls.at(-1)?.query).toBe("q=pears&scope=&offset=0&limit=50"));
  expect(screen.getByRole("link", { name: ADA.id }).getAttribute("href")).toBe(
    `/control/people?viewer=${encodeURIComponent(ADA.id)}`,
  );
  fireEvent.click(await screen.findByRole("button", { name: MEMORY.edit(PEARS.text) }));
  const dialog = await screen.findByRole("dialog", { name: MEMORY.editTitle });
  expect(await within(dialog).findByText("Ada likes apples.")).toBeDefined();
  const keep = within(dialog).getByRole<HTMLButtonElement>("button", { name: MEMORY.keep });
  expect(keep.disabled).toBe(true);
  fireEvent.change(within(dialog).getByRole("textbox"), { target: { value: "Ada loves pears." } });
  fireEvent.click(keep);
  await waitFor(() => expect(asked("PUT")).toMatchObject([{ body: { text: "Ada loves pears." } }]));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());

  fireEvent.click(screen.getByRole("button", { name: MEMORY.edit(PEARS.text) }));
  fireEvent.click(await screen.findByRole("button", { name: MEMORY.remove }));
  const question = await screen.findByRole("alertdialog", { name: MEMORY.removeTitle });
  expect(asked("DELETE")).toEqual([]);
  fireEvent.click(within(question).getByRole("button", { name: MEMORY.remove }));
  await waitFor(() => expect(asked("DELETE")).toMatchObject([{ path: "/facts/3" }]));
});

test("a floor is cleared only after a second word", async () => {
  answers["GET /facts"] = { body: { total: 0, facts: [] } };
  answers["DELETE /floors/public/memory"] = { body: { deleted: 4 } };
  sit(<Memory />);
  expect(await screen.findByText(MEMORY.emptyHelp)).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: MEMORY.clearDo }));
  const question = await screen.findByRole("alertdialog", { name: MEMORY.clearTitle("public") });
  expect(asked("DELETE")).toEqual([]);
  fireEvent.click(within(question).getByRole("button", { name: MEMORY.clearDo }));
  await waitFor(() => expect(asked("DELETE")).toMatchObject([{ path: "/floors/public/memory" }]));
});
