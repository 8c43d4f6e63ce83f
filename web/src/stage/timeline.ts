/** Places words, mouth shapes and cues on the floor's clock, and says what is due at a sample. Pure; no browser. */
import type {
  Cue,
  LineEnded,
  LineStarted,
  LineTimings,
  LineTranslated,
  Mouth,
  Stopped,
  Word,
} from "../protocol/events";
import { RATE } from "../protocol/frames";
import { PHRASE, type Piece, phrases, pieces } from "./tokens";

export type Shape = Mouth[1];

/** One line as it is spoken. */
export interface SpokenLine {
  id: string;
  turn: string;
  language: string;
  feeling: string;
  shown: string;
  phrases: { pieces: Piece[]; from: number }[];
}

/** A part of a line in a second language, short enough to be read at once. */
export interface Second {
  language: string;
  text: string;
}

/** What is to be seen at one sample. */
export interface Frame {
  line: SpokenLine | null;
  /** Which phrase of the line is shown. */
  phrase: number;
  /** How many pieces of the whole line have begun to sound. */
  lit: number;
  /** What of the line's translation belongs to them, if there is one. */
  second: Second | null;
  /** Whether the line sounds at this sample, or stands for the moment after. */
  speaking: boolean;
  shape: Shape;
  level: number;
}

interface Placed extends SpokenLine {
  spoken: string;
  cues: Cue[];
  start: number;
  /** The sample after its last one; unknown while it is being made. */
  end: number;
  /** Whether it was heard to its end. */
  whole: boolean;
  words: Word[];
  mouths: Mouth[];
  pieces: Piece[];
}

/** A fired stage direction. */
export interface Fired {
  line: string;
  kind: Cue["kind"];
  name: string;
}

/** A line stays to be read this long after its last sample. */
const LINGER = 1.4 * RATE;
/** A line whose end never comes is over this long after its last word. */
const SILENCE = 2 * RATE;
const KEPT = 24;
/** A second language is written smaller: so much more of it is shown at once. */
const SMALLER = 1.4;

export const NOTHING: Frame = { line: null, phrase: 0, lit: 0, second: null, speaking: false, shape: "rest", level: 0 };

/** Collects what is known of the lines of one floor and answers for any sample. */
export class Timeline {
  #lines: Placed[] = [];
  #fired = new Set<string>();
  /** The phrases of translations, by line; they may come before it. */
  #seconds = new Map<string, Second[]>();

  /** `columns`: how much of a line is shown at once, in half-width characters. */
  constructor(private readonly columns = PHRASE) {}

  started(event: LineStarted): void {
    const all = pieces(event.shown, event.language);
    let from = 0;
    const line: Placed = {
      id: event.line,
      turn: event.turn,
      language: event.language,
      feeling: event.feeling,
      shown: event.shown,
      spoken: event.spoken,
      cues: event.feeling ? [{ kind: "expression", name: event.feeling, offset: 0 }, ...event.cues] : event.cues,
      start: event.sample,
      end: Number.POSITIVE_INFINITY,
      whole: false,
      words: [],
      mouths: [],
      pieces: all,
      phrases: phrases(all, this.columns).map((group) => {
        const phrase = { pieces: group, from };
        from += group.length;
        return phrase;
      }),
    };
    this.#lines = [...this.#lines.filter((each) => each.id !== line.id), line].slice(-KEPT);
  }

  timings(event: LineTimings): void {
    const line = this.#line(event.line);
    if (!line) return;
    for (const word of event.words) line.words.push(located(word, line));
    line.words.sort((a, b) => a[1] - b[1]);
    line.mouths = [...line.mouths, ...event.mouths].sort((a, b) => a[0] - b[0]);
    // A paused line goes on: it has timings again from where it was stopped.
    if (!line.whole && Math.max(line.words.at(-1)?.[1] ?? 0, line.mouths.at(-1)?.[0] ?? 0) >= line.end) {
      line.end = Number.POSITIVE_INFINITY;
    }
  }

  translated({ line, language, text }: LineTranslated): void {
    const parts = phrases(pieces(text, language), Math.round(SMALLER * this.columns)).map((group) => ({
      language,
      text: group
        .map((piece) => piece.text)
        .join("")
        .trim(),
    }));
    this.#seconds.delete(line);
    this.#seconds.set(line, parts);
    for (const old of [...this.#seconds.keys()].slice(0, -KEPT)) this.#seconds.delete(old);
  }

  ended(event: LineEnded): void {
    const line = this.#line(event.line);
    if (!line) return;
    line.end = event.sample;
    line.whole = !event.cut;
  }

  /** Everything of the turn from the sample on will not be heard. */
  stopped(event: Stopped): void {
    this.#lines = this.#lines.filter((line) => line.turn !== event.turn || line.start < event.sample);
    for (const line of this.#lines) {
      if (line.turn !== event.turn) continue;
      line.words = line.words.filter((word) => word[1] < event.sample);
      line.mouths = line.mouths.filter((mouth) => mouth[0] < event.sample);
      line.end = Math.min(line.end, event.sample);
      line.whole = false;
    }
  }

  clear(): void {
    this.#lines = [];
    this.#fired.clear();
    this.#seconds.clear();
  }

  /** What is to be seen at `sample`. */
  at(sample: number): Frame {
    const line = this.#lines.findLast((each) => each.start <= sample);
    if (!line) return NOTHING;
    const end = endOf(line);
    if (sample >= end + LINGER) return NOTHING;
    const speaking = sample < end;
    const lit = !speaking && line.whole ? line.pieces.length : litAt(line, Math.min(sample, end));
    const phrase = Math.max(
      0,
      line.phrases.findLastIndex((each) => each.from < Math.max(1, lit)),
    );
    const mouth = speaking ? line.mouths.findLast(([start]) => start <= sample) : undefined;
    const second = this.#secondAt(line, lit);
    return { line, phrase, lit, second, speaking, shape: mouth?.[1] ?? "rest", level: mouth?.[2] ?? 0 };
  }

  /** The cues that have come due up to `sample` and were not given out before, in their order. */
  due(sample: number): Fired[] {
    const fired: Fired[] = [];
    for (const line of this.#lines) {
      line.cues.forEach((cue, index) => {
        const key = `${line.id}/${index}`;
        if (this.#fired.has(key) || sampleOf(line, cue.offset, line.spoken.length) > sample) return;
        this.#fired.add(key);
        if (sample < endOf(line) + LINGER) fired.push({ line: line.id, kind: cue.kind, name: cue.name });
      });
    }
    if (this.#fired.size > 1000) this.#fired = new Set([...this.#fired].slice(-500));
    return fired;
  }

  /** Its words stand in another order: in proportion is as near as can be told. */
  #secondAt(line: Placed, lit: number): Second | null {
    const parts = this.#seconds.get(line.id) ?? [];
    const place = Math.floor((parts.length * lit) / Math.max(1, line.pieces.length));
    return parts[Math.min(place, parts.length - 1)] ?? null;
  }

  #line(id: string): Placed | undefined {
    return this.#lines.find((line) => line.id === id);
  }
}

function endOf(line: Placed): number {
  if (line.end !== Number.POSITIVE_INFINITY) return line.end;
  return Math.max(line.start, line.words.at(-1)?.[2] ?? 0, line.mouths.at(-1)?.[0] ?? 0) + SILENCE;
}

/** Give a word its place in the spoken text where the engine does not say it. */
function located(word: Word, line: Placed): Word {
  if (word[3] >= 0) return word;
  const last = line.words.at(-1);
  const from = last ? last[3] + last[0].length : 0;
  const found = line.spoken.toLowerCase().indexOf(word[0].toLowerCase(), from);
  return [word[0], word[1], word[2], found >= 0 ? found : from];
}

/** When the character at `offset` of a text of `length` sounds; never, where it is not known yet. */
function sampleOf(line: Placed, offset: number, length: number): number {
  if (offset <= 0) return line.start;
  const at = length === line.spoken.length ? offset : (offset * line.spoken.length) / Math.max(1, length);
  const index = line.words.findLastIndex((word) => word[3] <= at);
  const word = line.words[index];
  if (!word) return line.words[0]?.[1] ?? Number.POSITIVE_INFINITY;
  const [text, start, end, begin] = word;
  const past = at - begin - text.length;
  if (past < 0) return start + ((at - begin) / text.length) * (end - start);
  const next = line.words[index + 1];
  // Between two words, or in a word that the engine left out: the next one is the latest it can be.
  if (next) return past <= 1 ? next[1] : end;
  return line.end === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : end;
}

function litAt(line: Placed, sample: number): number {
  if (!line.words.length && line.end !== Number.POSITIVE_INFINITY) {
    // An engine without timings: in proportion.
    const share = (sample - line.start) / Math.max(1, line.end - line.start);
    return Math.ceil(Math.min(1, Math.max(0, share)) * line.pieces.length);
  }
  const total = line.shown.length;
  return line.pieces.findLastIndex((piece) => sampleOf(line, piece.offset, total) <= sample) + 1;
}
