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
  /** The one that listens, or has still to tell what was said before it was stopped. */
  #recogniser: Recogniser | null = null;
  /** It may tell something from now on, or no more. */
  onListening: (on: boolean) => void = () => {};
  #told = false;
  /** The language that is listened for; null: none. */
  #wanted: string | null = null;

  /** Whether it may still tell something. */
  get telling(): boolean {
    return this.#told;
  }

  /** Whether it is listened to: what is said counts here. */
  get listening(): boolean {
    return this.#wanted !== null;
  }

  /** Listen, in another language from now on where it listens already. */
  start(language: string): void {
    if (language === this.#wanted || !recognitionOffered()) return;
    const changed = this.listening;
    this.#wanted = language;
    this.#listens(true);
    // Browsers have one session at a time: the next begins when the last has told all that it heard.
    if (!this.#recogniser) this.#begin(language);
    else if (changed) this.#recogniser.stop();
  }

  /** Stop; what was said up to now still comes. */
  stop(): void {
    if (!this.listening) return;
    this.#wanted = null;
    if (this.#recogniser) this.#recogniser.stop();
    else this.#listens(false);
  }

  /** Stop and forget. */
  abort(): void {
    this.#wanted = null;
    this.#leave()?.abort();
    this.#listens(false);
  }

  #listens(on: boolean): void {
    if (on === this.#told) return;
    this.#told = on;
    this.onListening(on);
  }

  #begin(language: string): void {
    const Make = maker();
    if (!Make) return;
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
    recogniser.onerror = ({ error }) => HOPELESS.has(error) && this.#fail(error);
    recogniser.onend = () => {
      this.#leave();
      if (this.#wanted !== null) this.#begin(this.#wanted);
      else this.#listens(false);
    };
    this.#recogniser = recogniser;
    recogniser.start();
  }

  #fail(why: string): void {
    this.#wanted = null;
    this.#leave();
    this.#listens(false);
    this.onFailed(why);
  }

  /** Let go of the recogniser: whatever it tells from now on is about nothing any more. */
  #leave(): Recogniser | null {
    const recogniser = this.#recogniser;
    this.#recogniser = null;
    if (recogniser) recogniser.onresult = recogniser.onerror = recogniser.onend = null;
    return recogniser;
  }
}
