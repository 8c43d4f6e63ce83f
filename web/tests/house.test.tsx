// @vitest-environment jsdom
import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import "./dom";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../src/protocol/client";
import { Database } from "../src/windows/control/database/Database";
import { TEXT as DATABASE } from "../src/windows/control/database/text";
import { Doctor } from "../src/windows/control/doctor/Doctor";
import { TEXT as DOCTOR } from "../src/windows/control/doctor/text";
import { EnginesPage } from "../src/windows/control/engines/EnginesPage";
import { TEXT as ENGINES } from "../src/windows/control/engines/text";
import { Log } from "../src/windows/control/log/Log";
import { TEXT as LOG } from "../src/windows/control/log/text";
import { Moderation } from "../src/windows/control/moderation/Moderation";
import { TEXT as MODERATION } from "../src/windows/control/moderation/text";
import { Security } from "../src/windows/control/security/Security";
import { TEXT as SECURITY } from "../src/windows/control/security/text";
import { Settings } from "../src/windows/control/settings/Settings";
import { TEXT as SETTINGS } from "../src/windows/control/settings/text";
import { Timings } from "../src/windows/control/timings/Timings";
import { TEXT as TIMINGS } from "../src/windows/control/timings/text";
import { type Answers, type Call, fetching, sit } from "./desk";

let answers: Answers;
let calls: Call[];
const show = (page: ReactNode, address = "/control/x") => sit(page, "operator", {}, address);

beforeEach(() => {
  answers = {};
  calls = [];
  vi.stubGlobal("fetch", fetching(answers, calls));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const now = () => Date.now() / 1000;
const called = (method: string, path: string) => calls.filter((call) => call.method === method && call.path === path);
const write = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const press = (name: string | RegExp) => fireEvent.click(screen.getByRole("button", { name }));

// --- moderation ---------------------------------------------------------------------------------------------------

const JUDGED = { turn: "t", floor: "public", shown: "I adore custard.", reason: "a word of the list", substitute: "" };

test("a stopped line stands with its reason, what became of it, and can be released while there is time", async () => {
  answers["GET /moderation/log"] = {
    body: {
      total: 3,
      lines: [
        { ...JUDGED, line: "a", at: now(), until: now() + 9, released: false },
        { ...JUDGED, line: "b", at: now() - 60, until: now() - 50, released: true, substitute: "Let me see." },
        { ...JUDGED, line: "c", at: now() - 90, until: now() - 80, released: false },
      ],
    },
  };
  answers["GET /moderation/lists"] = { body: { lists: {}, own: {} } };
  answers["POST /stopped/a/release"] = { status: 204 };
  show(<Moderation />);
  fireEvent.click(await screen.findByRole("button", { name: /^Release \d s$/ }));
  await waitFor(() => expect(called("POST", "/stopped/a/release")).toHaveLength(1));
  expect(screen.getByText(MODERATION.released)).toBeDefined();
  expect(screen.getByText(MODERATION.stopped)).toBeDefined();
  expect(screen.getByText(/said instead: “Let me see.”/)).toBeDefined();
  expect(screen.getAllByRole("link", { name: MODERATION.toLog })[0]?.getAttribute("href")).toBe("/control/log?turn=t");
});

test("words of one's own are saved as a list, others are only shown; the last change is taken back", async () => {
  answers["GET /moderation/log"] = { body: { total: 0, lines: [] } };
  answers["GET /moderation/lists"] = {
    body: { lists: { any: ["spam", "mine"], en: [] }, own: { any: ["mine"], en: [] } },
  };
  answers["PUT /moderation/lists/any"] = { status: 204 };
  answers["POST /moderation/undo"] = { status: 204 };
  show(<Moderation />);
  expect(await screen.findByText(MODERATION.builtin(1))).toBeDefined();
  expect(screen.queryByText("spam")).toBeNull();
  press(MODERATION.builtinShow);
  expect(screen.getByText("spam")).toBeDefined();
  const save = screen.getByRole<HTMLButtonElement>("button", { name: MODERATION.save });
  expect(save.disabled).toBe(true);
  write(MODERATION.own, "new word\n\n new  word \nother");
  expect(screen.getByText("+2")).toBeDefined();
  expect(screen.getByText("−1")).toBeDefined();
  fireEvent.click(save);
  await waitFor(() =>
    expect(called("PUT", "/moderation/lists/any")[0]?.body).toEqual({ words: ["new word", "other"] }),
  );
  press(MODERATION.undo);
  await waitFor(() => expect(called("POST", "/moderation/undo")).toHaveLength(1));
});

test("a sentence is judged as said and as read, without a press of a button", async () => {
  answers["GET /moderation/log"] = { body: { total: 0, lines: [] } };
  answers["GET /moderation/lists"] = { body: { lists: {}, own: {} } };
  answers["POST /moderation/try"] = { body: { said: { reason: "a word of the list" }, read: { reason: "" } } };
  show(<Moderation />);
  expect(await screen.findByText(MODERATION.logEmpty)).toBeDefined();
  write(MODERATION.tryText, "I adore custard. ");
  expect(await screen.findByText("a word of the list")).toBeDefined();
  expect(screen.getByText(MODERATION.passes)).toBeDefined();
  expect(called("POST", "/moderation/try")[0]?.body).toEqual({ text: "I adore custard.", language: "en" });
});

// --- engines --------------------------------------------------------------------------------------------------------

const ENGINE = { engine: "x", detail: "", failures: 0, calls: 0, last_ms: null, used: {} };

test("an engine is tried: what it said, how quick it was; a failure in its own words", async () => {
  answers["GET /found"] = { body: [] };
  answers["GET /engines"] = {
    body: [
      { ...ENGINE, name: "ollama", kind: "brain", state: "resting", detail: "no answer within 5 s" },
      { ...ENGINE, name: "improviser", kind: "brain", state: "ready", calls: 1 },
    ],
  };
  answers["POST /engines/brain/improviser/try"] = {
    body: { ok: true, first_ms: 12, seconds: 1.5, detail: "", text: "Hello, you!" },
  };
  answers["POST /engines/brain/ollama/try"] = {
    body: { ok: false, first_ms: null, seconds: 5, detail: "nobody listens" },
  };
  show(<EnginesPage />);
  expect(await screen.findByText(ENGINES.statesHelp.resting)).toBeDefined();
  expect(screen.getByText(ENGINES.neverAsked)).toBeDefined();
  expect(screen.getByText("1 call")).toBeDefined();
  press(/^Try it.*improviser/);
  expect(await screen.findByText("“Hello, you!”")).toBeDefined();
  expect(screen.getByText("first after 12 ms · 1.50 s in all")).toBeDefined();
  press(/^Try it.*ollama/);
  expect(await screen.findByText("nobody listens")).toBeDefined();
});

test("where no engine or model server is, it says what to do next", async () => {
  for (const part of ["engines", "found"]) answers[`GET /${part}`] = { body: [] };
  show(<EnginesPage />);
  for (const help of [ENGINES.enginesEmptyHelp, ENGINES.foundEmptyHelp])
    expect(await screen.findByText(help)).toBeDefined();
});

test("a found server becomes the brain at one click", async () => {
  answers["GET /engines"] = { body: [] };
  answers["GET /found"] = { body: [{ name: "Ollama", url: "http://127.0.0.1:11434/v1", models: ["qwen3:8b"] }] };
  answers["POST /brain"] = { status: 204 };
  show(<EnginesPage />);
  fireEvent.click(await screen.findByRole("button", { name: ENGINES.use }));
  await waitFor(() =>
    expect(called("POST", "/brain")[0]?.body).toEqual({ url: "http://127.0.0.1:11434/v1", model: "qwen3:8b" }),
  );
});

test("kept sound: how much it saves, and the operator clears it", async () => {
  answers["GET /engines"] = {
    body: [{ ...ENGINE, name: "cloud", kind: "voice", state: "ready", calls: 10, kept: { hits: 7, misses: 3 } }],
  };
  answers["GET /found"] = { body: [] };
  answers["GET /sounds"] = { body: { lines: 3, bytes: 4_200_000, most: 200_000_000, hits: 7, misses: 3 } };
  answers["DELETE /sounds"] = { body: { deleted: 3 } };
  show(<EnginesPage />);
  expect(await screen.findByText(ENGINES.soundsHeld(3, "4.2", "200"), { exact: false })).toBeDefined();
  expect(screen.getByText("70 % of 10 lines were kept")).toBeDefined();
  expect(await screen.findByText(ENGINES.kept(7, 10), { exact: false })).toBeDefined();
  fireEvent.click(screen.getByRole("button", { name: `${ENGINES.clear}${ENGINES.sounds}` }));
  expect(await screen.findByText(ENGINES.cleared(3))).toBeDefined();
  expect(called("DELETE", "/sounds")).toHaveLength(1);
});

test("who only looks sees the engines' states, and no button that is not theirs", async () => {
  answers["GET /engines"] = { body: [{ ...ENGINE, name: "espeak", kind: "voice", state: "ready" }] };
  sit(<EnginesPage />, "viewer");
  expect(await screen.findByText("espeak")).toBeDefined();
  expect(screen.queryByRole("button", { name: /espeak/ })).toBeNull();
  expect(called("GET", "/found")).toHaveLength(0);
});

test("what a voice says in a try is played, and its sound is let go of afterwards", async () => {
  const play = vi.fn(async () => {});
  const pause = vi.fn();
  vi.stubGlobal(
    "Audio",
    class {
      play = play;
      pause = pause;
    },
  );
  const create = vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:x");
  const revoke = vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
  answers["GET /found"] = { body: [] };
  answers["GET /engines"] = { body: [{ ...ENGINE, name: "espeak", kind: "voice", state: "ready" }] };
  answers["POST /engines/voice/espeak/try"] = {
    body: { ok: true, first_ms: 3, seconds: 1, detail: "", sound: btoa("RIFF") },
  };
  const { unmount } = show(<EnginesPage />);
  fireEvent.click(await screen.findByRole("button", { name: /espeak/ }));
  press(await screen.findByRole("button", { name: ENGINES.playAgain }).then(() => ENGINES.playAgain));
  expect(play).toHaveBeenCalledTimes(2);
  expect(create).toHaveBeenCalledWith(expect.objectContaining({ type: "audio/wav" }));
  unmount();
  expect(pause).toHaveBeenCalled();
  expect(revoke).toHaveBeenCalledWith("blob:x");
});

// --- timings --------------------------------------------------------------------------------------------------------

test("the spread of each stage stands with its target and what most turns stay within", async () => {
  answers["GET /timings"] = {
    body: {
      turns: [],
      targets: { voice: 300 },
      histograms: { voice: { bounds_ms: [100, 300, 1000], counts: [6, 3, 1, 0] } },
    },
  };
  show(<Timings />);
  expect(await screen.findByText(TIMINGS.emptyHelp)).toBeDefined();
  const chart = screen.getByRole("img", { name: "Voice: 10 turns, half within 100 ms, 95 % within 1.00 s" });
  expect(chart.querySelectorAll("rect")).toHaveLength(4);
  expect(chart.querySelectorAll('rect[fill="var(--trouble)"]')).toHaveLength(2);
  expect(screen.getByText(/target 300 ms/)).toBeDefined();
});

// --- log ------------------------------------------------------------------------------------------------------------

const EVENT = { at: now() - 10, floor: "public" };
const LINE = { ...EVENT, type: "line_written", turn: "t1", line: "l", shown: "Hello!", language: "en", feeling: "" };

test("from a line it is one click to its turn, and one back", async () => {
  answers["GET /floors"] = { body: [] };
  answers["GET /log"] = (_, query) => ({
    body: {
      total: 12_345,
      events: [
        { seq: 7, event: LINE },
        ...(query.get("turn") ? [] : [{ seq: 6, event: { ...EVENT, type: "floor_opened" } }]),
        {
          seq: 5,
          event: { ...EVENT, type: "turn_started", turn: "t1", lane: "chat", percepts: [], text: "Hi", who: "Ada" },
        },
      ],
    },
  });
  show(<Log />, "/control/log");
  expect(await screen.findByText(LOG.remembered("12,345"))).toBeDefined();
  expect(screen.getAllByRole("button", { name: LOG.toTurn })).toHaveLength(2);
  fireEvent.click(screen.getAllByRole("button", { name: LOG.toTurn })[0] as HTMLElement);
  const turn = await screen.findByRole("region", { name: LOG.turn });
  await waitFor(() => expect(within(turn).getByText("Hello!")).toBeDefined());
  expect(within(turn).getByText("Hi")).toBeDefined();
  expect(within(turn).getByText(LOG.going)).toBeDefined();
  await waitFor(() => expect(called("GET", "/log").at(-1)?.query).toContain("turn=t1"));
  press(LOG.leave);
  await waitFor(() => expect(screen.queryByRole("region", { name: LOG.turn })).toBeNull());
});

test("the filters of the address are asked for; where nothing is found they can be cleared", async () => {
  answers["GET /floors"] = { body: [] };
  answers["GET /log"] = { body: { total: 5, events: [] } };
  show(<Log />, "/control/log?kind=gift&q=bells");
  expect(await screen.findByText(LOG.none)).toBeDefined();
  expect(called("GET", "/log")[0]?.query).toBe("limit=100&q=bells&kind=gift");
  press(LOG.clear);
  expect(await screen.findByText(LOG.emptyHelp)).toBeDefined();
  expect(called("GET", "/log").at(-1)?.query).toBe("limit=100");
});

test("older events stand still and are asked for by their place", { timeout: 30_000 }, async () => {
  answers["GET /floors"] = { body: [] };
  const lull = (seq: number) => ({
    seq,
    event: { ...EVENT, type: "lull", id: "", viewer: null, language: "", seconds: seq },
  });
  const events = (from: number, count: number) => Array.from({ length: count }, (_, i) => lull(from - i));
  answers["GET /log"] = (_, query) => ({
    body: { total: 150, events: query.get("before") ? events(50, 50) : events(150, 100) },
  });
  show(<Log />, "/control/log");
  await screen.findByText("150.0 s");
  // Not by role: what a hundred rows are to assistive programs takes jsdom seconds to find out.
  fireEvent.click(screen.getByText(LOG.older));
  await screen.findByText("50.0 s");
  expect(called("GET", "/log").at(-1)?.query).toBe("limit=100&before=51");
  expect(screen.getByLabelText<HTMLButtonElement>(LOG.live).disabled).toBe(true);
  fireEvent.click(screen.getByText(LOG.newest));
  await screen.findByText("150.0 s");
});

test("what happens while one looks is asked for at once", async () => {
  answers["GET /floors"] = { body: [] };
  let listen: () => void = () => {};
  vi.spyOn(Connection.prototype, "on").mockImplementation((kind, listener) => {
    if (kind === "event") listen = listener as () => void;
    return () => {};
  });
  answers["GET /log"] = { body: { total: 0, events: [] } };
  show(<Log />, "/control/log");
  expect(await screen.findByText(LOG.empty)).toBeDefined();
  answers["GET /log"] = { body: { total: 1, events: [{ seq: 1, event: LINE }] } };
  act(() => listen());
  expect(await screen.findByText("“Hello!” · en")).toBeDefined();
});

// --- settings -------------------------------------------------------------------------------------------------------

function showFile(text = 'name = "Pip"\n') {
  let kept = { file: "/shows/pip.toml", text, hash: "1" };
  answers["GET /settings"] = () => ({ body: kept });
  answers["POST /settings/check"] = (body) => {
    const wrong = (body as { text: string }).text.split("\n").indexOf("nmae = 1") + 1;
    return {
      body: {
        mistakes: wrong ? [{ line: wrong, key: "nmae", reason: "there is no such key; did you mean name?" }] : [],
        needs: (body as { text: string }).text === kept.text ? [] : [{ key: "gateway.port", needs: "restart" }],
      },
    };
  };
  answers["PUT /settings"] = (body) => {
    const asked = body as { text: string; hash: string };
    if (asked.hash !== kept.hash) return { status: 409, body: { detail: "the file has changed" } };
    kept = { ...kept, text: asked.text, hash: `${kept.hash}+` };
    return { body: kept };
  };
  return {
    change: (theirs: string) => {
      kept = { ...kept, text: theirs, hash: "2" };
    },
  };
}

test("a mistake is marked as one types, leads to its line, and cannot be saved", async () => {
  showFile("a\nb\n");
  show(<Settings />);
  const text = await screen.findByLabelText<HTMLTextAreaElement>(SETTINGS.label);
  expect(await screen.findByText(SETTINGS.fine)).toBeDefined();
  expect(called("POST", "/settings/check").map(({ body }) => body)).toEqual([{ text: "a\nb\n" }]);
  write(SETTINGS.label, "a\nb\nnmae = 1\n");
  expect(await screen.findByText("1 mistake")).toBeDefined();
  expect(screen.getByRole<HTMLButtonElement>("button", { name: SETTINGS.save }).disabled).toBe(true);
  expect(text.getAttribute("aria-invalid")).toBe("true");
  press(/line 3/);
  expect(document.activeElement).toBe(text);
  expect(text.selectionStart).toBe(4);
});

test("what a change needs stands beside it, and is told again when it is saved", async () => {
  showFile();
  show(<Settings />);
  await screen.findByLabelText(SETTINGS.label);
  expect(await screen.findByText(SETTINGS.needsNone)).toBeDefined();
  write(SETTINGS.label, 'name = "Pip"\nport = 1\n');
  expect(await screen.findByText("gateway.port")).toBeDefined();
  expect(screen.getByText(SETTINGS.needsHelp.restart)).toBeDefined();
  const save = screen.getByRole<HTMLButtonElement>("button", { name: SETTINGS.save });
  await waitFor(() => expect(save.disabled).toBe(false));
  fireEvent.keyDown(screen.getByLabelText(SETTINGS.label), { key: "s", ctrlKey: true });
  expect((await screen.findAllByText(SETTINGS.savedRestart("gateway.port"))).length).toBeGreaterThan(0);
  expect(called("PUT", "/settings")[0]?.body).toEqual({ text: 'name = "Pip"\nport = 1\n', hash: "1" });
  await waitFor(() => expect(screen.queryByText(SETTINGS.unsaved)).toBeNull());
});

test.each([
  [SETTINGS.conflictTheirs, "theirs"],
  [SETTINGS.conflictMine, "mine"],
  [SETTINGS.conflictEdit, "mine"],
])("two people edit the file: %s", async (choice, shown) => {
  const file = showFile("before");
  show(<Settings />);
  const text = await screen.findByLabelText<HTMLTextAreaElement>(SETTINGS.label);
  write(SETTINGS.label, "mine");
  const save = screen.getByRole<HTMLButtonElement>("button", { name: SETTINGS.save });
  await waitFor(() => expect(save.disabled).toBe(false));
  file.change("theirs");
  fireEvent.click(save);
  const dialog = await screen.findByRole("dialog", { name: SETTINGS.conflict });
  expect(within(dialog).getByText(/− theirs/, { selector: ".whitespace-pre" })).toBeDefined();
  expect(within(dialog).getByText(/\+ mine/, { selector: ".whitespace-pre" })).toBeDefined();
  fireEvent.click(within(dialog).getByRole("button", { name: choice }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await waitFor(() => expect(text.value).toBe(shown));
  const saved = called("PUT", "/settings").map((call) => (call.body as { hash: string }).hash);
  expect(saved).toEqual(choice === SETTINGS.conflictMine ? ["1", "2"] : ["1"]);
  expect(screen.queryByText(SETTINGS.unsaved) !== null).toBe(choice === SETTINGS.conflictEdit);
});

test("Tab indents in the text, and leaves it after Escape", async () => {
  showFile("");
  show(<Settings />);
  const text = await screen.findByLabelText<HTMLTextAreaElement>(SETTINGS.label);
  expect(fireEvent.keyDown(text, { key: "Tab" })).toBe(false);
  expect(text.value).toBe("    ");
  fireEvent.keyDown(text, { key: "Escape" });
  expect(fireEvent.keyDown(text, { key: "Tab" })).toBe(true);
});

test("a file that holds a secret is not shown: the program says what to do", async () => {
  answers["GET /settings"] = { status: 409, body: { detail: "pip.toml:7: this line looks like a key" } };
  show(<Settings />);
  expect(await screen.findByText("pip.toml:7: this line looks like a key")).toBeDefined();
  expect(screen.queryByLabelText(SETTINGS.label)).toBeNull();
});

// --- database -------------------------------------------------------------------------------------------------------

function tables(deletable = true) {
  answers["GET /database"] = {
    body: {
      where: "sqlite",
      size: 48_000_000,
      tables: [
        {
          name: "facts",
          key: "id",
          deletable,
          rows: 120,
          columns: [
            { name: "id", type: "integer", editable: false },
            { name: "text", type: "text", editable: true },
            { name: "weight", type: "float", editable: true },
          ],
        },
      ],
    },
  };
  answers["GET /database/facts"] = {
    body: { total: 120, rows: [{ id: 7, text: "likes tee", weight: 1 }], older: null },
  };
}

test("a table is searched, sorted and paged", async () => {
  tables();
  show(<Database />);
  expect(await screen.findByText("likes tee")).toBeDefined();
  expect(screen.getByText("1–50 of 120")).toBeDefined();
  press("text");
  await waitFor(() => expect(called("GET", "/database/facts").at(-1)?.query).toContain("order=text"));
  press("text");
  await waitFor(() => expect(called("GET", "/database/facts").at(-1)?.query).toContain("order=-text"));
  press("The page after");
  await waitFor(() => expect(called("GET", "/database/facts").at(-1)?.query).toContain("offset=50"));
  write(DATABASE.search, "tea");
  await waitFor(() => expect(called("GET", "/database/facts").at(-1)?.query).toMatch(/q=tea&offset=0/));
});

test("a search goes on with older rows where it did not look through all", async () => {
  tables();
  answers["GET /database/facts"] = { body: { total: 0, rows: [], older: 90_001 } };
  show(<Database />);
  expect(await screen.findByText(DATABASE.empty)).toBeDefined();
  expect(screen.queryByRole("button", { name: DATABASE.older })).toBeNull();
  write(DATABASE.search, "tea");
  const older = await screen.findByRole<HTMLButtonElement>("button", { name: DATABASE.older });
  await waitFor(() => expect(older.disabled).toBe(false));
  fireEvent.click(older);
  await waitFor(() => expect(called("GET", "/database/facts").at(-1)?.query).toContain("before=90001"));
  fireEvent.click(await screen.findByRole("button", { name: DATABASE.newest }));
  await waitFor(() => expect(called("GET", "/database/facts").at(-1)?.query).not.toContain("before"));
});

test("a row is edited where it may be, and only what changed is sent", async () => {
  tables();
  answers["PUT /database/facts/7"] = { status: 204 };
  show(<Database />);
  fireEvent.click(await screen.findByRole("button", { name: DATABASE.open("7") }));
  expect(screen.queryByLabelText("id")).toBeNull();
  write("weight", "heavy");
  press(DATABASE.save);
  expect((await screen.findAllByText("weight: “heavy” is not a number")).length).toBeGreaterThan(0);
  write("weight", "2.5");
  write("text", "likes tea");
  press(DATABASE.save);
  await waitFor(() => expect(called("PUT", "/database/facts/7")[0]?.body).toEqual({ text: "likes tea", weight: 2.5 }));
});

test("a row's own edits stand beneath it; a table whose rows stay has no button to delete them", async () => {
  tables(false);
  const edit = { at: now() - 60, by: "Ada’s phone", table: "facts", before: "likes coffee", after: "likes tee" };
  answers["GET /database/history"] = {
    body: [
      { ...edit, id: 3, key: "9", column: "text", before: "another row" },
      { ...edit, id: 2, key: "7", column: "text" },
    ],
  };
  show(<Database />);
  fireEvent.click(await screen.findByRole("button", { name: DATABASE.open("7") }));
  expect(await screen.findByText("likes coffee")).toBeDefined();
  expect(screen.queryByText("another row")).toBeNull();
  expect(screen.getByText(DATABASE.stays)).toBeDefined();
  expect(screen.queryByRole("button", { name: DATABASE.remove })).toBeNull();
});

test("a row is deleted only after a second yes", async () => {
  tables();
  answers["DELETE /database/facts/7"] = { status: 204 };
  show(<Database />);
  fireEvent.click(await screen.findByRole("button", { name: DATABASE.open("7") }));
  press(DATABASE.remove);
  expect(called("DELETE", "/database/facts/7")).toHaveLength(0);
  const dialog = await screen.findByRole("alertdialog", { name: DATABASE.removeTitle });
  fireEvent.click(within(dialog).getByRole("button", { name: DATABASE.remove }));
  await waitFor(() => expect(called("DELETE", "/database/facts/7")).toHaveLength(1));
});

test("a backup is restored only after a second yes, and a refusal is told", async () => {
  tables();
  answers["POST /database/restore"] = { status: 422, body: { detail: "this file is no backup of Marotte" } };
  show(<Database />);
  const tab = await screen.findByRole("tab", { name: DATABASE.tabs.backup });
  act(() => tab.focus());
  const file = new File(["no database"], "holiday.jpg");
  fireEvent.change(await screen.findByLabelText(DATABASE.restoreFile), { target: { files: [file] } });
  press(DATABASE.restoreDo);
  const dialog = await screen.findByRole("alertdialog", { name: DATABASE.restoreTitle });
  expect(dialog.textContent).toContain("holiday.jpg");
  fireEvent.click(within(dialog).getByRole("button", { name: DATABASE.restoreDo }));
  expect((await screen.findAllByText("this file is no backup of Marotte")).length).toBeGreaterThan(0);
  const [sent] = called("POST", "/database/restore");
  expect((sent as { body: FormData }).body.get("file")).toBeInstanceOf(File);
});

// --- doctor ---------------------------------------------------------------------------------------------------------

test("the doctor looks quickly at first, measures when asked, and gives the remedy for each gap", async () => {
  const check = { name: "voice azure", state: "bad", detail: "no key", remedy: "set MAROTTE_AZURE_KEY", figures: [] };
  const well = { name: "disk", state: "ok", detail: "", remedy: "", figures: [] };
  const slow = {
    ...well,
    name: "brain",
    state: "warn",
    figures: [{ name: "first word", value: 1800, unit: "ms", limit: 1000 }],
  };
  answers["GET /doctor"] = (_, query) => {
    const quick = query.get("quick") === "true";
    const checks = quick ? [check, well] : [check, well, slow];
    return { body: { at: now(), version: "0.2.0", quick, well: false, sections: [{ name: "House", checks }] } };
  };
  show(<Doctor />);
  expect(await screen.findByText("set MAROTTE_AZURE_KEY")).toBeDefined();
  expect(screen.getByText(DOCTOR.unwell)).toBeDefined();
  expect(screen.getByText("1 well, 1 amiss")).toBeDefined();
  expect(screen.getByText(DOCTOR.unmeasured)).toBeDefined();
  press(DOCTOR.measure);
  expect(await screen.findByText("1,800 ms")).toBeDefined();
  expect(screen.queryByText(DOCTOR.unmeasured)).toBeNull();
  fireEvent.click(screen.getByRole("switch", { name: DOCTOR.onlyGaps }));
  expect(screen.queryByText("disk")).toBeNull();
  expect(screen.getByText("voice azure")).toBeDefined();
});

// --- security -------------------------------------------------------------------------------------------------------

const PHONE = { id: "a1", name: "Ada’s phone", role: "moderator", created: now() - 9_000, used: null };

test("a token is shown once when it is made, and never again", async () => {
  answers["GET /tokens"] = { body: [] };
  answers["GET /audit"] = { body: [] };
  answers["GET /lan"] = { body: { on: false } };
  answers["POST /tokens"] = { status: 201, body: { id: "n", token: "marotte_secret" } };
  const writeText = vi.fn(async () => {});
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  show(<Security />);
  expect(await screen.findByText(SECURITY.tokensEmptyHelp)).toBeDefined();
  expect(await screen.findByText(SECURITY.lanOffHelp)).toBeDefined();
  press(SECURITY.make);
  write(SECURITY.name, " OBS ");
  fireEvent.click(within(screen.getByRole("dialog")).getByRole("button", { name: SECURITY.make }));
  expect(await screen.findByDisplayValue("marotte_secret")).toBeDefined();
  expect(called("POST", "/tokens")[0]?.body).toEqual({ name: "OBS", role: "moderator" });
  press(SECURITY.copy);
  await waitFor(() => expect(writeText).toHaveBeenCalledWith("marotte_secret"));
  press(SECURITY.close);
  await waitFor(() => expect(document.body.innerHTML).not.toContain("marotte_secret"));
  press(SECURITY.make);
  expect(document.body.innerHTML).not.toContain("marotte_secret");
});

test("a token is revoked only after a second yes", async () => {
  answers["GET /tokens"] = { body: [PHONE] };
  answers["GET /audit"] = { body: [] };
  answers["GET /lan"] = { body: { on: false } };
  answers["DELETE /tokens/a1"] = { status: 204 };
  show(<Security />);
  fireEvent.click(await screen.findByRole("button", { name: SECURITY.revokeName(PHONE.name) }));
  expect(called("DELETE", "/tokens/a1")).toHaveLength(0);
  fireEvent.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: SECURITY.revoke }));
  await waitFor(() => expect(called("DELETE", "/tokens/a1")).toHaveLength(1));
  expect((await screen.findAllByText(SECURITY.revoked(PHONE.name))).length).toBeGreaterThan(0);
});

test("the audit log tells who did what; the home network its address and code", async () => {
  answers["GET /tokens"] = { body: [PHONE] };
  const entry = { at: now() - 5, who: "Ada’s phone", rights: "moderator", address: "10.0.0.7", about: "name" };
  answers["GET /audit"] = {
    body: [
      { ...entry, what: "PUT /api/v1/settings", status: 403 },
      { ...entry, what: "stop", status: 0 },
    ],
  };
  answers["GET /lan"] = {
    body: {
      on: true,
      url: "https://10.0.0.2:8765",
      qr_svg: "<svg/>",
      pairing: { code: "482913", expires: now() + 60 },
    },
  };
  show(<Security />);
  expect(await screen.findByText("PUT /api/v1/settings")).toBeDefined();
  expect(screen.getByText(SECURITY.denied(403))).toBeDefined();
  expect(screen.getByText(SECURITY.frame)).toBeDefined();
  expect(await screen.findByText("482913")).toBeDefined();
  const code = screen.getByRole<HTMLImageElement>("img", { name: SECURITY.qr("https://10.0.0.2:8765") });
  expect(code.src).toBe("data:image/svg+xml,%3Csvg%2F%3E");
});
