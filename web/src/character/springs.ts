/** The small mathematics of motion: a damped spring, a quick approach, seeded chance. */

/** Follows its target like a weight on a damped spring; stepped in equal small steps. */
export class Spring {
  velocity = 0;

  constructor(
    public value: number,
    /** Cycles a second without damping. */
    readonly hertz: number,
    /** 1 does not overshoot; less does. */
    readonly damping: number,
  ) {}

  step(target: number, dt: number): number {
    const w = 2 * Math.PI * this.hertz;
    this.velocity += (w * w * (target - this.value) - 2 * this.damping * w * this.velocity) * dt;
    this.value += this.velocity * dt;
    return this.value;
  }

  set(value: number): void {
    this.value = value;
    this.velocity = 0;
  }
}

/** Go from `value` towards `target`, nine tenths of the way in `seconds`. */
export function approach(value: number, target: number, seconds: number, dt: number): number {
  return target + (value - target) * Math.exp((-Math.LN10 * dt) / seconds);
}

/** A seeded source of numbers from 0 to 1 (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
