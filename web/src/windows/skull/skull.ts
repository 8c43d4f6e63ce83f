import type { CharacterHandle } from "../../character/Character";
import { type Connection, waits } from "../../protocol/client";
import type { Light, Order } from "../../protocol/frames";
import { Camera, CameraError, cameraOffered } from "../../sight/camera";
import { answerSnapshots } from "../../sight/snapshots";
import { chosen } from "../../sound/devices";
import { Microphone, MicrophoneError, type MicrophoneTrouble } from "../../sound/microphone";
import type { Playback } from "../../sound/playback";
import { JawTrack } from "./jawtrack";
import { type Ending, Recording } from "./recording";
import { Servo, type ServoSettings } from "./servo";
import { REFUSED, TEXT } from "./text";

export interface SkullState {
  light: Light;
  /** The button is down. */
  held: boolean;
  /** Why there is no microphone, where it was asked for. */
  trouble: MicrophoneTrouble | null;
  /** What came of the last press, for a while. */
  note: string;
  /** What the eyes see, while they are open. */
  eyes: MediaStream | null;
  /** Why they see nothing, where somebody wanted to. */
  blind: string;
  covered: boolean;
  /** How many pictures were taken. */
  pictures: number;
  /** Another skull of this name has come. */
  replaced: boolean;
}

/** Milliseconds that a note is shown, and that the eyes stay open after a look. */
const NOTED = 8_000;
const OPEN = 30_000;
/** How far the drawing's jaw drops, in degrees of the hinge. */
const WIDE = 30;
/** A jaw that is open by less than this share shows no throat. */
const AJAR = 0.06;

/** A skull that is played by a page: its button, microphone, voice, jaw, eyes and light. */
export class Skull {
  state: SkullState = {
    light: "idle",
    held: false,
    trouble: null,
    note: "",
    eyes: null,
    blind: "",
    covered: false,
    pictures: 0,
    replaced: false,
  };
  readonly servo = new Servo();
  #character: CharacterHandle | null = null;
  #track = new JawTrack();
  #microphone = new Microphone();
  #camera = new Camera();
  #recording: Recording;
  #levels: (level: number) => void = () => {};
  #listeners = new Set<() => void>();
  #noted: ReturnType<typeof setTimeout> | undefined;
  #looked: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly playback: Playback,
  ) {
    this.#recording = new Recording((frame) => connection.send(frame));
    this.#recording.onGo = (on) => this.#microphone.pass(on);
    this.#recording.onEnd = (ending) => this.#ended(ending);
    this.#microphone.device = chosen("audioinput");
    this.#microphone.onFrame = (pcm) => connection.sendMicrophone(pcm);
    this.#microphone.onLevel = (level) => this.#levels(level);
    this.#microphone.onEnd = () => {
      this.release();
      this.#set({ trouble: "absent" });
    };
    this.#camera.onChange = () => this.#set({ eyes: this.#camera.stream });
  }

  /** Live on the connection until the returned function is called. */
  start(): () => void {
    const { connection, playback } = this;
    const ends = [
      connection.on("order", (order) => this.#obey(order)),
      connection.on("sound", (sound) => {
        void playback.again();
        this.#track.put(sound);
        playback.play(sound);
      }),
      connection.on("status", (status) => {
        if (status.state === "open") {
          this.#set({ light: "idle" });
          void playback.again();
          return this.tellSound();
        }
        // What was sent before is not stopped any more by what would have come next.
        this.#silence();
        this.#recording.lost();
        this.#set({ light: "trouble" });
        if (status.state === "refused" || waits(status)) this.#leave();
      }),
      connection.on("error", ({ code, message }) => {
        if (code !== "replaced") return this.#note(message);
        connection.close();
        this.#set({ replaced: true });
      }),
      answerSnapshots(connection, () => this.#look()),
    ];
    playback.onPlayed = (sample) => connection.send({ type: "played", sample });
    let request = 0;
    const loop = () => {
      request = requestAnimationFrame(loop);
      this.#move();
    };
    loop();
    return () => {
      cancelAnimationFrame(request);
      for (const end of ends) end();
      this.#leave();
    };
  }

  /** Hear and see nothing any more. */
  #leave(): void {
    this.release();
    this.#microphone.close();
    this.#shut();
  }

  readonly attach = (character: CharacterHandle | null): void => {
    this.#character = character;
    character?.state(this.state.light === "trouble" ? "idle" : this.state.light);
  };

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
    void this.playback.start();
    this.#set({ held: true, note: "" });
    try {
      await this.#microphone.start();
      this.#set({ trouble: null });
    } catch (error) {
      return this.#set({ held: false, trouble: error instanceof MicrophoneError ? error.trouble : "busy" });
    }
    // The partner may have let go while the browser asked for permission.
    if (this.state.held) this.#recording.press();
  }

  release(): void {
    if (!this.state.held) return;
    this.#set({ held: false });
    this.#recording.release();
  }

  /** Let the program know whether its voice is heard here: what a browser holds back, nobody has heard. */
  tellSound(): void {
    this.connection.send({ type: "sound", on: this.playback.state === "on" });
  }

  /** The partner has read what the trouble is. */
  dismiss(): void {
    this.#set({ trouble: null });
  }

  cover(covered: boolean): void {
    this.#set({ covered });
    if (covered) this.#shut();
  }

  set(servo: Partial<ServoSettings>): void {
    this.servo.settings = { ...this.servo.settings, ...servo };
    this.#tell();
  }

  #obey(order: Order): void {
    switch (order.type) {
      case "ack":
        this.#recording.take(order);
        break;
      case "stop":
        this.#silence();
        break;
      case "light":
        this.#set({ light: order.show });
        this.#character?.state(order.show === "trouble" ? "idle" : order.show);
        break;
      case "outcome":
        this.#note(order.text);
    }
  }

  #ended(ending: Ending): void {
    this.#set({ held: false });
    if (ending.why === "no_answer") this.#set({ light: "trouble" });
    if (ending.why === "refused") this.#note(ending.text || REFUSED.refused);
    else this.#note(REFUSED[ending.why]);
  }

  /** Throw away all sound that is held, and with it what the jaw would have done. */
  #silence(): void {
    this.playback.clear();
    this.#track.clear();
  }

  /** Move the jaw to where it is at the sample that leaves the loudspeaker now. */
  #move(): void {
    // While nothing sounds the floor's clock goes on, and lets the jaw fall shut.
    const heard = this.playback.position() ?? this.connection.sample();
    if (heard === null) return;
    const { real } = this.servo.follow(heard, (sample) => this.#track.at(sample));
    const open = Math.min(1, Math.max(0, real / WIDE));
    this.#character?.jaw(open);
    this.#character?.mouth(open < AJAR ? "rest" : "open", open);
  }

  async #look(): Promise<Uint8Array> {
    try {
      if (this.state.covered) throw new Error(TEXT.covered);
      if (!cameraOffered()) throw new CameraError("insecure");
      await this.#camera.open("camera");
      const picture = await this.#camera.picture();
      this.#set({ blind: "", pictures: this.state.pictures + 1 });
      clearTimeout(this.#looked);
      // Nobody is looked at for longer than somebody wants to see.
      this.#looked = setTimeout(() => this.#shut(), OPEN);
      return picture;
    } catch (error) {
      this.#set({ blind: error instanceof CameraError ? TEXT.blind[error.trouble] : "" });
      throw error;
    }
  }

  #shut(): void {
    clearTimeout(this.#looked);
    this.#camera.close();
  }

  #note(note: string): void {
    clearTimeout(this.#noted);
    this.#set({ note });
    this.#noted = setTimeout(() => this.#set({ note: "" }), NOTED);
  }

  #set(change: Partial<SkullState>): void {
    this.state = { ...this.state, ...change };
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
