/// <reference types="@types/audioworklet" />
import { Downsampler, Framer, toPcm } from "./downsample";

/** 20 ms at 16 kHz. */
const FRAME = 320;

/** Hands the microphone's sound to the page as 16 kHz frames of 20 ms. */
class Microphone extends AudioWorkletProcessor {
  #downsampler = new Downsampler(sampleRate);
  #framer = new Framer(FRAME);

  process(inputs: Float32Array[][]): boolean {
    const input = inputs[0]?.[0];
    if (!input) return true;
    for (const frame of this.#framer.push(toPcm(this.#downsampler.push(input)))) {
      this.port.postMessage(frame, [frame.buffer]);
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
