/** Every word that the talk window shows. */
import type { CameraTrouble } from "../../sight/camera";
import type { MicrophoneTrouble } from "../../sound/microphone";

export const LANGUAGES: Record<string, string> = {
  en: "English",
  es: "Español",
  fr: "Français",
  zh: "中文",
  ja: "日本語",
};

/** Languages in which nobody speaks here, and in which subtitles can be read all the same. */
export const SECOND_LANGUAGES: Record<string, string> = {
  de: "Deutsch",
  it: "Italiano",
  nl: "Nederlands",
  pl: "Polski",
  pt: "Português",
  sv: "Svenska",
  tr: "Türkçe",
  vi: "Tiếng Việt",
  el: "Ελληνικά",
  ru: "Русский",
  uk: "Українська",
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
  /** Moments after the end of the partner's words; short, four stand side by side on a phone. */
  times: { understood: string; word: string; sound: string; heard: string };
  /** While all floors are taken. */
  waiting: {
    title: string;
    place: (place: number) => string;
    minutes: (minutes: number) => string;
    soon: string;
    unknown: string;
    stay: string;
    full: string;
    fullHelp: string;
  };
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
    times: { understood: "understood", word: "first word", sound: "first sound", heard: "heard here" },
    waiting: {
      title: "All seats are taken just now",
      place: (place) => (place === 1 ? "You are next" : `You are number ${place} in line`),
      minutes: (minutes) => `About ${minutes} min to go`,
      soon: "Less than a minute to go",
      unknown: "How long it takes is not known yet",
      stay: "Leave this page open: the conversation begins by itself.",
      full: "The house is full",
      fullHelp: "So many wait already that nobody more is let in. This page tries again by itself.",
    },
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
    times: { understood: "entendido", word: "1.ª palabra", sound: "1.er sonido", heard: "oído aquí" },
    waiting: {
      title: "Ahora mismo todos los sitios están ocupados",
      place: (place) => (place === 1 ? "Te toca a continuación" : `Eres el número ${place} de la cola`),
      minutes: (minutes) => `Faltan unos ${minutes} min`,
      soon: "Falta menos de un minuto",
      unknown: "Aún no se sabe cuánto tardará",
      stay: "Deja esta página abierta: la conversación empezará sola.",
      full: "La sala está llena",
      fullHelp: "Ya esperan tantos que no entra nadie más. Esta página lo intenta otra vez sola.",
    },
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
    times: { understood: "compris", word: "1er mot", sound: "1er son", heard: "entendu ici" },
    waiting: {
      title: "Toutes les places sont prises en ce moment",
      place: (place) => (place === 1 ? "C’est bientôt votre tour" : `Vous êtes le numéro ${place} dans la file`),
      minutes: (minutes) => `Encore ${minutes} min environ`,
      soon: "Encore moins d’une minute",
      unknown: "On ne sait pas encore combien de temps il faudra",
      stay: "Laissez cette page ouverte : la conversation commencera d’elle-même.",
      full: "La salle est comble",
      fullHelp: "La file d’attente est pleine elle aussi. Cette page réessaie d’elle-même.",
    },
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
    times: { understood: "听懂", word: "首个词", sound: "首个声音", heard: "这里听到" },
    waiting: {
      title: "现在座位已满",
      place: (place) => (place === 1 ? "下一位就是你" : `你排在第 ${place} 位`),
      minutes: (minutes) => `大约还要 ${minutes} 分钟`,
      soon: "不到一分钟",
      unknown: "还不知道要等多久",
      stay: "请不要关闭本页：轮到你时对话会自动开始。",
      full: "已经客满",
      fullHelp: "等候的人太多，暂时无法加入。本页会自动重试。",
    },
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
    times: { understood: "聞き取り", word: "最初の言葉", sound: "最初の音", heard: "ここで聞こえた" },
    waiting: {
      title: "ただいま満席です",
      place: (place) => (place === 1 ? "次はあなたの番です" : `${place} 番目にお待ちです`),
      minutes: (minutes) => `あと約 ${minutes} 分`,
      soon: "あと 1 分以内",
      unknown: "待ち時間はまだわかりません",
      stay: "このページを開いたままお待ちください。順番になると自動で始まります。",
      full: "満員です",
      fullHelp: "お待ちの方が多いため、今は入れません。このページは自動で再試行します。",
    },
  },
};

/** The words for a language, English where there are none. */
export function phrasesFor(language: string): Phrases {
  return PHRASES[language] ?? (PHRASES.en as Phrases);
}

type Troubles = Record<MicrophoneTrouble, { title: string; help: string }>;

/** Why there is no microphone, and what to do about it. */
const TROUBLES: Record<string, Troubles> = {
  en: {
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
  },
  es: {
    insecure: {
      title: "Esta dirección no es bastante segura para un micrófono",
      help: "Los navegadores solo dan el micrófono a páginas https y a este mismo equipo. Abre http://localhost o inicia el programa con --lan. Escribir sí funciona aquí.",
    },
    denied: {
      title: "El micrófono no está permitido",
      help: "Pulsa el icono a la izquierda de la dirección, permite el micrófono para esta página y pulsa otra vez el botón. Escribir funciona sin él.",
    },
    absent: {
      title: "No se ha encontrado ningún micrófono",
      help: "Conecta uno o elígelo en los ajustes de sonido del sistema y pulsa otra vez el botón. Escribir funciona sin él.",
    },
    busy: {
      title: "El micrófono no responde",
      help: "Quizá lo use otro programa. Cierra ese programa y pulsa otra vez el botón. Escribir funciona sin él.",
    },
  },
  fr: {
    insecure: {
      title: "Cette adresse n’est pas assez sûre pour un micro",
      help: "Les navigateurs n’accordent le micro qu’aux pages https et à cette machine même. Ouvrez http://localhost ou démarrez le programme avec --lan. Écrire fonctionne ici.",
    },
    denied: {
      title: "Le micro n’est pas autorisé",
      help: "Cliquez sur l’icône à gauche de l’adresse, autorisez le micro pour cette page, puis appuyez de nouveau sur le bouton. Écrire fonctionne sans micro.",
    },
    absent: {
      title: "Aucun micro n’a été trouvé",
      help: "Branchez-en un ou choisissez-le dans les réglages de son du système, puis appuyez de nouveau sur le bouton. Écrire fonctionne sans micro.",
    },
    busy: {
      title: "Le micro ne répond pas",
      help: "Un autre programme l’utilise peut-être. Fermez-le, puis appuyez de nouveau sur le bouton. Écrire fonctionne sans micro.",
    },
  },
  zh: {
    insecure: {
      title: "这个地址不够安全，不能使用麦克风",
      help: "浏览器只允许 https 页面和本机使用麦克风。请改用 http://localhost，或用 --lan 启动程序。这里可以打字。",
    },
    denied: {
      title: "麦克风没有得到允许",
      help: "点击地址左边的图标，允许本页使用麦克风，然后再按一次按钮。不用麦克风也可以打字。",
    },
    absent: {
      title: "没有找到麦克风",
      help: "请接上麦克风，或在系统的声音设置里选择一个，然后再按一次按钮。不用麦克风也可以打字。",
    },
    busy: {
      title: "麦克风没有反应",
      help: "可能有别的程序正在使用它。请关闭那个程序，然后再按一次按钮。不用麦克风也可以打字。",
    },
  },
  ja: {
    insecure: {
      title: "このアドレスではマイクを安全に使えません",
      help: "ブラウザがマイクを許可するのは https のページとこの端末自身だけです。http://localhost を開くか、--lan を付けてプログラムを起動してください。文字の入力はここでもできます。",
    },
    denied: {
      title: "マイクが許可されていません",
      help: "アドレスの左のアイコンを押し、このページにマイクを許可してから、もう一度ボタンを押してください。マイクがなくても文字で話せます。",
    },
    absent: {
      title: "マイクが見つかりません",
      help: "マイクをつなぐか、システムのサウンド設定で選んでから、もう一度ボタンを押してください。マイクがなくても文字で話せます。",
    },
    busy: {
      title: "マイクが応答しません",
      help: "ほかのプログラムが使っているかもしれません。そのプログラムを閉じてから、もう一度ボタンを押してください。マイクがなくても文字で話せます。",
    },
  },
};

/** Why there is no microphone, in a language; English where there are no words. */
export function troublesFor(language: string): Troubles {
  return TROUBLES[language] ?? (TROUBLES.en as Troubles);
}

/** Why the character sees nothing, where the partner wanted it to. */
export const BLIND: Record<CameraTrouble, string> = {
  insecure:
    "Browsers give camera and screen only to https pages and to this machine itself. Open http://localhost instead, or start the program with --lan.",
  denied: "It is not allowed. Click the icon left of the address, allow it for this page, then choose again.",
  absent: "No camera was found. Plug one in, then choose again.",
  busy: "The camera does not answer. Another program may hold it.",
  off: "It was shut again.",
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
  times: "Times of the last answer",
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
