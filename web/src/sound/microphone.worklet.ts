/// <reference types="@types/audioworklet" />
import { Downsampler, Framer, toPcm } from "./downsample";

/** 16 ms at 16 kHz: half of what voice activity is told from, which so never waits for a piece's other half. */
const FRAME = 256;

/** Hands the microphone's sound to the page as 16 kHz frames of 16 ms. */
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
