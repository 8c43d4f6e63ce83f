/** Every word that the talk window shows. */
import type { MicrophoneTrouble } from "../../sound/microphone";

export const LANGUAGES: Record<string, string> = {
  en: "English",
  es: "Español",
  fr: "Français",
  zh: "中文",
  ja: "日本語",
};

interface Phrases {
  hold: string;
  release: string;
  tapToEnd: string;
  type: string;
  send: string;
  stop: string;
  handsFree: string;
  listening: string;
  greeting: (name: string) => string;
  tries: string[];
}

/** What a partner reads while talking, in their language. */
export const PHRASES: Record<string, Phrases> = {
  en: {
    hold: "Hold to talk",
    release: "Let go to send",
    tapToEnd: "Tap to send",
    type: "Or type here…",
    send: "Send",
    stop: "Stop",
    handsFree: "Hands-free",
    listening: "Listening",
    greeting: (name) => `Say hello to ${name}`,
    tries: ["Tell me a joke", "Sing something", "Who are you?", "How are you today?"],
  },
  es: {
    hold: "Mantén pulsado para hablar",
    release: "Suelta para enviar",
    tapToEnd: "Toca para enviar",
    type: "O escribe aquí…",
    send: "Enviar",
    stop: "Parar",
    handsFree: "Manos libres",
    listening: "Escuchando",
    greeting: (name) => `Saluda a ${name}`,
    tries: ["Cuéntame un chiste", "Canta algo", "¿Quién eres?", "¿Cómo estás hoy?"],
  },
  fr: {
    hold: "Maintenez pour parler",
    release: "Relâchez pour envoyer",
    tapToEnd: "Touchez pour envoyer",
    type: "Ou écrivez ici…",
    send: "Envoyer",
    stop: "Arrêter",
    handsFree: "Mains libres",
    listening: "J’écoute",
    greeting: (name) => `Dites bonjour à ${name}`,
    tries: ["Raconte-moi une blague", "Chante quelque chose", "Qui es-tu ?", "Comment vas-tu ?"],
  },
  zh: {
    hold: "按住说话",
    release: "松开发送",
    tapToEnd: "点击发送",
    type: "也可以在这里输入…",
    send: "发送",
    stop: "停止",
    handsFree: "免提",
    listening: "正在听",
    greeting: (name) => `跟 ${name} 打个招呼吧`,
    tries: ["讲个笑话", "唱首歌吧", "你是谁？", "你今天好吗？"],
  },
  ja: {
    hold: "押しながら話す",
    release: "離すと送信",
    tapToEnd: "タップで送信",
    type: "ここに入力もできます…",
    send: "送信",
    stop: "止める",
    handsFree: "ハンズフリー",
    listening: "聞いています",
    greeting: (name) => `${name}に話しかけてみよう`,
    tries: ["冗談を言って", "歌って", "あなたは誰？", "元気ですか？"],
  },
};

/** The words for a language, English where there are none. */
export function phrasesFor(language: string): Phrases {
  return PHRASES[language] ?? (PHRASES.en as Phrases);
}

export const TROUBLES: Record<MicrophoneTrouble, { title: string; help: string }> = {
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
};

export const TEXT = {
  language: "Language of the conversation",
  name: "Your name",
  namePlaceholder: "Your name",
  settings: "Settings",
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
  onStage: "On stage: everybody hears the answers",
  watching: "You look on. Only the operator speaks on this floor.",
  missed: "Some of the conversation was lost on the way here.",
  dismiss: "Close",
};
