// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import "./dom";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ConnectionRow } from "../src/protocol/rest";
import { ConnectionsPage } from "../src/windows/control/connections/ConnectionsPage";
import { measure, sorted } from "../src/windows/control/connections/standing";
import { TEXT, WAYS } from "../src/windows/control/connections/text";
import { Answering } from "../src/windows/control/now/Answering";
import { Dropped } from "../src/windows/control/now/Dropped";
import { Mutes } from "../src/windows/control/now/Mutes";
import { Queue } from "../src/windows/control/now/Queue";
import { TEXT as NOW } from "../src/windows/control/now/text";
import { Accounts } from "../src/windows/control/people/Accounts";
import { TEXT as PEOPLE } from "../src/windows/control/people/text";
import { type Answers, type Call, fetching, sit } from "./desk";

let answers: Answers;
let calls: Call[];

beforeEach(() => {
  answers = {};
  calls = [];
  vi.stubGlobal("fetch", fetching(answers, calls));
  Element.prototype.scrollIntoView = () => {};
});
afterEach(() => vi.unstubAllGlobals());

const now = () => Date.now() / 1000;
const asked = (method: string, path?: string) =>
  calls.filter((call) => call.method === method && (!path || call.path === path));

const BANS = {
  name: "moderator:manage:banned_users",
  ok: false,
  detail: "without it there are no bans; sign in again: marotte login twitch",
};
const TWITCH: ConnectionRow = {
  name: "twitch",
  platform: "twitch",
  state: "up",
  detail: "as pip",
  since: now() - 60,
  can: ["send", "verdict"],
  standing: [
    { name: "account", ok: true, detail: "pip" },
    { name: "points", ok: true, detail: "790 of 800 are left" },
    { name: "channel.chat.message", ok: true, detail: "what people write" },
    BANS,
  ],
  counters: { events: 1234, acts: 2, "acts refused": 0 },
  gaps: [{ at: now() - 300, seconds: 12.5, recovered: 3, detail: "the network" }],
  stream: { at: now() - 3600, title: "Friday at the theatre" },
};
const LIBERA: ConnectionRow = {
  ...TWITCH,
  name: "libera",
  platform: "irc",
  state: "down",
  detail: "nobody listens there",
  can: [],
  standing: [],
  counters: {},
  gaps: [],
  stream: null,
};

test("a connection tells how it fares, what it lacks and how to get that, what it did, and what it missed", async () => {
  answers["GET /connections"] = { body: [TWITCH, LIBERA] };
  sit(<ConnectionsPage />);
  const card = within(await screen.findByRole("region", { name: "Twitch" }));
  expect(card.getByText(TEXT.states.up)).toBeDefined();
  expect(card.getByText(TEXT.onAir)).toBeDefined();
  expect(card.getByText("“Friday at the theatre”")).toBeDefined();
  expect(card.getByText(BANS.name)).toBeDefined();
  expect(card.getByText(BANS.detail)).toBeDefined();
  expect(card.getByText(TEXT.inOrder(1))).toBeDefined();
  const points = card.getByRole("meter", { name: "points" });
  expect(points.getAttribute("aria-valuetext")).toBe("790 of 800 are left");
  expect([points.getAttribute("aria-valuenow"), points.getAttribute("aria-valuemax")]).toEqual(["790", "800"]);
  expect(card.getByText("write · delete, time out, ban")).toBeDefined();
  expect(card.getByText("1,234")).toBeDefined();
  expect(card.queryByText("acts refused")).toBeNull();
  expect(card.getByText(TEXT.gaps(1))).toBeDefined();
  expect(card.getByText("12.5 s unheard, 3 asked for afterwards", { exact: false })).toBeDefined();
  const other = within(screen.getByRole("region", { name: "IRC · libera" }));
  expect(other.getByText("nobody listens there", { exact: false })).toBeDefined();
  expect(other.getByText(TEXT.cannot)).toBeDefined();
});

test("the operator connects anew; who only looks is offered nothing", async () => {
  answers["GET /connections"] = { body: [TWITCH] };
  answers["POST /connections/twitch/reconnect"] = { status: 204 };
  const { unmount } = sit(<ConnectionsPage />);
  fireEvent.click(await screen.findByRole("button", { name: /^Connect anew.*Twitch$/ }));
  expect(await screen.findByText(TEXT.reconnecting("Twitch"))).toBeDefined();
  unmount();
  sit(<ConnectionsPage />, "viewer");
  expect(await screen.findByRole("region", { name: "Twitch" })).toBeDefined();
  expect(screen.queryByRole("button")).toBeNull();
  expect(screen.queryByText(TEXT.ways)).toBeNull();
});

test("where nothing is connected it says how to; what is connected is not offered again", async () => {
  answers["GET /connections"] = { body: [] };
  const { unmount } = sit(<ConnectionsPage />);
  expect(await screen.findByText(TEXT.empty)).toBeDefined();
  const ways = within(screen.getByRole("region", { name: TEXT.ways }));
  expect(ways.getAllByRole("heading", { level: 3 }).map((each) => each.textContent)).toEqual(
    WAYS.map((way) => TEXT.platforms[way.platform]),
  );
  expect(ways.getByText("marotte login twitch")).toBeDefined();
  unmount();
  answers["GET /connections"] = { body: [TWITCH, LIBERA] };
  sit(<ConnectionsPage />);
  expect(await screen.findByText("[discord]")).toBeDefined();
  expect(screen.queryByText("marotte login twitch")).toBeNull();
  expect(screen.getByText("[irc.libera]", { exact: false })).toBeDefined();
});

describe("what a link has and lacks", () => {
  test("is sorted: what is missing, plain words, names of the platform", () => {
    const found = sorted(TWITCH.standing);
    expect(found.lacking).toEqual([BANS]);
    expect(found.plain.map((row) => row.name)).toEqual(["account", "points"]);
    expect(found.fine.map((row) => row.name)).toEqual(["channel.chat.message"]);
  });

  test.each([
    ["790 of 800 are left", { value: 790, most: 800, low: false }],
    ["12 of 800 are left", { value: 12, most: 800, low: true }],
    ["640 of 10,000 units are spent today; they begin anew in 3.5 h", { value: 640, most: 10_000, low: false }],
    ["9,900 of 10,000 units are spent today", { value: 9_900, most: 10_000, low: true }],
    ["0 of 0 are left", null],
    ["pip, for 3 h", null],
    ["as pip in #pip; 1 of 21 subscriptions are missing", null],
  ])("“%s” is measured", (detail, expected) => expect(measure(detail)).toEqual(expected));
});

// --- now ------------------------------------------------------------------------------------------------------------

const SHOW = {
  name: "x",
  version: "1",
  character: { name: "Pip", context: "" },
  answer: "everything",
  lanes: [{ name: "chat", priority: 1, capacity: 60, percepts: ["chat_message"] }],
  started_at: 0,
};

test("a moderator chooses which chat messages are answered; a viewer only reads it", async () => {
  answers["GET /show"] = { body: SHOW };
  answers["PUT /answer"] = { status: 204 };
  const { unmount } = sit(<Answering />, "moderator");
  const choice = await screen.findByRole("combobox", { name: NOW.answering });
  expect(choice.textContent).toContain(NOW.answerings.everything);
  fireEvent.keyDown(choice, { key: "Enter" });
  fireEvent.click(await screen.findByRole("option", { name: NOW.answerings.named }));
  await waitFor(() => expect(asked("PUT", "/answer")[0]?.body).toEqual({ which: "named" }));
  expect((await screen.findAllByText(NOW.answeringSaid.named)).length).toBeGreaterThan(0);
  unmount();
  sit(<Answering />, "viewer");
  expect(await screen.findByText(NOW.answerings.everything)).toBeDefined();
  expect(screen.queryByRole("combobox")).toBeNull();
});

test("a link can be muted, from the list of what is muted and from what waits", async () => {
  answers["GET /show"] = { body: SHOW };
  answers["GET /connections"] = { body: [TWITCH] };
  answers["GET /mutes"] = { body: [] };
  answers["POST /mutes"] = { status: 204 };
  const { unmount } = sit(<Mutes />, "moderator");
  const choice = await screen.findByRole("combobox", { name: NOW.muteWhat });
  await waitFor(() => expect(asked("GET", "/connections")).toHaveLength(1));
  fireEvent.keyDown(choice, { key: "Enter" });
  fireEvent.click(await screen.findByRole("option", { name: NOW.linkCalled("twitch") }));
  fireEvent.click(screen.getByRole("button", { name: NOW.mute }));
  await waitFor(() => expect(asked("POST", "/mutes")[0]?.body).toEqual({ what: "link", name: "twitch", seconds: 600 }));
  unmount();

  const row = { percept: "p", floor: "public", lane: "chat", kind: "chat_message", who: "Ada", viewer: "twitch:7" };
  answers["GET /queue"] = {
    body: [{ ...row, link: "twitch", text: "hi", at: now(), priority: 1, merged: 0, pinned: false, why: "is next" }],
  };
  sit(<Queue />, "moderator");
  expect(await screen.findByText("twitch · public · is next", { exact: false })).toBeDefined();
  fireEvent.keyDown(screen.getByRole("button", { name: NOW.mute }), { key: "Enter" });
  await screen.findByRole("menu");
  expect(screen.getByText(NOW.linkCalled("twitch"))).toBeDefined();
});

test("why something was dropped is told in words", async () => {
  const reasons = ["command", "removed", "unaddressed", "backchannel", "echo"];
  answers["GET /dropped"] = {
    body: reasons.map((reason) => ({ floor: "public", lane: "chat", reason, count: 1 })),
  };
  sit(<Dropped />);
  for (const reason of reasons) expect(await screen.findByText(NOW.reasons[reason] ?? "none")).toBeDefined();
});

// --- people ---------------------------------------------------------------------------------------------------------

const ADA = {
  id: "twitch:7",
  name: "Ada",
  platform: "twitch",
  first_seen: now() - 90_000,
  last_seen: now() - 60,
  language: "en",
  count: 12,
  facts: 1,
  note: "",
  exchanges: [],
};
const TOO = { ...ADA, id: "youtube:UC7", name: "Ada L.", platform: "youtube" };
const FIRST = { id: ADA.id, name: "Ada", platform: "twitch", at: 0, by: "" };
const SECOND = { id: TOO.id, name: "Ada L.", platform: "youtube", at: now() - 50, by: "code" };

test("the operator finds another account by its name and joins it", async () => {
  answers["GET /accounts"] = { body: [] };
  answers["GET /viewers"] = { body: { total: 2, viewers: [ADA, TOO] } };
  answers["POST /accounts"] = { status: 204 };
  sit(<Accounts viewer={ADA} />);
  expect(await screen.findByText(PEOPLE.accountsEmptyHelp)).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: PEOPLE.join }));
  const dialog = within(await screen.findByRole("dialog", { name: PEOPLE.joinTitle("Ada") }));
  expect(dialog.getByText(PEOPLE.joinHelp)).toBeDefined();
  const other = await dialog.findByRole("button", { name: /Ada L\./ });
  expect(dialog.queryByText(ADA.id)).toBeNull();
  fireEvent.click(other);
  await waitFor(() => expect(asked("POST")[0]?.body).toEqual({ main: ADA.id, viewer: TOO.id }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});

test("accounts are shown with who joined them, and parted again", async () => {
  answers["GET /accounts"] = { body: [{ main: ADA.id, accounts: [FIRST, SECOND] }] };
  answers[`DELETE /accounts/${encodeURIComponent(TOO.id)}`] = { status: 204 };
  const { unmount } = sit(<Accounts viewer={ADA} />);
  expect((await screen.findByRole("link", { name: "Ada L." })).getAttribute("href")).toBe(
    `/control/people?viewer=${encodeURIComponent(TOO.id)}`,
  );
  expect(screen.getByText(PEOPLE.joinedBy("code"), { exact: false })).toBeDefined();
  expect(screen.queryByRole("button", { name: PEOPLE.part("Ada") })).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: PEOPLE.part("Ada L.") }));
  await waitFor(() => expect(asked("DELETE")).toHaveLength(1));
  unmount();
  sit(<Accounts viewer={ADA} />, "moderator");
  expect(await screen.findByRole("link", { name: "Ada L." })).toBeDefined();
  expect(screen.queryByRole("button")).toBeNull();
});
