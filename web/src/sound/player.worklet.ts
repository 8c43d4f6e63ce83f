/// <reference types="@types/audioworklet" />
import { Playout } from "./playout";

export type PlayerOrder = { type: "sound"; sample: number; pcm: Int16Array; ahead: number } | { type: "stop" };

/** Where the player is: the floor sample at `head`, the end of what it holds, and the offset to device frames. */
export interface PlayerReport {
  head: number;
  until: number;
  offset: number;
  /** It answers an order to stop. */
  stopped: boolean;
}

/** Frames between two reports: 85 ms at 48 kHz. */
const REPORT_EVERY = 4_096;
/** Reports go on this long after the last sound, until even a slow device has let it out. */
const REPORT_AFTER = 24_000;

/** Plays sound on the device's clock and says where it is; an order takes effect within one quantum. */
class Player extends AudioWorkletProcessor {
  #playout = new Playout();
  #reported = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<PlayerOrder>) => {
      if (data.type === "sound") this.#playout.put(data.sample, data.pcm, currentFrame, data.ahead);
      else {
        this.#playout.clear(currentFrame);
        this.#report(currentFrame, true);
      }
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]?.[0];
    if (!out) return true;
    this.#playout.read(out, currentFrame);
    const next = currentFrame + out.length;
    const live = this.#playout.head(next) < this.#playout.until + REPORT_AFTER;
    if (live && next - this.#reported >= REPORT_EVERY) this.#report(next);
    return true;
  }

  #report(frame: number, stopped = false): void {
    const { offset, until } = this.#playout;
    if (offset === null) return;
    this.#reported = frame;
    this.port.postMessage({ head: this.#playout.head(frame), until, offset, stopped } satisfies PlayerReport);
  }
}

registerProcessor("player", Player);
