import { type Connection, type Status, waits } from "../../protocol/client";
import { choose, chosen, microphoneAllowed } from "../../sound/devices";
import { Microphone, MicrophoneError, type MicrophoneTrouble } from "../../sound/microphone";
import { Recognition, recognitionOffered } from "../../sound/recognition";

export interface SpeechState {
  /** The partner speaks, by the button. */
  held: boolean;
  handsFree: boolean;
  /** Why there is no microphone, where it was asked for. */
  trouble: MicrophoneTrouble | null;
  /** The browser's own recognition listens in the program's place. */
  browser: boolean;
  /** The microphone that was chosen; "" is the browser's own choice. */
  device: string;
}

const KEPT = "marotte.recognition";

/** The partner's voice: push-to-talk, hands-free, and the browser's own recognition where it is wanted. While that
 * listens its words alone count: the sound tells the program only that somebody speaks. */
export class Speech {
  state: SpeechState = {
    held: false,
    handsFree: false,
    trouble: null,
    browser: localStorage.getItem(KEPT) === "on" && recognitionOffered(),
    device: chosen("audioinput"),
  };
  /** The partner wants to speak: the moment to wake the sound. */
  onWake: () => void = () => {};
  /** The partner has said something to the end. */
  onSaid: () => void = () => {};
  /** The browser's recognition has given up. */
  onRecognitionFailed: () => void = () => {};
  #language = "en";
  #presses = 0;
  #microphone = new Microphone();
  #recognition = new Recognition();
  #listeners = new Set<() => void>();
  #levels: (level: number) => void = () => {};

  constructor(private readonly connection: Connection) {
    this.#microphone.device = this.state.device;
    this.#microphone.onFrame = (pcm) => connection.sendMicrophone(pcm);
    this.#microphone.onLevel = (level) => this.#levels(level);
    this.#microphone.onEnd = () => this.#deaf("absent");
    this.#recognition.onText = (text, final) => connection.send({ type: "transcript", text, final });
    this.#recognition.onListening = (on) => connection.send({ type: "reads", on });
    this.#recognition.onFailed = () => {
      this.setBrowser(false);
      this.onRecognitionFailed();
    };
  }

  /** Follow the connection until the returned function is called. */
  start(): () => void {
    // What the program knew of the last connection's ears is gone with it.
    const ends = [
      this.connection.on("status", (status) => {
        const { state, welcome } = status;
        if (state !== "open") return this.#lost(status);
        if (this.#recognition.telling) this.connection.send({ type: "reads", on: true });
        if (this.state.handsFree) this.connection.send({ type: "hands_free", on: true });
        if (welcome && (welcome.floor !== "public" || welcome.rights === "operator")) void this.#offer();
      }),
      this.connection.on("button", (order) => (order === "press" ? void this.press() : this.release())),
    ];
    return () => {
      for (const end of ends) end();
      this.#leave();
    };
  }

  /** Hear nothing any more. */
  #leave(): void {
    this.#set({ held: false, handsFree: false });
    this.#recognition.abort();
    this.#microphone.close();
  }

  /** Nobody hears the button any more: what is said from here on would be lost without a word. */
  #lost(status: Status): void {
    // What stands in the window now has no switch for a microphone that is on.
    if (status.state === "refused" || waits(status)) this.#leave();
    if (!this.state.held) return;
    this.#set({ held: false });
    this.#microphone.pass(this.state.handsFree);
    if (!this.state.handsFree) this.#recognition.abort();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Let a meter show the microphone's level. */
  readonly level = (show: (level: number) => void): (() => void) => {
    this.#levels = show;
    return () => {
      this.#levels = () => {};
    };
  };

  async press(): Promise<void> {
    if (this.state.held) return;
    this.onWake();
    this.#set({ held: true });
    const press = ++this.#presses;
    const opened = await this.#open();
    // The partner may have let go while the browser asked for permission, and perhaps pressed anew.
    if (press !== this.#presses || !this.state.held) return;
    if (!opened) return this.#set({ held: false });
    // First, so that the ears know for whom this press is.
    if (this.state.browser) this.#recognition.start(this.#language);
    this.connection.send({ type: "press" });
    this.#microphone.pass(true);
  }

  release(): void {
    if (!this.state.held) return;
    this.#set({ held: false });
    if (!this.#microphone.open) return;
    this.#microphone.pass(this.state.handsFree);
    if (!this.state.handsFree) this.#recognition.stop();
    if (this.connection.send({ type: "release" })) this.onSaid();
  }

  async listen(on: boolean): Promise<void> {
    this.onWake();
    if (!on || (await this.#open())) this.#listenNow(on);
  }

  /** Speak this language from now on. */
  setLanguage(language: string): void {
    this.#language = language;
    if (this.#recognition.listening) this.#recognition.start(language);
  }

  setBrowser(on: boolean): void {
    localStorage.setItem(KEPT, on ? "on" : "off");
    this.#set({ browser: on });
    if (!on) this.#recognition.abort();
    else if (this.state.handsFree) this.#recognition.start(this.#language);
  }

  /** Listen to another microphone from now on. */
  async setDevice(device: string): Promise<void> {
    choose("audioinput", device);
    this.#set({ device });
    await this.#microphone.use(device).catch((error: unknown) => this.#deaf(troubleOf(error)));
  }

  /** The partner has read what the trouble is. */
  dismiss(): void {
    this.#set({ trouble: null });
  }

  #listenNow(on: boolean): void {
    this.#set({ handsFree: on });
    if (on && this.state.browser) this.#recognition.start(this.#language);
    this.#microphone.pass(on);
    this.connection.send({ type: "hands_free", on });
    if (!on) this.#recognition.stop();
  }

  async #open(): Promise<boolean> {
    const anew = !this.#microphone.open;
    try {
      await this.#microphone.start();
      this.#set({ trouble: null });
      if (anew) void this.#offer();
      return true;
    } catch (error) {
      this.#set({ trouble: troubleOf(error) });
      return false;
    }
  }

  /** The microphone that was open is gone. */
  #deaf(trouble: MicrophoneTrouble): void {
    if (this.state.held) this.connection.send({ type: "release" });
    this.#set({ trouble, held: false });
    this.connection.send({ type: "microphone", on: false });
    if (this.state.handsFree) this.#listenNow(false);
  }

  /** Let the program press this window's button, for whoever asks it to, once no question of the browser's is open. */
  async #offer(): Promise<void> {
    if (this.#microphone.open || (await microphoneAllowed())) this.connection.send({ type: "microphone", on: true });
  }

  #set(change: Partial<SpeechState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function troubleOf(error: unknown): MicrophoneTrouble {
  return error instanceof MicrophoneError ? error.trouble : "busy";
}
