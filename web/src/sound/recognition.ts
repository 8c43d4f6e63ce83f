/** The browser's own recognition (Web Speech), where it has one. It sends the voice to the browser's maker. */

interface Alternative {
  readonly transcript: string;
}
interface Result {
  readonly isFinal: boolean;
  readonly length: number;
  readonly [index: number]: Alternative | undefined;
}
interface Recogniser {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  onresult: ((event: { resultIndex: number; results: ArrayLike<Result> }) => void) | null;
  onerror: ((event: { error: string }) => void) | null;
  onend: (() => void) | null;
  start(): void;
  stop(): void;
  abort(): void;
}
type Maker = new () => Recogniser;

function maker(): Maker | null {
  const here = globalThis as unknown as { SpeechRecognition?: Maker; webkitSpeechRecognition?: Maker };
  return here.SpeechRecognition ?? here.webkitSpeechRecognition ?? null;
}

/** Whether this browser can recognise speech itself. */
export function recognitionOffered(): boolean {
  return maker() !== null;
}

const TAGS: Record<string, string> = { en: "en-US", es: "es-ES", fr: "fr-FR", zh: "zh-CN", ja: "ja-JP" };
/** Errors after which another try is no use. */
const HOPELESS = new Set(["network", "not-allowed", "service-not-allowed", "language-not-supported", "audio-capture"]);

/** Listens while it is wanted; browsers end a session by themselves, so it begins again until told to stop. */
export class Recognition {
  onText: (text: string, final: boolean) => void = () => {};
  /** It cannot go on; the program's own ear takes over. */
  onFailed: (why: string) => void = () => {};
  #recogniser: Recogniser | null = null;
  #wanted = false;

  start(language: string): void {
    const Make = maker();
    if (!Make || this.#wanted) return;
    const recogniser = new Make();
    recogniser.lang = TAGS[language] ?? language;
    recogniser.continuous = true;
    recogniser.interimResults = true;
    recogniser.onresult = ({ resultIndex, results }) => {
      for (const result of Array.from(results).slice(resultIndex)) {
        const text = result[0]?.transcript.trim();
        if (text) this.onText(text, result.isFinal);
      }
    };
    recogniser.onerror = ({ error }) => {
      if (!HOPELESS.has(error)) return;
      this.#wanted = false;
      this.onFailed(error);
    };
    recogniser.onend = () => {
      if (this.#wanted) recogniser.start();
      else this.#recogniser = null;
    };
    this.#wanted = true;
    this.#recogniser = recogniser;
    recogniser.start();
  }

  /** Stop; what was said up to now still comes. */
  stop(): void {
    this.#wanted = false;
    this.#recogniser?.stop();
  }

  /** Stop and forget. */
  abort(): void {
    this.#wanted = false;
    if (this.#recogniser) this.#recogniser.onresult = null;
    this.#recogniser?.abort();
    this.#recogniser = null;
  }
}
