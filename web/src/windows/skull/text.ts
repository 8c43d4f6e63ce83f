/** Every word that the skull's window shows, besides those of the talk window's button. */
import type { Light } from "../../protocol/frames";
import type { CameraTrouble } from "../../sight/camera";
import type { ServoSettings } from "./servo";

export const LIGHTS: Record<Light, string> = {
  idle: "Waits",
  listening: "Listens",
  thinking: "Thinks",
  speaking: "Speaks",
  trouble: "Trouble",
};

/** What is said of a press that came to nothing. */
export const REFUSED = {
  refused: "Not now. Try again in a moment.",
  held: "The button was held too long: it was let go for you.",
  no_answer: "Nobody answers the button. Is the program still running?",
  lost: "The line was lost while you spoke. Say it again once it stands.",
};

export const TEXT = {
  title: "Skull",
  label: "The skull",
  workbench: "Workbench",
  light: "Daylight or dark house",
  soundBlocked: "Click anywhere to hear the voice",
  soundAbsent: "This browser plays no sound here: open the page over https or on this machine itself.",
  replacedTitle: "Another skull took the place of this one",
  replacedHelp: "A skull of the same name came later, perhaps in another tab. Only one of them is spoken with.",
  takeBack: "Take the place back",
  dismiss: "Close",
  jaw: "Jaw",
  scope: "The last four seconds: the level of the sound, the commanded angle and the real angle",
  level: "level",
  commanded: "commanded",
  real: "real",
  servo: "Servo",
  reset: "As it was",
  save: "Save the track",
  saveHelp: "The last minute as a table (CSV), every 5 ms: sample, level, commanded and real angle.",
  eyes: "Eyes",
  seen: "What the camera sees",
  unasked: "The camera is shut. It opens when the character wants to look.",
  cover: "Cover the lens",
  covered: "the lens is covered",
  coveredHelp: "The lens is covered: nothing is seen.",
  pictures: (count: number) => `${count} ${count === 1 ? "picture" : "pictures"} taken`,
  blind: {
    insecure: "No camera: this address is not safe enough for one.",
    denied: "No camera: it is not allowed for this page.",
    absent: "No camera was found.",
    busy: "The camera does not answer. Another program may hold it.",
    off: "The camera was shut.",
  } satisfies Record<CameraTrouble, string>,
};

export interface Dial {
  key: keyof ServoSettings;
  label: string;
  unit: string;
  least: number;
  most: number;
  step: number;
}

export const DIALS: Dial[] = [
  { key: "closed", label: "Closed at", unit: "°", least: 0, most: 15, step: 1 },
  { key: "open", label: "Open at", unit: "°", least: 5, most: 30, step: 1 },
  { key: "deadBand", label: "Dead band", unit: "°", least: 0, most: 5, step: 0.5 },
  { key: "speed", label: "Top speed", unit: "°/s", least: 50, most: 800, step: 10 },
  { key: "latency", label: "The servo is late by", unit: "ms", least: 0, most: 150, step: 5 },
  { key: "ahead", label: "Commanded ahead by", unit: "ms", least: 0, most: 150, step: 5 },
];
