import { expect, test } from "vitest";
import type { AnyEvent } from "../src/protocol/events";
import type { Column } from "../src/windows/control/database/api";
import { bytes, isMoment, shown, turned, typed } from "../src/windows/control/database/cells";
import { counted, measured } from "../src/windows/control/doctor/api";
import { KINDS, spoken, told, tone } from "../src/windows/control/log/told";
import { turnOf } from "../src/windows/control/log/turn";
import { difference, wordsOf } from "../src/windows/control/moderation/words";
import { changes, folded } from "../src/windows/control/settings/changes";
import { total, within, worthShowing } from "../src/windows/control/timings/histogram";
import { IDEAL, TARGET, totalOf } from "../src/windows/control/timings/stages";

const at = { at: 1, floor: "public" };
const TIMINGS = {
  recognised: -1,
  waited: 0,
  prompted: 0,
  first_token: 0.1,
  first_line: 0.2,
  first_sound: 0.3,
  first_sample: 0.4,
  last_sample: 2,
};

test("two texts in one: what both have stays, the rest is theirs or mine", () => {
  const pieces = changes("a\nb\nc\nd", "a\nB\nc\nd\ne");
  expect(pieces.map(({ kind, text }) => `${kind[0]}${text}`)).toEqual(["sa", "tb", "mB", "sc", "sd", "me"]);
  expect(changes("x", "x")).toEqual([{ kind: "same", text: "x" }]);
  expect(changes("", "new").map((piece) => piece.kind)).toEqual(["theirs", "mine"]);
});

test("each text can be read out of the two in one, however they differ", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 200; round++) {
    const text = () => Array.from({ length: random(12) }, () => "abc"[random(3)]).join("\n");
    const theirs = text();
    const mine = text();
    const pieces = changes(theirs, mine);
    const without = (kind: string) => pieces.filter((piece) => piece.kind !== kind).map((piece) => piece.text);
    expect(without("mine").join("\n")).toBe(theirs);
    expect(without("theirs").join("\n")).toBe(mine);
  }
});

test("a text too large to compare line by line is shown as wholly different, at once", () => {
  const many = (prefix: string) => Array.from({ length: 3_000 }, (_, i) => `${prefix}${i}`).join("\n");
  const pieces = changes(many("a"), many("b"));
  expect(pieces).toHaveLength(6_000);
  expect(new Set(pieces.map((piece) => piece.kind))).toEqual(new Set(["theirs", "mine"]));
});

test("far from a difference, lines are counted instead of shown", () => {
  const lines = Array.from({ length: 20 }, (_, i) => String(i));
  const changed = lines.with(10, "other");
  const shown = folded(changes(lines.join("\n"), changed.join("\n")));
  expect(shown.map((piece) => (typeof piece === "number" ? piece : piece.text))).toEqual([
    8,
    "8",
    "9",
    "10",
    "other",
    "11",
    "12",
    7,
  ]);
});

test("a word list is what stands on its lines", () => {
  expect(wordsOf(" darn \n\nblow   up\ndarn\n")).toEqual(["darn", "blow up"]);
  expect(wordsOf("")).toEqual([]);
  expect(difference(["a", "b"], ["b", "c", "d"])).toEqual({ added: 2, removed: 1 });
});

test("a histogram tells within which bound a share of all lies", () => {
  const histogram = { bounds_ms: [100, 200, 500], counts: [5, 4, 0, 1] };
  expect(total(histogram)).toBe(10);
  expect(within(histogram, 0.5)).toBe(100);
  expect(within(histogram, 0.9)).toBe(200);
  expect(within(histogram, 0.95)).toBeNull();
  expect(within({ bounds_ms: [100], counts: [0, 0] }, 0.5)).toBeNull();
});

test("of a histogram, what holds something and the target are shown, with one bucket around", () => {
  const bounds_ms = [10, 20, 50, 100, 200, 500, 1000];
  const shown = worthShowing({ bounds_ms, counts: [0, 0, 3, 1, 0, 0, 0, 0] }, 200);
  expect(shown).toEqual({ bounds_ms: [20, 50, 100, 200, 500], counts: [0, 3, 1, 0, 0] });
  const late = worthShowing({ bounds_ms, counts: [0, 0, 0, 0, 0, 0, 1, 2] });
  expect(late).toEqual({ bounds_ms: [500, 1000], counts: [0, 1, 2] });
  const none = { bounds_ms, counts: [0, 0, 0, 0, 0, 0, 0, 0] };
  expect(worthShowing(none)).toEqual(none);
});

test("the stages' targets are the show's: recognition 500 ms, answer 1 s, voice 300 ms, all 2 s", () => {
  const [recognition, ...rest] = IDEAL;
  expect(recognition?.seconds).toBe(0.5);
  expect(totalOf(rest.slice(0, 3))).toBeCloseTo(1);
  expect(totalOf(rest.slice(3))).toBeCloseTo(0.3);
  expect(totalOf(IDEAL)).toBeLessThan(TARGET);
  expect(TARGET).toBe(2);
});

const viewer = { id: "irc:ada", name: "Ada", platform: "irc", roles: [], known_as: "" };
const from = { id: "1", link: "twitch", source: "m1" };
const to = { id: "1", link: "twitch" };
test.each<[AnyEvent, string, string]>([
  [
    {
      type: "chat_message",
      ...at,
      ...from,
      viewer,
      language: "en",
      text: "Hi!",
      channel: "",
      first: false,
      emotes: [],
    },
    "Ada · “Hi!”",
    "quiet",
  ],
  [
    { type: "gift", ...at, ...from, viewer, language: "", what: "cheer", amount: 500, unit: "bits", message: "" },
    "Ada · 500 bits",
    "gilt",
  ],
  [
    { type: "dropped", ...at, lane: "chat", reason: "capacity", count: 3, percept: "" },
    "chat · capacity · 3 percepts",
    "quiet",
  ],
  [
    {
      type: "line_stopped",
      ...at,
      turn: "t",
      line: "l",
      shown: "Custard.",
      reason: "a word",
      substitute: "",
      until: 0,
    },
    "“Custard.” · a word",
    "trouble",
  ],
  [
    { type: "line_ended", ...at, turn: "t", line: "l", sample: 0, heard: "", cut: true },
    "nothing was heard · cut",
    "live",
  ],
  [
    { type: "engine_state", ...at, engine: "ollama", kind: "brain", state: "resting", detail: "late" },
    "brain · ollama · resting · late",
    "trouble",
  ],
  [
    { type: "engine_state", ...at, engine: "ollama", kind: "brain", state: "ready", detail: "" },
    "brain · ollama · ready",
    "well",
  ],
  [
    { type: "act_done", ...at, act: "a", link: "irc", ok: false, detail: "not let in" },
    "irc · not done · not let in",
    "trouble",
  ],
  [
    { type: "task_failed", ...at, task: "ears", detail: "broken pipe", delay: 2 },
    "ears · broken pipe · again in 2 s",
    "trouble",
  ],
  [{ type: "floor_opened", ...at }, "", "quiet"],
  [
    { type: "verdict", ...at, ...to, viewer, action: "timeout", reason: "links", seconds: 60, source: "", channel: "" },
    "timeout · Ada · links · 60 s",
    "quiet",
  ],
  [
    { type: "fulfil", ...at, ...to, redemption: "r", reward: "Rant", refund: true },
    "twitch · Rant · refunded",
    "quiet",
  ],
  [
    {
      type: "gap",
      ...at,
      link: "twitch",
      seconds: 31.4,
      recovered: 1,
      detail: "1 redemption was asked for afterwards",
    },
    "twitch · 31 s unheard · 1 redemption was asked for afterwards",
    "trouble",
  ],
  [
    {
      type: "held",
      ...at,
      link: "twitch",
      viewer,
      text: "you fool",
      source: "m1",
      state: "denied",
      reason: "aggressive, level 2",
      by: "Pip",
    },
    "twitch · denied · Ada · “you fool” · aggressive, level 2 · by Pip",
    "quiet",
  ],
  [{ type: "stream_started", ...at, link: "twitch", title: "Puns" }, "twitch · “Puns”", "quiet"],
])("%o is told in a line", (event, line, colour) => {
  expect(told(event)).toBe(line);
  expect(tone(event)).toBe(colour);
});

test("kinds are said as people say them", () => {
  expect(spoken("line_stopped")).toBe("line stopped");
  expect(new Set(KINDS).size).toBe(KINDS.length);
});

test("a turn is put together from its events, others are left out", () => {
  const ending = {
    state: "interrupted" as const,
    heard: "One.",
    cut: true,
    reason: "stopped",
    answered: [],
    timings: TIMINGS,
  };
  const line = (id: string, shown: string) => ({ ...at, turn: "t", line: id, shown, language: "en", feeling: "" });
  const events: AnyEvent[] = [
    { type: "turn_started", ...at, turn: "t", lane: "chat", percepts: [], text: "Count!", who: "Ada" },
    { type: "line_written", ...line("a", "One.") },
    { type: "line_written", ...line("b", "Two.") },
    {
      type: "line_stopped",
      ...at,
      turn: "t",
      line: "c",
      shown: "Custard.",
      reason: "a word",
      substitute: "",
      until: 0,
    },
    { type: "line_started", ...line("a", "One."), sample: 0, spoken: "One.", cues: [] },
    { type: "line_ended", ...at, turn: "t", line: "a", sample: 1, heard: "One.", cut: false },
    { type: "line_started", ...line("b", "Two."), sample: 1, spoken: "Two.", cues: [] },
    { type: "line_written", ...line("z", "Else."), turn: "other" },
    { type: "turn_ended", ...at, turn: "t", lane: "chat", ending },
  ];
  const turn = turnOf("t", events);
  expect(turn).toMatchObject({ id: "t", lane: "chat", who: "Ada", text: "Count!", ending });
  expect(turn.lines.map(({ shown, state }) => [shown, state])).toEqual([
    ["One.", "heard"],
    ["Two.", "sounding"],
    ["Custard.", "stopped"],
  ]);
  expect(turnOf("t", events.slice(4, 6)).lines).toMatchObject([{ shown: "One.", heard: "One.", state: "heard" }]);
});

test("a cell is shown and typed as its column has it", () => {
  const column = (name: string, type: Column["type"]) => ({ name, type, editable: true });
  expect(bytes(950)).toBe("950 B");
  expect(bytes(48_123_456)).toBe("48 MB");
  expect(bytes(1_234)).toBe("1.2 kB");
  expect([shown(null), shown(true), shown(12345.6789)]).toEqual(["–", "yes", "12,345.679"]);
  expect(isMoment(column("at", "float"), 1_760_000_000)).toBe(true);
  expect(isMoment(column("at", "float"), 12)).toBe(false);
  expect(isMoment(column("count", "integer"), 1_760_000_000)).toBe(false);
  expect(typed(column("priority", "integer"), " 7 ")).toBe(7);
  expect(typed(column("text", "text"), "7")).toBe("7");
  expect(typed(column("cut", "boolean"), "true")).toBe(true);
  expect(() => typed(column("priority", "integer"), "seven")).toThrow("priority: “seven” is not a number");
});

test("a column is sorted up, down and not at all", () => {
  expect(turned("", "at")).toBe("at");
  expect(turned("at", "at")).toBe("-at");
  expect(turned("-at", "at")).toBe("");
  expect(turned("-at", "text")).toBe("text");
});

test("the doctor's checks are counted and figures carry their unit", () => {
  const check = (state: "ok" | "warn" | "bad") => ({ name: "x", state, detail: "", remedy: "", figures: [] });
  const report = {
    at: 0,
    version: "1",
    quick: false,
    well: false,
    sections: [
      { name: "a", checks: [check("ok"), check("bad")] },
      { name: "b", checks: [check("ok")] },
    ],
  };
  expect(counted(report)).toEqual({ ok: 2, warn: 0, bad: 1 });
  expect([measured(1812.34, "ms"), measured(0.0123, "")]).toEqual(["1,812 ms", "0.0123"]);
});
