/** Moves a drawing's named parts: what is felt, said and done becomes a transform and an opacity a part. Pure. */

import { Attention, Blinks } from "./eyes";
import {
  FEELINGS,
  type Feeling,
  type FeelingName,
  type Lips,
  MUSCLES,
  type Muscles,
  SHAPES,
  type Shape,
} from "./feelings";
import { type Gesture, gestured, type Nudge, STILL } from "./gestures";
import { approach, chance, clamp, mix, Spring } from "./springs";

export type State = "idle" | "listening" | "thinking" | "speaking";

/** What a drawing says of one of its parts: numbers in the drawing's own units. */
export interface Joint {
  /** The point that it turns and grows about. */
  pivot: readonly [number, number];
  /** How far its full movement takes it: a lid to closed, a jaw to open, a pupil to the edge. */
  travel: readonly [number, number];
  /** A mouth's drawn width and height. */
  size: readonly [number, number];
  /** By what share a jaw grows narrower when the lips are pursed. */
  squeeze: number;
}

/** A drawing's parts by their ids. */
export type Sheet = Readonly<Record<string, Joint>>;

/** Where one part is: moved, turned (degrees) and grown about its pivot. */
export interface Placing {
  x: number;
  y: number;
  turn: number;
  growX: number;
  growY: number;
  opacity: number;
}

export type Pose = Record<string, Placing>;

export interface RigOptions {
  /** Two rigs of one seed, given the same orders at the same times, move the same. */
  seed?: number;
  /** Only mouth, lids and face move; nothing sways, bounces or drifts. */
  reduced?: boolean;
}

/** Seconds a step: motion is the same at any frame rate. */
const STEP = 1 / 120;
/** After a longer pause (a hidden tab) the time between is skipped. */
const LONGEST = 0.5;
const ATTACK = 0.04;
const RELEASE = 0.07;

/** How far the jaw opens for each mouth at full level. */
const OPENING: Record<Lips, number> = {
  rest: 0,
  closed: 0,
  teeth: 0.22,
  wide: 0.55,
  round: 0.8,
  narrow: 0.4,
  open: 1,
  smile: 0.55,
  frown: 0,
};
const PURSED: Partial<Record<Lips, number>> = { round: 0.7, narrow: 1 };
/** Mouths whose height follows the level. */
const SOUNDING = new Set<Lips>(["teeth", "wide", "round", "narrow", "open", "smile"]);
const LIPS: Lips[] = [...SHAPES, "smile", "frown"];

/** Something that hangs: it follows late what it hangs from, and swings out. */
interface Pendulum {
  id: string;
  spring: Spring;
  gain: number;
  most: number;
  /** 1 on the left, -1 on the right: it flaps outwards when what it hangs from drops. */
  side: number;
  from: "head" | "body";
}

/** How strongly a thing that hangs is pulled: turned with its holder, and lifted by its fall. */
interface Pull {
  turn: number;
  lift: number;
}

/** Turns orders and time into poses. Times are seconds on any clock that only goes forward. */
export class Rig {
  #sheet: Sheet;
  #reduced: boolean;
  #time: number | null = null;
  #feeling: FeelingName = "neutral";
  #state: State = "idle";
  #shape: Shape = "rest";
  #level = 0;
  #gesture: { name: Gesture; since: number } | null = null;
  #muscles: Record<keyof Muscles, Spring>;
  #blinks: Blinks;
  #attention: Attention;
  #gaze = { x: new Spring(0, 6, 1), y: new Spring(0, 6, 1) };
  #heading = { x: new Spring(0, 1.4, 0.9), y: new Spring(0, 1.4, 0.9) };
  #emphasis = new Spring(0, 2, 1);
  #shaking = new Spring(0, 2, 1);
  #listening = new Spring(0, 2, 1);
  #jaw = 0;
  #servo: number | null = null;
  #pursed = 0;
  #width: number;
  #height: number;
  #pendulums: Pendulum[];

  /** `sheet` is the drawing's; parts that it lacks are left out. */
  constructor(sheet: Sheet, { seed = 1, reduced = false }: RigOptions = {}) {
    const random = chance(seed);
    this.#sheet = sheet;
    this.#reduced = reduced;
    this.#blinks = new Blinks(random);
    this.#attention = new Attention(random);
    const rest = FEELINGS.neutral.muscles;
    this.#muscles = Object.fromEntries(MUSCLES.map((name) => [name, new Spring(rest[name], 2.6, 0.8)])) as Record<
      keyof Muscles,
      Spring
    >;
    [this.#width, this.#height] = sheet["mouth-rest"]?.size ?? [1, 1];
    this.#pendulums = hanging(sheet, random);
  }

  /** Show a mouth; `level` is how far it is open, 0 to 1. */
  mouth(shape: Shape, level: number): void {
    this.#shape = shape;
    this.#level = clamp(level, 0, 1);
  }

  /** Hold the jaw as far open as a servo does, 0 to 1, from now on: mouths move it no more. */
  jaw(open: number): void {
    this.#servo = clamp(open, 0, 1);
  }

  expression(name: FeelingName): void {
    this.#feeling = name;
  }

  /** Make a gesture once, from now on; a new one takes the place of the last. */
  gesture(name: Gesture): void {
    if (!this.#reduced) this.#gesture = { name, since: this.#time ?? 0 };
  }

  state(state: State): void {
    this.#state = state;
  }

  /** Look at a place for a while: -1 to 1 across and down, 0, 0 is the viewer. */
  look(x: number, y: number): void {
    this.#attention.call(clamp(x, -1, 1), clamp(y, -1, 1), this.#time ?? 0);
  }

  /** Whether the viewer asked for less motion, which may change while the rig lives. */
  set reduced(reduced: boolean) {
    this.#reduced = reduced;
  }

  /** Return where every part is at `now`. */
  pose(now: number): Pose {
    if (this.#time === null) {
      this.#time = now;
      if (this.#gesture) this.#gesture.since = now;
    }
    if (now - this.#time > LONGEST) this.#time = now - LONGEST;
    // A little grace: frame times come with rounding.
    while (now - this.#time >= STEP - 1e-6) {
      this.#time += STEP;
      this.#step(this.#time, STEP);
    }
    return this.#placed(this.#time);
  }

  /** Who thinks and feels nothing else looks thoughtful. */
  #felt(): Feeling {
    return FEELINGS[this.#state === "thinking" && this.#feeling === "neutral" ? "thinking" : this.#feeling];
  }

  /** The mouth to be seen: speech's own, or the feeling's while nothing is said. */
  #lips(): { lips: Lips; level: number } {
    if (this.#shape !== "rest") return { lips: this.#shape, level: this.#level };
    const { lips, level } = this.#felt();
    // Between two words of a laugh the mouth stays half open instead of snapping to a grin.
    return { lips, level: this.#state === "speaking" ? level * 0.5 : level };
  }

  #step(time: number, dt: number): void {
    const feeling = this.#felt();
    for (const name of MUSCLES) this.#muscles[name].step(feeling.muscles[name], dt);
    this.#blinks.step(time);
    this.#stepMouth(dt);
    this.#emphasis.step(this.#shape === "rest" ? 0 : this.#level, dt);
    this.#shaking.step(this.#reduced ? 0 : feeling.shaking, dt);
    this.#listening.step(this.#state === "listening" ? 1 : 0, dt);
    const away = this.#reduced ? { x: 0, y: 0 } : this.#attention.at(time, this.#state);
    const { gazeX, gazeY } = feeling.muscles;
    this.#gaze.x.step(clamp(away.x + gazeX, -1, 1), dt);
    this.#gaze.y.step(clamp(away.y + gazeY, -1, 1), dt);
    const nudge = this.#nudge(time);
    this.#heading.x.step(this.#reduced ? 0 : this.#gaze.x.value * 0.55, dt);
    this.#heading.y.step(this.#reduced ? 0 : this.#gaze.y.value * 0.45, dt);
    const pulls = this.#pulls(time, nudge);
    for (const { spring, side, from } of this.#pendulums) {
      const target = pulls[from].turn + side * pulls[from].lift;
      if (this.#reduced) spring.set(target);
      else spring.step(target, dt);
    }
  }

  #stepMouth(dt: number): void {
    const { lips, level } = this.#lips();
    const [width, height] = this.#sheet[`mouth-${lips}`]?.size ?? [1, 1];
    const tall = SOUNDING.has(lips) ? height * mix(0.45, 1.06, level) : height;
    const open = OPENING[lips] * mix(0.3, 1, level);
    this.#height = approach(this.#height, tall, tall > this.#height ? ATTACK : RELEASE, dt);
    this.#width = approach(this.#width, width, ATTACK, dt);
    this.#jaw = approach(this.#jaw, open, open > this.#jaw ? ATTACK : RELEASE, dt);
    this.#pursed = approach(this.#pursed, PURSED[lips] ?? 0, RELEASE, dt);
  }

  #nudge(time: number): Nudge {
    if (!this.#gesture || this.#reduced) return STILL;
    const nudge = gestured(this.#gesture.name, time - this.#gesture.since);
    if (!nudge) this.#gesture = null;
    return nudge ?? STILL;
  }

  /** The whole figure: its slow sway on the stick, and a gesture's part in it. */
  #figure(time: number, nudge: Nudge): { turn: number; y: number } {
    const sway = this.#reduced ? 0 : Math.sin(time * 0.9) * 0.8 + Math.sin(time * 0.53 + 1) * 0.6;
    return { turn: sway + nudge.lean, y: nudge.hop };
  }

  #head(time: number, nudge: Nudge): { x: number; y: number; turn: number } {
    const still = this.#reduced ? 0 : 1;
    const sway = Math.sin(time * 0.71 + 2) * 1.5 + Math.sin(time * 1.13) * 0.7;
    const chuckle = this.#shaking.value * Math.sin(time * 2 * Math.PI * 4.6);
    const spoken = still * this.#emphasis.value;
    return {
      x: still * Math.sin(time * 0.47) * 3 + nudge.x,
      y: still * (Math.sin(time * 1.55) * 2.5 - this.#muscles.lift.value) - spoken * 5 + chuckle * 4 + nudge.y,
      turn: still * (sway + this.#listening.value * 3 + this.#muscles.tilt.value) + nudge.turn + chuckle * 0.8,
    };
  }

  #pulls(time: number, nudge: Nudge): Record<Pendulum["from"], Pull> {
    const figure = this.#figure(time, nudge);
    const head = this.#head(time, nudge);
    const across = head.x + this.#heading.x.value * 8;
    return {
      head: { turn: head.turn + figure.turn * 2 + across * 0.25, lift: (head.y + figure.y) * 0.22 },
      body: { turn: figure.turn * 3 + across * 0.12, lift: (head.y * 0.25 + figure.y) * 0.3 },
    };
  }

  #placed(time: number): Pose {
    const pose: Pose = {};
    const place = (id: string, placing: Partial<Placing>) => {
      if (this.#sheet[id]) pose[id] = { x: 0, y: 0, turn: 0, growX: 1, growY: 1, opacity: 1, ...placing };
    };
    const nudge = this.#nudge(time);
    const figure = this.#figure(time, nudge);
    const head = this.#head(time, nudge);
    const breath = this.#reduced ? 0 : Math.sin(time * 1.55);
    place("figure", { y: figure.y, turn: figure.turn, growX: 2 - nudge.squash, growY: nudge.squash });
    place("body", { y: head.y * 0.25, x: head.x * 0.2, growX: 1 + breath * 0.006, growY: 1 - breath * 0.01 });
    place("head", head);
    this.#placeFace(place, nudge);
    this.#placeMouth(place);
    this.#placeEffects(place, time);
    const pulls = this.#pulls(time, nudge);
    for (const { id, spring, gain, most, side, from } of this.#pendulums) {
      const lag = spring.value - pulls[from].turn - side * pulls[from].lift;
      place(id, { turn: clamp(lag * gain, -most, most) });
    }
    return pose;
  }

  #placeFace(place: (id: string, placing: Partial<Placing>) => void, nudge: Nudge): void {
    const value = (name: keyof Muscles) => this.#muscles[name].value;
    const yaw = this.#heading.x.value + nudge.yaw;
    const pitch = this.#heading.y.value + nudge.pitch;
    place("face", { x: yaw * 11, y: pitch * 8 });
    place("nose", { x: yaw * 6, y: pitch * 4 - value("cheek") * 2 });
    place("cap", { x: yaw * 3, y: pitch * 3 });
    const shut = this.#blinks.closed;
    const raise = this.#reduced ? 0 : this.#emphasis.value * 0.22 + this.#listening.value * 0.2;
    for (const side of ["Left", "Right"] as const) {
      const id = side.toLowerCase();
      const outward = side === "Left" ? -1 : 1;
      const travel = (part: string) => this.#sheet[`${part}-${id}`]?.travel ?? [0, 0];
      const brow = value(`brow${side}`) + raise - shut * 0.18;
      place(`brow-${id}`, { y: -brow * travel("brow")[1], turn: value(`slant${side}`) * outward });
      const lid = mix(Math.max(value(`lid${side}`) + this.#gaze.y.value * 0.1, -0.1), 1, shut);
      const squint = Math.max(value(`squint${side}`), shut * 0.25);
      place(`lid-${id}`, { y: clamp(lid, -0.1, 0.94) * travel("lid")[1] });
      place(`squint-${id}`, { y: squint * travel("squint")[1] });
      const [across, down] = travel("pupil");
      const size = value("pupil");
      place(`pupil-${id}`, {
        x: this.#gaze.x.value * across,
        y: this.#gaze.y.value * down,
        growX: size,
        growY: size,
      });
      const cheek = value("cheek");
      place(`cheek-${id}`, { y: -cheek * 9, growX: 1 + cheek * 0.1, growY: 1 + cheek * 0.06 });
    }
  }

  #placeMouth(place: (id: string, placing: Partial<Placing>) => void): void {
    const { lips } = this.#lips();
    const value = (name: keyof Muscles) => this.#muscles[name].value;
    // A feeling's crooked mouth straightens while it speaks.
    const crooked = this.#shape === "rest" ? 1 : 0.25;
    place("mouth", {
      x: value("mouthX") * crooked,
      y: -value("cheek") * 3,
      turn: value("mouthTurn") * crooked,
      growX: mix(1, value("mouthWidth"), crooked),
      growY: mix(1, value("mouthWidth"), crooked * 0.5),
    });
    for (const name of LIPS) {
      const [width, height] = this.#sheet[`mouth-${name}`]?.size ?? [1, 1];
      const growX = clamp(this.#width / width, 0.5, 1.3);
      const growY = clamp(this.#height / height, 0.2, 1.4);
      place(`mouth-${name}`, name === lips ? { growX, growY } : { opacity: 0 });
    }
    const { travel = [0, 0], squeeze = 0 } = this.#sheet.jaw ?? {};
    const jaw = this.#servo ?? this.#jaw;
    place("jaw", { x: jaw * travel[0], y: jaw * travel[1], growX: 1 - this.#pursed * squeeze });
  }

  #placeEffects(place: (id: string, placing: Partial<Placing>) => void, time: number): void {
    const shown = (name: keyof Muscles) => clamp(this.#muscles[name].value, 0, 1);
    const moving = this.#reduced ? 0 : 1;
    place("dimples", { opacity: shown("dimple") });
    place("blush", { opacity: shown("blush") });
    const fall = moving * ((time / 1.9) % 1);
    const tear = shown("tear");
    const drop = (this.#sheet.tear?.travel[1] ?? 0) * fall * fall;
    const born = moving ? Math.min(1, fall * 6) : 1;
    place("tear", { y: drop, growX: born, growY: born, opacity: tear * (fall > 0.8 ? (1 - fall) * 5 : 1) });
    const slide = moving * 0.5 * (1 - Math.cos(time * 2.2));
    place("sweat", { y: (this.#sheet.sweat?.travel[1] ?? 0) * slide, opacity: shown("sweat") });
    const sparkle = shown("sparkle");
    const twinkle = moving * Math.sin(time * 3.3);
    place("sparkle", {
      growX: mix(0.9, 1, sparkle) + twinkle * 0.02,
      growY: mix(0.9, 1, sparkle) + twinkle * 0.02,
      opacity: sparkle * (0.85 + twinkle * 0.15),
    });
  }
}

/** Every horn, bell and ribbon of the drawing, each with a swing of its own. */
function hanging(sheet: Sheet, random: () => number): Pendulum[] {
  const [centre, neck] = sheet.head?.pivot ?? [0, 0];
  return Object.keys(sheet).flatMap((id) => {
    const kind = /^(horn|bell|ribbon)-/.exec(id)?.[1];
    const joint = sheet[id];
    if (!kind || !joint) return [];
    const off = joint.pivot[0] - centre;
    const side = Math.abs(off) < 20 ? 0 : Math.sign(off);
    const [hertz, damping, gain, most] =
      kind === "horn" ? [2.1, 0.3, 1.1, 9] : kind === "bell" ? [2.6, 0.12, 3, 34] : [1.1, 0.22, 1.6, 16];
    return [
      {
        id,
        spring: new Spring(0, hertz * mix(0.88, 1.12, random()), damping),
        gain,
        most,
        side: -side,
        from: joint.pivot[1] > neck ? "body" : "head",
      },
    ];
  });
}
