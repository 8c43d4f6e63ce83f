/** What crosses the socket, as docs/protocol.md and docs/skull-protocol.md name it. */
import type { AnyEvent } from "./events";

export const VERSION = 1;
/** Samples per second of a floor's clock. */
export const RATE = 48_000;

export type WindowName = "talk" | "stage" | "control" | "skull";
export type Rights = "operator" | "moderator" | "viewer" | "guest";

export interface CharacterInfo {
  name: string;
  drawing: string;
  languages: string[];
}

export interface Hello {
  window: WindowName;
  token: string;
  /** A skull has none: it is given one. */
  floor?: string;
  language?: string;
  name?: string;
  /** Who this is, the same each time: what the character remembers of them is kept under it. */
  partner?: string;
  /** The second language of its subtitles; "": none, null: the show's. */
  subtitles?: string | null;
  /** What a skull has. */
  can?: Ability[];
}

export type Ability = "button" | "microphone" | "loudspeaker" | "camera" | "light" | "jaw";

export interface Welcome {
  type: "welcome";
  version: number;
  session: string;
  rights: Rights;
  floor: string;
  resumed: boolean;
  run: string;
  sample: number;
  rate: number;
  lead: number;
  microphone_rate: number;
  partners: number;
  seq: number;
  /** The second language of this window's subtitles; "": none. */
  subtitles: string;
  /** Whether any brain of the show can translate. */
  translates: boolean;
  character: CharacterInfo;
  /** Only a skull is told of its jaw: a level of at most `most` every so many samples. */
  jaw?: { every: number; most: number };
}

export interface ProtocolError {
  type: "error";
  code: string;
  message: string;
  retry_after?: number;
}

/** All private floors are taken: which place this window has, 1 is next, and how long that takes, as far as is known. */
export interface Waiting {
  type: "waiting";
  place: number;
  seconds: number | null;
}

export type Light = "idle" | "listening" | "thinking" | "speaking" | "trouble";

/** Whether what the button asked for is done. */
export interface Ack {
  type: "ack";
  id: number;
  of: "begin_recording" | "stop_recording";
  go: boolean;
  why?: string;
}

/** What the program tells a skull; `snapshot` comes to every window that lets it see. */
export type Order =
  | Ack
  | { type: "stop"; turn: string; sample: number }
  | { type: "light"; show: Light }
  | { type: "outcome"; what: "silence" | "not_understood" | "held" | "refused" | "failed"; text: string }
  | { type: "snapshot"; id: number };

export type TextFrame =
  | Order
  | Welcome
  | ProtocolError
  | { type: "event"; seq: number; event: AnyEvent }
  | { type: "missed"; count: number }
  | Waiting
  | { type: "press" }
  | { type: "release" }
  | { type: "pong"; t: number; sample: number };

export type WindowFrame =
  | { type: "sound"; on: boolean }
  | { type: "played"; sample: number }
  | { type: "followed"; cue: string }
  | { type: "text"; text: string }
  | { type: "press" }
  | { type: "release" }
  | { type: "hands_free"; on: boolean }
  | { type: "reads"; on: boolean }
  | { type: "microphone"; on: boolean }
  | { type: "transcript"; text: string; final: boolean }
  | { type: "language"; language: string }
  | { type: "subtitles"; language: string | null }
  | { type: "name"; name: string }
  | { type: "stop" }
  | { type: "camera"; on: boolean }
  | { type: "no_picture"; id: number; reason: string }
  | { type: "begin_recording" | "stop_recording"; id: number }
  | { type: "ping"; t: number };

/** A piece of a line's sound: 48 kHz, mono, signed 16 bits, whose first sample is due at `sample`; a skull's jaw is open
 * by `jaw` of 255 while it sounds. */
export interface Sound {
  turn: string;
  line: string;
  sample: number;
  pcm: Int16Array;
  jaw?: number;
}

const NEWLINE = 10;

/** Pack a binary frame: one JSON header line, a newline, the payload. */
export function pack(header: Record<string, unknown>, payload: Int16Array | Uint8Array): ArrayBuffer {
  const line = new TextEncoder().encode(`${JSON.stringify(header)}\n`);
  const frame = new Uint8Array(line.length + payload.byteLength);
  frame.set(line);
  frame.set(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength), line.length);
  return frame.buffer;
}

/** Unpack a binary frame into its header and a copy of its payload; throws where it is none. */
export function unpack(frame: ArrayBuffer): { header: Record<string, unknown>; payload: Int16Array } {
  const bytes = new Uint8Array(frame);
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw new Error("a binary frame has no header line");
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as Record<string, unknown>;
  const whole = (bytes.length - end - 1) & ~1;
  return { header, payload: new Int16Array(frame.slice(end + 1, end + 1 + whole)) };
}

/** Read a sound frame; null where the binary frame is of another kind. */
export function soundOf(frame: ArrayBuffer): Sound | null {
  const { header, payload } = unpack(frame);
  if (header.type !== "sound") return null;
  const sound = { turn: String(header.turn), line: String(header.line), sample: Number(header.sample), pcm: payload };
  return header.jaw === undefined ? sound : { ...sound, jaw: Number(header.jaw) };
}
