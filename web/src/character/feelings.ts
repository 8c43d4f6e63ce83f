/** What each feeling looks like: targets of the face's springs, the same for every drawing. */

export const SHAPES = ["rest", "closed", "teeth", "wide", "round", "narrow", "open"] as const;
/** The shapes of the mouth that speech uses. */
export type Shape = (typeof SHAPES)[number];
/** All drawn mouths: those of speech, and two that only a feeling shows. */
export type Lips = Shape | "smile" | "frown";

/** One number a muscle. Left and right are the viewer's. */
export interface Muscles {
  /** Brows: -1 lowered, 1 raised. */
  browLeft: number;
  browRight: number;
  /** Degrees; positive lifts the inner ends (sad), negative sinks them (angry). */
  slantLeft: number;
  slantRight: number;
  /** Upper lids: 0 open, 1 closed. */
  lidLeft: number;
  lidRight: number;
  /** Lower lids: 0 low, 1 high. */
  squintLeft: number;
  squintRight: number;
  /** Size of the pupils, 1 as drawn. */
  pupil: number;
  /** Cheeks: 0 at rest, 1 raised. */
  cheek: number;
  dimple: number;
  blush: number;
  tear: number;
  sweat: number;
  sparkle: number;
  /** Degrees of the head, positive to the right; lift in pixels upwards. */
  tilt: number;
  lift: number;
  /** Where the eyes go of themselves, -1 to 1. */
  gazeX: number;
  gazeY: number;
  /** The mouth between words: moved sideways (pixels), turned (degrees) and made wider or narrower. */
  mouthX: number;
  mouthTurn: number;
  mouthWidth: number;
}

export interface Feeling {
  muscles: Muscles;
  /** The mouth while nothing is said, and how far it is open. */
  lips: Lips;
  level: number;
  /** How strongly the whole figure shakes with it, 0 to 1. */
  shaking: number;
}

const neutral: Muscles = {
  browLeft: 0,
  browRight: 0,
  slantLeft: 0,
  slantRight: 0,
  lidLeft: 0.02,
  lidRight: 0.02,
  squintLeft: 0,
  squintRight: 0,
  pupil: 1,
  cheek: 0,
  dimple: 0,
  blush: 0,
  tear: 0,
  sweat: 0,
  sparkle: 0,
  tilt: 0,
  lift: 0,
  gazeX: 0,
  gazeY: 0,
  mouthX: 0,
  mouthTurn: 0,
  mouthWidth: 1,
};

export const MUSCLES = Object.keys(neutral) as (keyof Muscles)[];

function feeling(muscles: Partial<Muscles>, lips: Lips = "rest", level = 0, shaking = 0): Feeling {
  return { muscles: { ...neutral, ...muscles }, lips, level, shaking };
}

export const FEELINGS = {
  neutral: feeling({}),
  joy: feeling(
    {
      browLeft: 0.55,
      browRight: 0.55,
      slantLeft: 3,
      slantRight: 3,
      lidLeft: 0,
      lidRight: 0,
      squintLeft: 0.26,
      squintRight: 0.26,
      pupil: 1.1,
      cheek: 0.8,
      dimple: 1,
      sparkle: 1,
      lift: 6,
      tilt: -2,
    },
    "smile",
    0.7,
  ),
  laugh: feeling(
    {
      browLeft: 0.75,
      browRight: 0.75,
      slantLeft: 5,
      slantRight: 5,
      lidLeft: 0.2,
      lidRight: 0.2,
      squintLeft: 0.95,
      squintRight: 0.95,
      cheek: 1,
      dimple: 1,
      blush: 0.35,
      tilt: 4,
      lift: 8,
    },
    "smile",
    1,
    1,
  ),
  sad: feeling(
    {
      browLeft: 0.1,
      browRight: 0.1,
      slantLeft: 17,
      slantRight: 17,
      lidLeft: 0.34,
      lidRight: 0.34,
      pupil: 1.08,
      tear: 1,
      tilt: -5,
      lift: -10,
      gazeX: -0.15,
      gazeY: 0.45,
    },
    "frown",
  ),
  angry: feeling(
    {
      browLeft: -0.95,
      browRight: -0.95,
      slantLeft: -17,
      slantRight: -17,
      lidLeft: 0.24,
      lidRight: 0.24,
      squintLeft: 0.18,
      squintRight: 0.18,
      pupil: 0.84,
      lift: -5,
      mouthWidth: 0.95,
    },
    "frown",
  ),
  surprised: feeling(
    {
      browLeft: 1,
      browRight: 1,
      slantLeft: 2,
      slantRight: 2,
      lidLeft: -0.1,
      lidRight: -0.1,
      pupil: 0.78,
      sweat: 1,
      lift: 10,
    },
    "round",
    0.75,
  ),
  shy: feeling(
    {
      browLeft: 0.3,
      browRight: 0.3,
      slantLeft: 11,
      slantRight: 11,
      lidLeft: 0.3,
      lidRight: 0.3,
      squintLeft: 0.08,
      squintRight: 0.08,
      cheek: 0.4,
      blush: 1,
      tilt: 7,
      lift: -6,
      gazeX: 0.7,
      gazeY: 0.5,
      mouthX: 4,
      mouthTurn: -4,
      mouthWidth: 0.62,
    },
    "rest",
  ),
  thinking: feeling(
    {
      browLeft: 0.7,
      browRight: -0.3,
      slantLeft: 2,
      slantRight: -7,
      lidLeft: 0.02,
      lidRight: 0.26,
      squintRight: 0.15,
      tilt: -6,
      gazeX: 0.6,
      gazeY: -0.75,
      mouthX: 12,
      mouthTurn: -8,
      mouthWidth: 0.55,
    },
    "rest",
  ),
  wink: feeling(
    {
      browLeft: 0.7,
      browRight: -0.35,
      slantRight: 2,
      lidLeft: 0.04,
      lidRight: 1,
      squintLeft: 0.15,
      squintRight: 0.3,
      pupil: 1.06,
      cheek: 0.7,
      dimple: 1,
      sparkle: 0.6,
      tilt: 6,
      mouthX: 6,
      mouthTurn: -5,
      mouthWidth: 1.12,
    },
    "rest",
  ),
} satisfies Record<string, Feeling>;

export type FeelingName = keyof typeof FEELINGS;

export function isFeeling(name: string): name is FeelingName {
  return Object.hasOwn(FEELINGS, name);
}
