/** Spins of the wheel of fortune: what stands on it and where it stops, and one spin after the other. No looks. */
import type { AnyEvent, WheelSpun } from "../protocol/events";
import { columns } from "./tokens";

export interface Spin {
  /** Another one for each. */
  id: number;
  items: string[];
  winner: string;
  /** Which of the items it stops at. */
  at: number;
  who: string;
}

/** What the wheel does: it turns for so many milliseconds, stands for a while and goes. */
export interface Shown {
  spin: Spin;
  turning: number;
  phase: "turns" | "stands" | "leaves";
}

const MOST_ITEMS = 50;
/** Spins that wait for their turn; of more the oldest are forgotten. */
const MOST_WAITING = 3;
/** Milliseconds. */
const SHORTEST = 2_000;
const LONGEST = 15_000;
const STANDS = 6_000;
const STANDS_WAITED_FOR = 2_000;
const LEAVES = 500;

/** Marks that nobody sees: some would turn around what stands beside them. */
const UNSEEN = /[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu;

/** Shows one spin at a time; each stops when the program says so, or soon after, where it had to wait. */
export class Spins {
  shown: Shown | null = null;
  #count = 0;
  #waiting: { spin: Spin; due: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();

  /** Be told when `shown` changes; returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Take in what happens. */
  readonly take = (event: AnyEvent): void => {
    if (event.type !== "wheel_spun") return;
    const spin = spinOf(event, this.#count++);
    if (!spin) return;
    const due = performance.now() + Math.min(event.seconds * 1_000, LONGEST);
    this.#waiting = [...this.#waiting, { spin, due }].slice(-MOST_WAITING);
    if (!this.shown) this.#next();
  };

  /** Show nothing any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#show(null);
  }

  #next(): void {
    const next = this.#waiting.shift();
    if (!next) {
      this.#show(null);
      return;
    }
    const { spin, due } = next;
    const turning = Math.max(due - performance.now(), SHORTEST);
    this.#show({ spin, turning, phase: "turns" });
    this.#after(turning, () => {
      this.#show({ spin, turning, phase: "stands" });
      this.#after(this.#waiting.length ? STANDS_WAITED_FOR : STANDS, () => {
        this.#show({ spin, turning, phase: "leaves" });
        this.#after(LEAVES, () => this.#next());
      });
    });
  }

  #after(milliseconds: number, then: () => void): void {
    this.#timer = setTimeout(then, milliseconds);
  }

  #show(shown: Shown | null): void {
    this.shown = shown;
    for (const listener of this.#listeners) listener();
  }
}

/** What can be drawn of a spin; null where that is no wheel. */
function spinOf({ items: all, winner: at, who }: WheelSpun, id: number): Spin | null {
  const items = all.map(seen);
  const winner = items[at];
  if (items.length < 2 || items.length > MOST_ITEMS || winner === undefined) return null;
  return { id, items, winner, at, who: seen(who) };
}

const seen = (text: string) => text.replace(UNSEEN, " ").trim();

/** Whole turns a second, about. */
const SPEED = 0.6;

/** How far the wheel turns, in degrees: until the middle of sector `at` of `count` has come to where the first began. */
export function stop(at: number, count: number, milliseconds: number): number {
  const turns = Math.max(2, Math.round((SPEED * milliseconds) / 1_000));
  return 360 * turns - (at + 0.5) * (360 / count);
}

/** Where the words of a sector begin, below the rim, and how much room they have; the radius of the wheel is 100. */
export const WORDS_FROM = 89;
export const WORDS_LENGTH = 64;
const LARGEST = 14;
/** Words of this size need no second row. */
const GOOD = 10;
/** Words become no smaller for the sake of their end. */
const SMALLEST = 5.5;
/** How wide a column of text is, and from one row to the next, for a size of 1. */
const COLUMN = 0.58;
export const PITCH = 1.15;

export interface Fitted {
  /** One row or two. */
  rows: string[];
  size: number;
}

/** A text as it fits one of `count` sectors, as large as it can be; what is too long for that is cut. */
export function fitted(text: string, count: number): Fitted {
  const room = Math.min(2 * LARGEST * PITCH, 80 * Math.tan(Math.min(Math.PI / count, 1)));
  const sized = (rows: string[]): Fitted => {
    const lengths = rows.map((row) => WORDS_LENGTH / (COLUMN * breadth(row)));
    return { rows, size: Math.min(LARGEST, room / (1 + PITCH * (rows.length - 1)), ...lengths) };
  };
  const [one, two] = [sized([text]), sized(halves(text))];
  const best = one.size < GOOD && two.size > one.size ? two : one;
  if (best.size >= SMALLEST) return best;
  const size = Math.min(room, SMALLEST);
  return { rows: [shortened(text, WORDS_LENGTH / (COLUMN * size))], size };
}

/** A text in two rows of about the same length, where it has a space; else in one. */
function halves(text: string): string[] {
  const spaces = [...text.matchAll(/\s+/g)].map(({ index }) => index);
  const off = (at: number) => Math.abs(at - text.length / 2);
  const middle = spaces.sort((a, b) => off(a) - off(b))[0];
  return middle === undefined ? [text] : [text.slice(0, middle), text.slice(middle).trim()];
}

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** Capitals and pictures take more room than a column. */
const BROAD = /[\p{Lu}mw@%&\p{Emoji_Presentation}]/gu;

/** How many columns `text` takes, about. */
export const breadth = (text: string) => columns(text) + 0.6 * (text.match(BROAD)?.length ?? 0);

/** Cut `text` to at most `widest` columns, an ellipsis counted. */
export function shortened(text: string, widest: number): string {
  if (breadth(text) <= widest) return text;
  let kept = "";
  let width = 1;
  for (const { segment } of letters.segment(text)) {
    width += breadth(segment);
    if (width > widest) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}
