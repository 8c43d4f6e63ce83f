// Generated from events.schema.json by `npm run events`; do not edit.

/** Somebody wrote in a chat. */
export interface ChatMessage {
  type: "chat_message";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  text: string;
  channel: string;
  first: boolean;
  emotes: Emote[];
}

/** One person as a platform knows them. */
export interface Viewer {
  id: string;
  name: string;
  platform: string;
  roles: string[];
  known_as: string;
}

/** A small picture in a chat message, written as a word. */
export type Emote = [string, number, number, string];

/** Somebody spoke, and this is what an ear made of it. */
export interface Utterance {
  type: "utterance";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  text: string;
  uncertain: boolean;
  ear: string;
  seconds: number;
  recognised: number;
}

/** Somebody gave something: bits, a super chat, a rose. */
export interface Gift {
  type: "gift";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  what: string;
  amount: number;
  unit: string;
  message: string;
}

/** Somebody subscribed, renewed, or gave subscriptions to others. */
export interface Subscription {
  type: "subscription";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  tier: string;
  months: number;
  given: number;
  message: string;
}

/** Somebody redeemed a reward. */
export interface Redemption {
  type: "redemption";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  reward: string;
  text: string;
  cost: number;
}

/** Somebody follows now. */
export interface Follow {
  type: "follow";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
}

/** Another stream's viewers arrive together. */
export interface Raid {
  type: "raid";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  party: number;
}

/** Something goes on in the show that is no single person's: a hype train, a poll, a break for advertisements. */
export interface Happening {
  type: "happening";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  what: "ad_break" | "goal" | "hype_train" | "poll" | "prediction" | "shout_out";
  text: string;
}

/** What an eye saw, in words. */
export interface Sighting {
  type: "sighting";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  text: string;
}

/** A schedule or timer has come due. */
export interface Due {
  type: "due";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  schedule: string;
  text: string;
}

/** Nobody has spoken for a while. */
export interface Lull {
  type: "lull";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  seconds: number;
}

/** The operator asks, or orders words to be said as they stand. */
export interface Asked {
  type: "asked";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  text: string;
  verbatim: boolean;
  firm: boolean;
}

/** A game tells what is going on in it. */
export interface GameContext {
  type: "game_context";
  at: number;
  floor: string;
  id: string;
  viewer: Viewer | null;
  language: string;
  link: string;
  source: string;
  game: string;
  text: string;
}

/** Somebody began to speak on this floor: the speaker ducks. */
export interface Onset {
  type: "onset";
  at: number;
  floor: string;
  viewer: Viewer | null;
}

/** A look through a camera, and what an eye made of it; a picture is never in an event. */
export interface Seen {
  type: "seen";
  at: number;
  floor: string;
  camera: string;
  text: string;
  seconds: number;
}

/** They stopped; ``seconds`` of speech were taken. No words may come of it. */
export interface SpeechEnd {
  type: "speech_end";
  at: number;
  floor: string;
  seconds: number;
  why: "noise" | "released" | "silence" | "too_long";
  viewer: Viewer | null;
}

/** What an ear has understood so far, for those who watch; the final one also becomes an ``Utterance``. */
export interface Transcript {
  type: "transcript";
  at: number;
  floor: string;
  text: string;
  final: boolean;
  settled: boolean;
  uncertain: boolean;
  language: string;
  ear: string;
  viewer: Viewer | null;
}

/** A percept waits in a lane. */
export interface Queued {
  type: "queued";
  at: number;
  floor: string;
  percept: string;
  lane: string;
  text: string;
  who: string;
  merged: number;
}

/** Percepts left a lane unanswered. */
export interface Dropped {
  type: "dropped";
  at: number;
  floor: string;
  lane: string;
  reason: "backchannel" | "blocked" | "capacity" | "command" | "echo" | "empty" | "expired" | "fairness" | "muted" | "removed" | "skipped" | "superseded" | "unaddressed";
  count: number;
  percept: string;
}

/** The character begins to react. */
export interface TurnStarted {
  type: "turn_started";
  at: number;
  floor: string;
  turn: string;
  lane: string;
  percepts: string[];
  text: string;
  who: string;
}

/** A sentence has passed moderation and goes to the voice. */
export interface LineWritten {
  type: "line_written";
  at: number;
  floor: string;
  turn: string;
  line: string;
  shown: string;
  language: string;
  feeling: string;
}

/** Moderation stopped a sentence before it was synthesised. */
export interface LineStopped {
  type: "line_stopped";
  at: number;
  floor: string;
  turn: string;
  line: string;
  shown: string;
  reason: string;
  substitute: string;
  until: number;
}

/** The turn is over; this is what was heard of it. */
export interface TurnEnded {
  type: "turn_ended";
  at: number;
  floor: string;
  turn: string;
  lane: string;
  ending: Ending;
}

/** How a turn ended and what of it was heard. */
export interface Ending {
  state: "discarded" | "done" | "failed" | "interrupted" | "refused";
  heard: string;
  cut: boolean;
  reason: string;
  answered: string[];
  timings: Timings;
}

/** How long each stage of a turn took, in seconds from the moment the turn began; -1 where it never came. */
export interface Timings {
  recognised: number;
  waited: number;
  prompted: number;
  first_token: number;
  first_line: number;
  first_sound: number;
  first_sample: number;
  last_sample: number;
}

/** A brain used a tool, or wished to, and this is what came of it. */
export interface ToolUsed {
  type: "tool_used";
  at: number;
  floor: string;
  tool: string;
  arguments: string;
  result: string;
  ok: boolean;
  seconds: number;
  lane: string;
  turn: string;
}

/** A cue for the body at once, which belongs to no line. */
export interface Express {
  type: "express";
  at: number;
  floor: string;
  cue: Cue;
  turn: string;
  id: string;
}

/** A stage direction for the body, taken out of the text that is spoken. */
export interface Cue {
  kind: "animation" | "expression" | "hotkey" | "overlay" | "pause" | "sound";
  name: string;
  offset: number;
}

/** A part of the body has followed a cue that belongs to no line. */
export interface Followed {
  type: "followed";
  at: number;
  floor: string;
  cue: string;
  by: string;
}

/** A wheel of fortune begins to turn, and where it will stop. */
export interface WheelSpun {
  type: "wheel_spun";
  at: number;
  floor: string;
  items: string[];
  winner: number;
  seconds: number;
  who: string;
}

/** The first sample of a line is on its way: ``sample`` is its place on the floor's clock. */
export interface LineStarted {
  type: "line_started";
  at: number;
  floor: string;
  turn: string;
  line: string;
  sample: number;
  shown: string;
  spoken: string;
  language: string;
  feeling: string;
  cues: Cue[];
}

/** When words sound and mouth shapes change, on the floor's clock; comes in pieces as the sound is made. */
export interface LineTimings {
  type: "line_timings";
  at: number;
  floor: string;
  turn: string;
  line: string;
  words: Word[];
  mouths: Mouth[];
}

/** One spoken word and when it sounds. */
export type Word = [string, number, number, number];

/** One shape of the mouth, held until the next. */
export type Mouth = [number, "closed" | "narrow" | "open" | "rest" | "round" | "teeth" | "wide", number];

/** A line in a language that somebody reads besides its own, to be shown while it sounds; most lines have none. */
export interface LineTranslated {
  type: "line_translated";
  at: number;
  floor: string;
  turn: string;
  line: string;
  language: string;
  text: string;
}

/** A line is over, and this is what was heard of it. */
export interface LineEnded {
  type: "line_ended";
  at: number;
  floor: string;
  turn: string;
  line: string;
  sample: number;
  heard: string;
  cut: boolean;
}

/** All sound from ``sample`` on is void: a window throws away what it holds of ``turn``. */
export interface Stopped {
  type: "stopped";
  at: number;
  floor: string;
  turn: string;
  sample: number;
  why: "interrupted" | "paused";
}

/** An outlet's report: this sample was played last. */
export interface Played {
  type: "played";
  at: number;
  floor: string;
  outlet: string;
  sample: number;
}

/** Which outlet holds the truth of what was heard on this floor. */
export interface OutletChanged {
  type: "outlet_changed";
  at: number;
  floor: string;
  outlet: string;
}

/** Write ``text`` into a channel. */
export interface Send {
  type: "send";
  at: number;
  floor: string;
  id: string;
  link: string;
  channel: string;
  text: string;
  answers: string;
}

/** Write ``text`` where everybody sees it. */
export interface Announce {
  type: "announce";
  at: number;
  floor: string;
  id: string;
  link: string;
  text: string;
}

/** Mind's, or an operator's, decision on a viewer. */
export interface Verdict {
  type: "verdict";
  at: number;
  floor: string;
  id: string;
  link: string;
  viewer: Viewer;
  action: "allow" | "ban" | "delete" | "timeout" | "warn";
  reason: string;
  seconds: number;
  source: string;
  channel: string;
}

/** Close a redemption: it was fulfilled, or is refunded. */
export interface Fulfil {
  type: "fulfil";
  at: number;
  floor: string;
  id: string;
  link: string;
  redemption: string;
  reward: string;
  refund: boolean;
}

/** Recommend another channel. */
export interface ShoutOut {
  type: "shout_out";
  at: number;
  floor: string;
  id: string;
  link: string;
  viewer: Viewer;
}

/** Keep the last half minute of the stream; ``ActDone.detail`` says where it is seen. */
export interface Clip {
  type: "clip";
  at: number;
  floor: string;
  id: string;
  link: string;
}

/** What became of an act. */
export interface ActDone {
  type: "act_done";
  at: number;
  floor: string;
  act: string;
  link: string;
  ok: boolean;
  detail: string;
}

/** A platform's moderators have taken something away: what of it waits is answered no more. */
export interface Removed {
  type: "removed";
  at: number;
  floor: string;
  link: string;
  what: "chat" | "message" | "viewer";
  which: string;
  reason: string;
}

/** A platform's own filter holds somebody's message back, or it was decided what becomes of it.      Nobody in the chat reads it before, and it is no percept; what is approved arrives as a ``ChatMessage``. */
export interface Held {
  type: "held";
  at: number;
  floor: string;
  link: string;
  viewer: Viewer | null;
  text: string;
  source: string;
  state: "approved" | "denied" | "expired" | "held";
  reason: string;
  by: string;
}

/** A platform's moderators have decided something that takes nothing away. */
export interface Moderated {
  type: "moderated";
  at: number;
  floor: string;
  link: string;
  what: "chat" | "lifted" | "warned";
  which: string;
  text: string;
}

/** A link heard nothing for so long; what happened meanwhile is lost but for what it could ask for afterwards. */
export interface Gap {
  type: "gap";
  at: number;
  floor: string;
  link: string;
  seconds: number;
  recovered: number;
  detail: string;
}

/** The show is on air on a platform. */
export interface StreamStarted {
  type: "stream_started";
  at: number;
  floor: string;
  link: string;
  title: string;
}

/** It is no longer. */
export interface StreamEnded {
  type: "stream_ended";
  at: number;
  floor: string;
  link: string;
}

/** A link's connection changed. */
export interface LinkState {
  type: "link_state";
  at: number;
  floor: string;
  link: string;
  state: "connecting" | "down" | "refused" | "stopped" | "up";
  detail: string;
}

/** An engine's breaker changed. */
export interface EngineState {
  type: "engine_state";
  at: number;
  floor: string;
  engine: string;
  kind: string;
  state: "missing" | "probing" | "ready" | "resting";
  detail: string;
}

/** What an engine consumed: characters, tokens, seconds or pictures. */
export interface Used {
  type: "used";
  at: number;
  floor: string;
  engine: string;
  kind: string;
  unit: "characters" | "pictures" | "seconds" | "tokens";
  amount: number;
}

/** A conversation can begin. */
export interface FloorOpened {
  type: "floor_opened";
  at: number;
  floor: string;
}

/** Its partner has left. */
export interface FloorClosed {
  type: "floor_closed";
  at: number;
  floor: string;
}

/** A task of the show crashed and is started again after ``delay`` seconds. */
export interface TaskFailed {
  type: "task_failed";
  at: number;
  floor: string;
  task: string;
  detail: string;
  delay: number;
}

export type AnyEvent =
  | ChatMessage
  | Utterance
  | Gift
  | Subscription
  | Redemption
  | Follow
  | Raid
  | Happening
  | Sighting
  | Due
  | Lull
  | Asked
  | GameContext
  | Onset
  | Seen
  | SpeechEnd
  | Transcript
  | Queued
  | Dropped
  | TurnStarted
  | LineWritten
  | LineStopped
  | TurnEnded
  | ToolUsed
  | Express
  | Followed
  | WheelSpun
  | LineStarted
  | LineTimings
  | LineTranslated
  | LineEnded
  | Stopped
  | Played
  | OutletChanged
  | Send
  | Announce
  | Verdict
  | Fulfil
  | ShoutOut
  | Clip
  | ActDone
  | Removed
  | Held
  | Moderated
  | Gap
  | StreamStarted
  | StreamEnded
  | LinkState
  | EngineState
  | Used
  | FloorOpened
  | FloorClosed
  | TaskFailed;
