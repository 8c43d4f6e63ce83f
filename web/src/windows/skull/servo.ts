import { RATE } from "../../protocol/frames";

/** How a jaw hangs on its servo: angles in degrees of the jaw, times in milliseconds. */
export interface ServoSettings {
  closed: number;
  open: number;
  /** A command that differs by less than this from the last is not given. */
  deadBand: number;
  /** Degrees a second at most. */
  speed: number;
  /** How long the servo takes before it begins to move. */
  latency: number;
  /** How much ahead of the sound it is commanded: the same, where it was calibrated. */
  ahead: number;
}

export const SERVO: ServoSettings = { closed: 0, open: 24, deadBand: 1, speed: 400, latency: 80, ahead: 80 };

/** The jaw at one moment of the sound. */
export interface JawMoment {
  sample: number;
  /** What the sound that is heard asks for, 0 to 255. */
  level: number;
  /** What the servo is told, in degrees. */
  commanded: number;
  /** Where it is, in degrees. */
  real: number;
}

/** Samples between two looks at the levels: 5 ms. */
export const STEP = 240;
/** What lies further ahead or behind than this, in samples, is another time: a tab that slept, or a clock that was set. */
const AHEAD = RATE;
const BEHIND = 4 * STEP;
/** Moments that are remembered: a minute. */
const KEPT = (60 * RATE) / STEP;

/** A jaw on a simulated servo. It lives in the sound's own time: at any frame rate it moves the same. Pure. */
export class Servo {
  settings: ServoSettings = SERVO;
  now: JawMoment;
  #moments: JawMoment[] = [];
  /** Commands that have not reached the motor yet. */
  #commands: { sample: number; angle: number }[] = [];
  #target: number;

  constructor() {
    this.#target = this.settings.closed;
    this.now = { sample: 0, level: 0, commanded: this.#target, real: this.#target };
  }

  /** The last minute, oldest first. */
  get moments(): readonly JawMoment[] {
    return this.#moments;
  }

  /** Live up to the sample that is heard; `level` is how far the sound at a sample asks it to open, 0 to 255. */
  follow(heard: number, level: (sample: number) => number): JawMoment {
    if (heard > this.now.sample + AHEAD || heard < this.now.sample - BEHIND) {
      this.#commands = [];
      this.now = { ...this.now, sample: heard - STEP };
    }
    while (this.now.sample + STEP <= heard) this.#step(this.now.sample + STEP, level);
    return this.now;
  }

  #step(sample: number, level: (sample: number) => number): void {
    const { closed, open, deadBand, speed, latency, ahead } = this.settings;
    const asked = level(sample + milliseconds(ahead));
    const wanted = closed + ((open - closed) * asked) / 255;
    let { commanded, real } = this.now;
    // Shut is wholly shut, and wide is wholly wide: a jaw that stays a little open seems about to speak.
    if (asked === 0 || asked === 255 || Math.abs(wanted - commanded) >= deadBand) commanded = wanted;
    this.#commands.push({ sample: sample + milliseconds(latency), angle: commanded });
    while (this.#commands[0] && this.#commands[0].sample <= sample) {
      this.#target = this.#commands.shift()?.angle ?? this.#target;
    }
    const most = (speed * STEP) / RATE;
    real += Math.min(most, Math.max(-most, this.#target - real));
    this.now = { sample, level: level(sample), commanded, real };
    this.#moments.push(this.now);
    if (this.#moments.length > 2 * KEPT) this.#moments = this.#moments.slice(-KEPT);
  }
}

function milliseconds(time: number): number {
  return Math.round((time * RATE) / 1_000);
}

/** The moments as a table that a spreadsheet reads. */
export function tableOf(moments: readonly JawMoment[]): string {
  const rows = moments.map((each) =>
    [each.sample, each.level, each.commanded.toFixed(2), each.real.toFixed(2)].join(","),
  );
  return `${["sample,level,commanded,real", ...rows].join("\n")}\n`;
}
