/** What was said by both on one floor, made from its events. Pure. */
import type { AnyEvent, Timings, TurnStarted } from "../../protocol/events";

export interface Yours {
  who: "you";
  key: string;
  text: string;
  language: string;
  uncertain: boolean;
  /** Who said it, where it was somebody else. */
  from: string;
  /** Typed here and not yet taken up by a turn. */
  sending: boolean;
}

export interface Reply {
  who: "it";
  key: string;
  /** Nobody on the floor wanted it: the operator did, or it answers what was not said after all. */
  unasked: boolean;
  lines: { id: string; shown: string; language: string; heard: string | null }[];
  state: "live" | "done" | "interrupted" | "discarded" | "refused" | "failed";
  heard: string;
  cut: boolean;
  reason: string;
  timings: Timings | null;
}

export type Entry = Yours | Reply;

export interface Conversation {
  entries: Entry[];
  /** What is being understood at this moment. */
  partial: { text: string; uncertain: boolean } | null;
}

export const START: Conversation = { entries: [], partial: null };
const KEPT = 200;
/** The lane of what the operator wants said; nobody on the floor has said it. */
const OPERATOR = "operator";
/** Languages that are written without spaces between sentences. */
const UNSPACED = new Set(["ja", "zh"]);

/** An event, words typed here, or the news that some events were lost. */
export type Said = AnyEvent | { type: "lost" } | { type: "typed"; key: string; text: string; language: string };

/** Add one event to the conversation. */
export function follow(before: Conversation, event: Said): Conversation {
  switch (event.type) {
    case "typed":
      return put(before, yours(event.key, event.text, { language: event.language, sending: true }));
    case "transcript":
      if (!event.final) return { ...before, partial: { text: event.text, uncertain: event.uncertain } };
      return { ...(event.text ? put(before, yours(`said-${event.at}`, event.text, event)) : before), partial: null };
    case "turn_started":
      // A turn without percepts was begun early and thrown away: they said something else, or went on.
      if (event.lane === OPERATOR || !event.percepts.length) return put(before, fresh(event.turn, true));
      return put(answering(before, event), fresh(event.turn));
    case "line_started":
      return change(before, event.turn, (reply) => ({
        ...reply,
        lines: [
          ...reply.lines.filter((line) => line.id !== event.line),
          { id: event.line, shown: event.shown, language: event.language, heard: null },
        ],
      }));
    case "line_ended":
      return change(before, event.turn, (reply) => ({
        ...reply,
        lines: reply.lines.map((line) => (line.id === event.line ? { ...line, heard: event.heard } : line)),
      }));
    case "turn_ended": {
      const { state, heard, cut, reason, timings } = event.ending;
      return change(before, event.turn, (reply) => ({ ...reply, state, heard, cut, reason, timings }));
    }
    case "lost":
      return { entries: before.entries.map(closed), partial: null };
    case "speech_end":
      return event.why === "noise" ? { ...before, partial: null } : before;
    default:
      return before;
  }
}

/** The heard text of a reply; `live` is what of its present line has been heard up to now. */
export function heardOf(reply: Reply, live: { id: string; text: string } | null): string {
  if (reply.state !== "live") return reply.heard;
  const parts = reply.lines.map((line) => line.heard ?? (live?.id === line.id ? live.text : ""));
  return parts.filter(Boolean).join(UNSPACED.has(languageOf(reply)) ? "" : " ");
}

/** The language of a reply: that of its first line. */
export function languageOf(reply: Reply): string {
  return reply.lines[0]?.language ?? "";
}

/** A reply whose end may be among what was lost: it keeps what is known to have been heard. */
function closed(entry: Entry): Entry {
  if (entry.who === "you" || entry.state !== "live") return entry;
  return { ...entry, state: "done", heard: heardOf(entry, null) };
}

function yours(key: string, text: string, more: Partial<Yours>): Yours {
  const { language = "", uncertain = false, sending = false, from = "" } = more;
  return { who: "you", key, text, language, uncertain, sending, from };
}

/** A turn takes up what was said; where nothing is known of that here, it tells it. */
function answering(before: Conversation, { turn, text, who }: TurnStarted): Conversation {
  const known = before.entries.findLast((entry) => entry.who === "you" || !entry.unasked)?.who === "you";
  const entries = before.entries.map((entry) => (entry.who === "you" ? { ...entry, sending: false } : entry));
  const next = { entries, partial: null };
  return known || !text ? next : put(next, yours(`for-${turn}`, text, { from: who }));
}

function fresh(turn: string, unasked = false): Reply {
  return { who: "it", key: turn, unasked, lines: [], state: "live", heard: "", cut: false, reason: "", timings: null };
}

function put(before: Conversation, entry: Entry): Conversation {
  if (before.entries.some((each) => each.key === entry.key)) return before;
  return { ...before, entries: [...before.entries, entry].slice(-KEPT) };
}

function change(before: Conversation, turn: string, how: (reply: Reply) => Reply): Conversation {
  const { entries } = put(before, fresh(turn));
  return { ...before, entries: entries.map((each) => (each.who === "it" && each.key === turn ? how(each) : each)) };
}
