/** When the eyes blink and where they wander, by seeded chance. */
import type { State } from "./rig";
import { mix } from "./springs";

const SHUTTING = 0.07;
const SHUT = 0.04;
const OPENING = 0.13;
const BLINK = SHUTTING + SHUT + OPENING;

/** Blinks every 2 to 6 seconds, one in six times twice. */
export class Blinks {
  /** How far the lids are closed by the blink, 0 to 1. */
  closed = 0;
  #random: () => number;
  #next: number | null = null;
  #twice = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  step(time: number): void {
    this.#next ??= time + mix(1, 4, this.#random());
    const since = time - this.#next;
    if (since > BLINK) {
      const again = !this.#twice && this.#random() < 1 / 6;
      this.#next = time + (again ? 0.08 : mix(2, 6, this.#random()));
      this.#twice = again;
    }
    this.closed = since > 0 && since <= BLINK ? curve(since) : 0;
  }
}

function curve(since: number): number {
  if (since < SHUTTING) return ease(since / SHUTTING);
  if (since < SHUTTING + SHUT) return 1;
  return 1 - ease((since - SHUTTING - SHUT) / OPENING);
}

function ease(share: number): number {
  return share * share * (3 - 2 * share);
}

/** Seconds that the eyes stay where they were called to. */
const CALLED = 4;

/** Chooses what the eyes rest on: mostly the viewer, now and then something else; while listening only the viewer. */
export class Attention {
  #random: () => number;
  #target = { x: 0, y: 0 };
  #until = 0;
  #called: { x: number; y: number; until: number } | null = null;

  constructor(random: () => number) {
    this.#random = random;
  }

  call(x: number, y: number, time: number): void {
    this.#called = { x, y, until: time + CALLED };
  }

  at(time: number, state: State): { x: number; y: number } {
    if (this.#called && time < this.#called.until) return this.#called;
    if (time >= this.#until) this.#wander(time, state);
    // Listening is to look at the one who speaks, with the small jumps that living eyes make.
    if (state === "listening") return { x: this.#target.x * 0.05, y: this.#target.y * 0.05 };
    return this.#target;
  }

  #wander(time: number, state: State): void {
    const away = this.#random() < (state === "speaking" ? 0.25 : 0.5);
    const far = away ? 1 : 0.1;
    this.#target = { x: mix(-0.8, 0.8, this.#random()) * far, y: mix(-0.45, 0.4, this.#random()) * far };
    this.#until = time + (away ? mix(0.7, 1.8, this.#random()) : mix(1.5, 3.8, this.#random()));
  }
}
