import { RATE } from "./frames";

/** Samples by which answers may differ more than their trips allow: clocks drift, and some browsers round theirs. */
const SLACK = RATE / 4;

/** Follows a floor's clock from the answers to `ping`; the quickest recent answer is believed. */
export class FloorClock {
  #answers: { trip: number; offset: number }[] = [];

  /** Take an answer: `sample` was true halfway between `sent` and `received` (milliseconds).
   *
   * Answers that cannot be true beside it are of a time before one of the two machines slept: its clock stood still. */
  learn(sample: number, sent: number, received: number): void {
    const trip = received - sent;
    const offset = sample - (((sent + received) / 2) * RATE) / 1000;
    const agrees = (other: { trip: number; offset: number }) =>
      Math.abs(other.offset - offset) <= ((other.trip + trip) / 2 / 1000) * RATE + SLACK;
    this.#answers = [...this.#answers.filter(agrees), { trip, offset }].slice(-12);
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
