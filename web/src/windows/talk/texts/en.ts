import type { CameraTrouble } from "../../../sight/camera";
import type { MicrophoneTrouble } from "../../../sound/microphone";

/** What a partner reads in the talk window. */
export const en = {
  hold: "Hold to talk",
  release: "Let go to send",
  tapToEnd: "Tap to send",
  type: "Or type here…",
  send: "Send",
  stop: "Stop",
  handsFree: "Hands-free",
  listening: "Listening",
  greeting: (name: string) => `Say hello to ${name}`,
  tries: ["Tell me a joke", "Sing something", "Who are you?", "How are you today?"],
  /** Moments after the end of the partner's words; short, four stand side by side on a phone. */
  times: { understood: "understood", word: "first word", sound: "first sound", heard: "heard here" },
  /** While all floors are taken. */
  waiting: {
    title: "All seats are taken just now",
    place: (place: number) => (place === 1 ? "You are next" : `You are number ${place} in line`),
    minutes: (minutes: number) => `About ${minutes} min to go`,
    soon: "Less than a minute to go",
    unknown: "How long it takes is not known yet",
    stay: "Leave this page open: the conversation begins by itself.",
    full: "The house is full",
    fullHelp: "So many wait already that nobody more is let in. This page tries again by itself.",
  },
  /** Why there is no microphone, and what to do about it. */
  troubles: {
    insecure: {
      title: "This address is not safe enough for a microphone",
      help: "Browsers give the microphone only to https pages and to this machine itself. Open http://localhost instead, or start the program with --lan. Typing works here.",
    },
    denied: {
      title: "The microphone is not allowed",
      help: "Click the icon left of the address, allow the microphone for this page, then press the button again. Typing works without it.",
    },
    absent: {
      title: "No microphone was found",
      help: "Plug one in or choose one in the system’s sound settings, then press the button again. Typing works without it.",
    },
    busy: {
      title: "The microphone does not answer",
      help: "Another program may hold it. Close that program, then press the button again. Typing works without it.",
    },
  } satisfies Record<MicrophoneTrouble, { title: string; help: string }>,
  /** Why the character sees nothing, where the partner wanted it to. */
  blind: {
    insecure:
      "Browsers give camera and screen only to https pages and to this machine itself. Open http://localhost instead, or start the program with --lan.",
    denied: "It is not allowed. Click the icon left of the address, allow it for this page, then choose again.",
    absent: "No camera was found. Plug one in, then choose again.",
    busy: "The camera does not answer. Another program may hold it.",
    off: "It was shut again.",
  } satisfies Record<CameraTrouble, string>,
  language: "Language of the conversation",
  name: "Your name",
  settings: "Settings",
  daylight: "Daylight",
  darkHouse: "Dark house",
  light: "Daylight or dark house",
  conversation: "Conversation",
  space: "Space",
  you: "You",
  cut: "cut",
  cutWhy: "It was interrupted here. Only what was heard is shown and remembered.",
  uncertain: "not sure",
  uncertainWhy: "The ear doubts that it understood this.",
  thinking: "thinking…",
  discarded: "No answer came of it.",
  empty: "Nothing said yet",
  emptyHelp:
    "Hold the button or the space bar and speak, or type. What both of you say is kept here while the window is open.",
  soundOn: "Sound on",
  soundOff: "Sound off",
  soundBlocked: "Click anywhere to hear the voice",
  level: "Microphone level",
  recognition: "Understand speech in the browser",
  recognitionHelp: "Sends your voice to the browser’s maker. Off, only this program hears you.",
  recognitionFailed: "The browser’s recognition does not answer; the program listens by itself again.",
  recognitionAbsent: "This browser has none of its own.",
  latency: "From the end of your words to the first sound here",
  latencyNone: "The time of the last answer will stand here.",
  timesOf: "Times of the last answer",
  said: "What was said",
  microphone: "Microphone",
  loudspeaker: "Loudspeaker",
  systemDevice: "As the system says",
  deviceGone: "The chosen one, unplugged now",
  devicesUnnamed: "There is a choice here once the microphone was allowed: speak once.",
  loudspeakerAbsent: "This browser leaves the loudspeaker to the system’s sound settings.",
  second: "Subtitles in a second language",
  secondAsShow: "As the show says",
  secondNone: "None",
  secondHelp: "Each line is shown in it as well, where it can be translated in time.",
  secondAbsent:
    "Nobody can translate here: that takes a brain that is a language model, and this show has only the built-in one.",
  see: "Let it see",
  seesNothing: "Nothing",
  seesCamera: "My camera",
  seesScreen: "My screen",
  seeHelp:
    "Single pictures, when you speak or when it wants to look. They are forgotten at once, unless the show keeps some.",
  seenNow: "What it can see now",
  sees: {
    camera: (name: string) => `${name} can see you`,
    screen: (name: string) => `${name} can see your screen`,
  },
  seeNoMore: "Hide it again",
  onStage: "On stage: everybody hears the answers",
  watching: "You look on. Only the operator speaks on this floor.",
  missed: "Some of the conversation was lost on the way here.",
  dismiss: "Close",
};

/** The same in any language. */
export type Text = typeof en;
