/** What the whole figure does once: a nod, a bow, as curves over time. */

export const GESTURES = ["nod", "shake", "bow", "bounce", "tilt"] as const;
export type Gesture = (typeof GESTURES)[number];

/** What a gesture adds to the figure and its head. */
export interface Nudge {
  /** The head, in pixels and degrees. */
  x: number;
  y: number;
  turn: number;
  /** The face within the head, -1 to 1: to the right, downwards. */
  yaw: number;
  pitch: number;
  /** The figure: pixels downwards, degrees, and its height as a share. */
  hop: number;
  lean: number;
  squash: number;
}

export const STILL: Nudge = { x: 0, y: 0, turn: 0, yaw: 0, pitch: 0, hop: 0, lean: 0, squash: 1 };

const LASTS: Record<Gesture, number> = { nod: 1, shake: 1.1, bow: 1.8, bounce: 1.3, tilt: 1.6 };

/** Return the gesture's nudge `since` seconds after it began, or null once it is over. */
export function gestured(name: Gesture, since: number): Nudge | null {
  const share = since / LASTS[name];
  if (share >= 1) return null;
  const swell = Math.sin(Math.PI * Math.max(0, share));
  const held = Math.min(1, swell * 1.7) ** 2 * (3 - 2 * Math.min(1, swell * 1.7));
  if (name === "nod") {
    const dip = Math.sin(share * Math.PI * 4 - Math.PI / 2) * 0.5 + 0.5;
    return { ...STILL, y: dip * 16, pitch: dip * 1.3 };
  }
  if (name === "shake") {
    const swing = Math.sin(share * Math.PI * 6) * swell;
    return { ...STILL, x: swing * 9, yaw: swing * 1.5, turn: swing * 2.5 };
  }
  if (name === "bow")
    return { ...STILL, y: held * 46, pitch: held * 2, turn: held * 4, lean: held * 2.5, squash: 1 - held * 0.05 };
  if (name === "tilt") return { ...STILL, turn: held * 11, x: held * 6 };
  const jump = Math.abs(Math.sin(share * Math.PI * 3)) * (1 - share * 0.5);
  const landing = (1 - Math.min(1, jump * 3)) * swell;
  return { ...STILL, hop: -jump * 34, squash: 1 - landing * 0.05, y: -jump * 4 };
}
