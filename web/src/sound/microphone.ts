import { loudness } from "./downsample";
import workletUrl from "./microphone.worklet?worker&url";

/** Why there is no microphone. */
export type MicrophoneTrouble = "insecure" | "denied" | "absent" | "busy";

export class MicrophoneError extends Error {
  constructor(readonly trouble: MicrophoneTrouble) {
    super(`the microphone is ${trouble}`);
  }
}

const TROUBLES: Record<string, MicrophoneTrouble> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "absent",
  OverconstrainedError: "absent",
};

/** Frames kept from before the microphone is let through, so that a first syllable is not lost: 160 ms. */
const PRE_ROLL = 8;

/** The partner's microphone: asked for once, heard by the program only while it is let through. */
export class Microphone {
  onFrame: (pcm: Int16Array) => void = () => {};
  onLevel: (level: number) => void = () => {};
  /** The device went away. */
  onEnd: () => void = () => {};
  /** The device to listen to; "" is the browser's own choice. */
  device = "";
  #context: AudioContext | null = null;
  #stream: MediaStream | null = null;
  #opening: Promise<void> | null = null;
  /** How often it was opened or closed: what was asked for before counts no more. */
  #wishes = 0;
  #through = false;
  #before: Int16Array[] = [];

  get open(): boolean {
    return this.#stream !== null;
  }

  /** Ask for the microphone; throws `MicrophoneError` where there is none to have. */
  start(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Let the sound through to the program, with the moment before it, or hold it back. */
  pass(through: boolean) {
    this.#through = through;
    if (!through) return this.onLevel(0);
    for (const frame of this.#before.splice(0)) this.onFrame(frame);
  }

  /** Listen to another device from now on. */
  async use(device: string): Promise<void> {
    this.device = device;
    if (!this.#opening) return;
    this.close();
    await this.start();
  }

  close(): void {
    this.#wishes++;
    shut(this.#stream, this.#context);
    this.#context = this.#stream = this.#opening = null;
    this.#before = [];
  }

  async #open(): Promise<void> {
    const wish = ++this.#wishes;
    let stream: MediaStream | null = null;
    let context: AudioContext | null = null;
    try {
      if (!isSecureContext || !navigator.mediaDevices) throw new MicrophoneError("insecure");
      stream = await this.#ask(this.device);
      // A context of its own, at the device's rate: not every browser joins two rates in one.
      context = new AudioContext();
      await context.audioWorklet.addModule(workletUrl);
    } catch (error) {
      shut(stream, context);
      if (wish !== this.#wishes) return this.#opening ?? undefined;
      this.close();
      throw error instanceof MicrophoneError ? error : new MicrophoneError("busy");
    }
    if (wish !== this.#wishes) {
      // It was closed, and perhaps opened anew, meanwhile: leave nothing open behind.
      shut(stream, context);
      return this.#opening ?? undefined;
    }
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }: MessageEvent<Int16Array>) => this.#hear(data);
    context.createMediaStreamSource(stream).connect(node);
    for (const track of stream.getAudioTracks()) {
      track.onended = () => {
        this.close();
        this.onEnd();
      };
    }
    this.#context = context;
    this.#stream = stream;
  }

  async #ask(device: string): Promise<MediaStream> {
    const better = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
    const audio = device ? { ...better, deviceId: { exact: device } } : better;
    try {
      return await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      const trouble = TROUBLES[error instanceof DOMException ? error.name : ""] ?? "busy";
      // The one that was chosen is unplugged: any other is better than none.
      if (trouble === "absent" && device) return this.#ask("");
      throw new MicrophoneError(trouble);
    }
  }

  #hear(frame: Int16Array): void {
    if (!this.#through) {
      this.#before = [...this.#before, frame].slice(-PRE_ROLL);
      return;
    }
    this.onLevel(loudness(frame));
    this.onFrame(frame);
  }
}

function shut(stream: MediaStream | null, context: AudioContext | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
  void context?.close();
}
