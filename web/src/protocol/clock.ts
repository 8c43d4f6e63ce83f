import { RATE } from "./frames";

/** Follows a floor's clock from the answers to `ping`; the quickest recent answer is believed. */
export class FloorClock {
  #answers: { trip: number; offset: number }[] = [];

  /** Take an answer: `sample` was true halfway between `sent` and `received` (milliseconds). */
  learn(sample: number, sent: number, received: number): void {
    const offset = sample - (((sent + received) / 2) * RATE) / 1000;
    this.#answers = [...this.#answers, { trip: received - sent, offset }].slice(-12);
  }

  /** Forget everything: another run, another clock. */
  reset(): void {
    this.#answers = [];
  }

  /** The floor's sample at `now` (milliseconds of `performance.now()`); null before the first answer. */
  at(now: number): number | null {
    const best = this.#best();
    return best ? Math.round(best.offset + (now * RATE) / 1000) : null;
  }

  #best() {
    return this.#answers.reduce<{ trip: number; offset: number } | null>(
      (best, answer) => (best === null || answer.trip < best.trip ? answer : best),
      null,
    );
  }
}
