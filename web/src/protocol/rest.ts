/** The program's state and orders over REST, as docs/protocol.md's neighbour `/api/v1`. */
import type { Timings } from "./events";
import { token } from "./token";

/** The parts of the show that a window reads; there is more. */
export interface ShowInfo {
  name: string;
  version: string;
  character: { name: string; context: string };
  answer: Answering;
  /** The most urgent first. */
  lanes: LaneInfo[];
  started_at: number;
}

/** Which chat messages are answered. */
export type Answering = "everything" | "addressed" | "named";

export interface LaneInfo {
  name: string;
  priority: number;
  /** So many percepts may wait in it. */
  capacity: number;
  /** The kinds of percepts that it takes. */
  percepts: string[];
}

export interface TurnRow {
  id: string;
  at: number;
  floor: string;
  lane: string;
  /** How it ended; `speaking` while it goes on. */
  state: "speaking" | "done" | "interrupted" | "discarded" | "refused" | "failed";
  text: string;
  who: string;
  heard: string;
  cut: boolean;
  reason: string;
  timings: Timings;
}

export interface QueueRow {
  percept: string;
  floor: string;
  lane: string;
  kind: string;
  who: string;
  /** The id of who that is, to mute them by; empty where nobody is behind it. */
  viewer: string;
  /** The link that it came through; empty where it came from within. */
  link: string;
  text: string;
  at: number;
  priority: number;
  merged: number;
  /** The operator wants it next. */
  pinned: boolean;
  why: string;
}

export interface DroppedRow {
  floor: string;
  lane: string;
  reason: string;
  count: number;
}

export interface Mute {
  what: "sense" | "lane" | "link" | "viewer";
  /** A kind of percept, a lane's name, a link's, or a viewer's id. */
  name: string;
}

export interface MuteRow extends Mute {
  /** Seconds that are left; null until somebody unmutes it. */
  seconds: number | null;
}

export interface FloorRow {
  name: string;
  partner: string;
  language: string;
  outlet: string;
  speaking: boolean;
  /** The turn that goes on; null or empty where there is none. */
  turn: string | null;
  queue: number;
}

/** Who waits for a private floor. */
export interface WaitingInfo {
  waiting: number;
  /** Until the next may enter; null: not known yet. */
  seconds: number | null;
}

export interface StoppedRow {
  line: string;
  turn: string;
  shown: string;
  reason: string;
  substitute: string;
  until: number;
}

export interface EngineRow {
  name: string;
  kind: string;
  engine: string;
  state: "ready" | "resting" | "probing" | "missing";
  detail: string;
  failures: number;
  calls: number;
  /** Milliseconds of its last answer; null before the first. */
  last_ms: number | null;
  used: Record<string, number>;
  /** How many lines a voice needed not make, and how many it had to; null where nothing of it is kept. */
  kept?: { hits: number; misses: number } | null;
}

/** One thing that a link has or lacks. */
export interface StandingRow {
  name: string;
  ok: boolean;
  /** Where it lacks it: what that costs, and how to get it. */
  detail: string;
}

export interface ConnectionRow {
  name: string;
  platform: string;
  state: "connecting" | "up" | "down" | "refused" | "stopped";
  detail: string;
  /** When it came into that state; null: nothing is known of it yet. */
  since: number | null;
  /** The acts that it can carry out. */
  can: string[];
  standing: StandingRow[];
  /** What it has done since the run began. */
  counters: Record<string, number>;
  /** When it heard nothing for so many seconds, newest first, and how much of that it could ask for afterwards. */
  gaps: { at: number; seconds: number; recovered: number; detail: string }[];
  /** Since when it is on air; null where it is not. */
  stream: { at: number; title: string } | null;
}

export interface FoundRow {
  name: string;
  url: string;
  models: string[];
}

/** A message that a platform's own filter holds back, or held back. */
export interface HeldRow {
  link: string;
  /** The message as its platform names it. */
  source: string;
  viewer: { id: string; name: string } | null;
  text: string;
  reason: string;
  at: number;
  state: "held" | "approved" | "denied" | "expired";
  /** Who decided, as the platform says, and when. */
  by: string;
  decided: number | null;
  /** What somebody here decided, and what became of that, in the link's words. */
  order: { action: "allow" | "delete"; state: "waiting" | "done" | "refused"; detail: string } | null;
}

/** An answer of the program that is not a success; `message` is its own plain words. */
export class RestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (token()) headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const said: unknown = text && answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
  if (answer.ok) return said as T;
  throw refusal(answer, said);
}

/** So many mistakes are told at once. */
const MOST_MISTAKES = 5;

/** Why an answer is no success: in the program's words, or each mistake in what was sent with its place. */
export function refusal(answer: Response, said: unknown): RestError {
  const detail = said && typeof said === "object" && "detail" in said ? said.detail : "";
  const told = Array.isArray(detail) ? mistakes(detail) : typeof detail === "string" ? detail : "";
  return new RestError(answer.status, told || answer.statusText || `HTTP ${answer.status}`);
}

function mistakes(detail: ({ loc?: unknown; msg?: unknown } | null)[]): string {
  const told = detail.flatMap((mistake) => {
    const { loc, msg } = mistake ?? {};
    if (typeof msg !== "string") return [];
    // Where it stood in the request, the body or the query, is nothing to whoever typed it.
    const place = Array.isArray(loc) ? loc.slice(1).join(".") : "";
    return [place ? `${place}: ${msg}` : msg];
  });
  const more = told.length - MOST_MISTAKES;
  return [...told.slice(0, MOST_MISTAKES), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

const part = encodeURIComponent;

export const rest = {
  /** The token of windows that look and listen, for a capture's address. */
  capture: () => call<{ token: string }>("GET", "/capture"),
  show: () => call<ShowInfo>("GET", "/show"),
  setContext: (context: string) => call<void>("PUT", "/show/context", { context }),
  answer: (which: Answering) => call<void>("PUT", "/answer", { which }),
  ask: (text: string, verbatim: boolean, floor: string) =>
    call<{ id: string }>("POST", "/percepts", { type: "asked", text, verbatim, floor }),
  turns: (limit = 20) => call<TurnRow[]>("GET", `/turns?limit=${limit}`),
  queue: () => call<QueueRow[]>("GET", "/queue"),
  skip: (percept: string) => call<void>("DELETE", `/queue/${part(percept)}`),
  pin: (percept: string) => call<void>("POST", `/queue/${part(percept)}/pin`),
  answerNow: (percept: string) => call<void>("POST", `/queue/${part(percept)}/answer`),
  mutes: () => call<MuteRow[]>("GET", "/mutes"),
  /** Answer it no more for `seconds`; 0 is until somebody unmutes it. */
  mute: (mute: Mute, seconds: number) => call<void>("POST", "/mutes", { ...mute, seconds }),
  unmute: ({ what, name }: Mute) => call<void>("DELETE", `/mutes/${what}/${part(name)}`),
  dropped: () => call<DroppedRow[]>("GET", "/dropped"),
  floors: () => call<FloorRow[]>("GET", "/floors"),
  waiting: () => call<WaitingInfo>("GET", "/waiting"),
  stop: (floor: string) => call<void>("POST", `/floors/${part(floor)}/stop`),
  stopped: () => call<StoppedRow[]>("GET", "/stopped"),
  release: (line: string) => call<void>("POST", `/stopped/${part(line)}/release`),
  engines: () => call<EngineRow[]>("GET", "/engines"),
  connections: () => call<ConnectionRow[]>("GET", "/connections"),
  held: () => call<HeldRow[]>("GET", "/held"),
  found: () => call<FoundRow[]>("GET", "/found"),
  chooseBrain: (url: string, model: string) => call<void>("POST", "/brain", { url, model }),
};
