/** What every window says at its door, in the languages of those who talk. */

interface Door {
  /** Where the connection stands, in a word or two. */
  open: string;
  connecting: string;
  again: string;
  queued: string;
  closed: string;
  refused: string;
  /** What stands in a window that is not let in. */
  keyTitle: string;
  keyHelp: string;
  token: string;
  stay: string;
  wait: (seconds: number) => string;
  enter: string;
  otherTitle: string;
  retry: string;
}

export const DOOR: Record<string, Door> = {
  en: {
    open: "connected",
    connecting: "connecting…",
    again: "trying again",
    queued: "waiting for a place",
    closed: "closed",
    refused: "not let in",
    keyTitle: "This door asks for a key",
    keyHelp:
      "The program prints a link with its token when it starts, and keeps the token in a file. Open that link, or paste the token here.",
    token: "Token",
    stay: "Stay in on this device",
    wait: (seconds) => `Tries again in ${seconds} s`,
    enter: "Come in",
    otherTitle: "The program does not let this window in",
    retry: "Try again",
  },
  es: {
    open: "conectado",
    connecting: "conectando…",
    again: "intentándolo otra vez",
    queued: "esperando sitio",
    closed: "cerrado",
    refused: "sin acceso",
    keyTitle: "Esta puerta pide una llave",
    keyHelp:
      "El programa muestra un enlace con su token al arrancar y guarda el token en un archivo. Abre ese enlace o pega aquí el token.",
    token: "Token",
    stay: "No volver a pedirlo en este dispositivo",
    wait: (seconds) => `Otro intento dentro de ${seconds} s`,
    enter: "Entrar",
    otherTitle: "El programa no deja entrar a esta ventana",
    retry: "Intentar otra vez",
  },
  fr: {
    open: "connecté",
    connecting: "connexion…",
    again: "nouvel essai",
    queued: "en attente d’une place",
    closed: "fermé",
    refused: "entrée refusée",
    keyTitle: "Cette porte demande une clé",
    keyHelp:
      "Au démarrage, le programme affiche un lien avec son jeton et garde le jeton dans un fichier. Ouvrez ce lien ou collez le jeton ici.",
    token: "Jeton",
    stay: "Ne plus le demander sur cet appareil",
    wait: (seconds) => `Nouvel essai dans ${seconds} s`,
    enter: "Entrer",
    otherTitle: "Le programme ne laisse pas entrer cette fenêtre",
    retry: "Réessayer",
  },
  zh: {
    open: "已连接",
    connecting: "正在连接…",
    again: "正在重试",
    queued: "正在等位",
    closed: "已关闭",
    refused: "无法进入",
    keyTitle: "进门需要钥匙",
    keyHelp: "程序启动时会显示带令牌的链接，并把令牌保存在文件里。请打开那个链接，或把令牌粘贴到这里。",
    token: "令牌",
    stay: "在此设备上保持登录",
    wait: (seconds) => `${seconds} 秒后重试`,
    enter: "进入",
    otherTitle: "程序不让这个窗口进入",
    retry: "重试",
  },
  ja: {
    open: "接続中",
    connecting: "接続しています…",
    again: "再試行しています",
    queued: "席が空くのを待っています",
    closed: "終了しました",
    refused: "入れません",
    keyTitle: "この扉には鍵が必要です",
    keyHelp:
      "プログラムは起動時にトークン付きのリンクを表示し、トークンをファイルに保存します。そのリンクを開くか、トークンをここに貼り付けてください。",
    token: "トークン",
    stay: "この端末では次回から入力しない",
    wait: (seconds) => `${seconds} 秒後に再試行します`,
    enter: "入る",
    otherTitle: "プログラムがこのウィンドウを受け付けません",
    retry: "再試行",
  },
};

/** The words for a language, English where there are none. */
export function doorFor(language: string): Door {
  return DOOR[language] ?? (DOOR.en as Door);
}
