import { RATE, type Sound } from "../protocol/frames";
import type { PlayerOrder, PlayerReport } from "./player.worklet";
import workletUrl from "./player.worklet?worker&url";
import { aheadOf } from "./playout";

/** `off`: not asked for. `blocked`: the browser waits for a click. `on`: it sounds. `absent`: it cannot. */
export type SoundState = "off" | "blocked" | "on" | "absent";

/** How far the audio clock may be from the floor's before it is no longer believed: two seconds of samples. */
const BELIEVED = 2 * RATE;

/** So many turns are remembered that may sound no more. */
const REMEMBERED = 16;

/** The last sample that has left the loudspeaker. */
export function playedOf(report: Pick<PlayerReport, "head" | "until">, latency: number): number {
  return Math.max(0, Math.min(Math.round(report.head - latency * RATE), report.until));
}

/** Plays a floor's sound, says which sample was heard last, and stops at once. */
export class Playback {
  onState: (state: SoundState) => void = () => {};
  onPlayed: (sample: number) => void = () => {};
  #context: AudioContext | null = null;
  #building: Promise<void> | null = null;
  #node: AudioWorkletNode | null = null;
  #gain: GainNode | null = null;
  #level = 1;
  /** The player could not be loaded, which may go better another time. */
  #failed = false;
  #state: SoundState = "off";
  #report: PlayerReport | null = null;
  #sent = -1;
  #ended: string[] = [];
  #sink = "";

  /** `floor` gives the floor's sample now by the program's clock. */
  constructor(private readonly floor: () => number | null) {}

  get state(): SoundState {
    return this.#state;
  }

  /** Begin to sound; call it again from a click where the browser wanted one. */
  async start(): Promise<void> {
    if (typeof AudioContext === "undefined" || !("audioWorklet" in AudioContext.prototype) || !isSecureContext) {
      return this.#enter("absent");
    }
    this.#building ??= this.#build();
    await this.#building;
    const context = this.#context;
    if (!context || !this.#node) return;
    // A promise of `resume` may stay open until a click comes; the state tells sooner.
    void context.resume().catch(() => {});
    this.#follow();
  }

  /** Begin again where the player could not be loaded, as while the program restarts; else do nothing. */
  async again(): Promise<void> {
    if (this.#failed) await this.start();
  }

  close(): void {
    this.#leave();
    this.#enter("off");
  }

  volume(level: number): void {
    this.#level = level;
    if (this.#gain && this.#context) this.#gain.gain.setTargetAtTime(level, this.#context.currentTime, 0.01);
  }

  /** Let it come out of another loudspeaker, where the browser can; "" is its own choice. */
  async use(sink: string): Promise<void> {
    this.#sink = sink;
    const context = this.#context as (AudioContext & { setSinkId?: (sink: string) => Promise<void> }) | null;
    // One that is unplugged leaves the sound where it is.
    await context?.setSinkId?.(sink).catch(() => {});
  }

  play(sound: Sound): void {
    if (this.#state !== "on" || this.#ended.includes(sound.turn)) return;
    const ahead = aheadOf(sound.sample, this.floor());
    this.#order({ type: "sound", sample: sound.sample, pcm: sound.pcm, ahead }, [sound.pcm.buffer]);
  }

  /** Fall silent at once, however much is held. A paused turn may go on later, an interrupted one may not. */
  stop(turn: string, why: "interrupted" | "paused"): void {
    if (why === "interrupted") this.#ended = [...this.#ended, turn].slice(-REMEMBERED);
    this.clear();
  }

  /** Throw away what is held: it is of a clock, or of a connection, that is gone. */
  clear(): void {
    this.#order({ type: "stop" });
  }

  /** The floor's sample that is heard at this moment; null while nothing sounded yet or sound is off. */
  position(): number | null {
    if (this.#state !== "on" || !this.#context || !this.#report) return null;
    const heard = (this.#context.currentTime - this.#latency()) * RATE + this.#report.offset;
    const floor = this.floor();
    return floor !== null && Math.abs(heard - floor) > BELIEVED ? null : heard;
  }

  async #build(): Promise<void> {
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    this.#context = context;
    const loaded = await context.audioWorklet.addModule(workletUrl).then(
      () => true,
      () => false,
    );
    // It may have been closed meanwhile.
    if (this.#context !== context) return;
    if (!loaded) {
      // A context remembers what it could not load: the next try needs a new one.
      this.#leave();
      this.#failed = true;
      return this.#enter("absent");
    }
    const node = new AudioWorkletNode(context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    const gain = new GainNode(context, { gain: this.#level });
    node.connect(gain).connect(context.destination);
    node.port.onmessage = ({ data }: MessageEvent<PlayerReport>) => this.#hear(data);
    context.onstatechange = () => this.#follow();
    this.#node = node;
    this.#gain = gain;
    if (this.#sink) void this.use(this.#sink);
  }

  #leave(): void {
    const context = this.#context;
    this.#context = this.#node = this.#gain = this.#report = this.#building = null;
    this.#failed = false;
    if (!context) return;
    context.onstatechange = null;
    void context.close();
  }

  #hear(report: PlayerReport): void {
    this.#report = report;
    const sample = playedOf(report, this.#latency());
    if (sample === this.#sent && !report.stopped) return;
    this.#sent = sample;
    this.onPlayed(sample);
  }

  #latency(): number {
    return this.#context ? this.#context.outputLatency || this.#context.baseLatency || 0 : 0;
  }

  #order(order: PlayerOrder, transfer: Transferable[] = []): void {
    this.#node?.port.postMessage(order, transfer);
  }

  #follow(): void {
    if (this.#context) this.#enter(this.#context.state === "running" ? "on" : "blocked");
  }

  #enter(state: SoundState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.onState(state);
  }
}
