/** Holds the sound that is still to be heard, by its sample on the floor's clock, and gives it out frame by frame.
 *
 * A frame of the device plays floor sample `frame + offset`. The one offset is set when sound arrives after silence and
 * is left alone while a line sounds. Pure arithmetic: the audio worklet runs it, tests run it without a browser.
 */
export class Playout {
  /** Floor sample minus device frame; null before the first sound. */
  offset: number | null = null;
  /** The floor sample after the last one that is held. */
  until = 0;
  #ring: Float32Array;
  #fade = new Float32Array(0);

  constructor(capacity = 1 << 18) {
    this.#ring = new Float32Array(capacity);
  }

  /** The floor sample that the device's `frame` plays. */
  head(frame: number): number {
    return this.offset === null ? 0 : frame + this.offset;
  }

  /** Whether nothing is left to hear at `frame`. */
  dry(frame: number): boolean {
    return this.offset === null || this.head(frame) >= this.until;
  }

  /** Take sound whose first sample is `sample`. After silence it begins `ahead` frames from `frame`. */
  put(sample: number, pcm: Int16Array, frame: number, ahead: number): void {
    if (this.dry(frame)) {
      this.offset = sample - (frame + ahead);
      this.until = sample;
    }
    const size = this.#ring.length;
    const first = Math.max(0, this.head(frame) - sample);
    const last = Math.min(pcm.length, this.head(frame) + size - sample);
    for (let i = first; i < last; i++) this.#ring[(sample + i) % size] = (pcm[i] ?? 0) / 32_768;
    this.until = Math.max(this.until, sample + last);
  }

  /** Throw away everything that is held at `frame`; it ends in a fade of one quantum instead of a click. */
  clear(frame: number, fade = 128): void {
    if (this.dry(frame)) return;
    const head = this.head(frame);
    this.#fade = Float32Array.from({ length: fade }, (_, i) => this.#at(head + i) * (1 - (i + 1) / fade));
    for (let at = head; at < this.until; at++) this.#ring[at % this.#ring.length] = 0;
    this.until = head;
  }

  /** Fill `out` with what `frame` and the frames after it play. */
  read(out: Float32Array, frame: number): void {
    const head = this.head(frame);
    const size = this.#ring.length;
    for (let i = 0; i < out.length; i++) {
      const at = head + i;
      const held = this.offset !== null && at >= 0 && at < this.until;
      out[i] = (held ? this.#at(at) : 0) + (this.#fade[i] ?? 0);
      if (held) this.#ring[at % size] = 0;
    }
    if (this.#fade.length) this.#fade = this.#fade.slice(out.length);
  }

  #at(sample: number): number {
    return sample < this.until ? (this.#ring[sample % this.#ring.length] ?? 0) : 0;
  }
}

/** Frames between the arrival of a line's first sound and its first sample heard: until it is due, within bounds. */
export function aheadOf(sample: number, floor: number | null, shortest = 2_400, longest = 24_000): number {
  const due = floor === null ? shortest : sample - floor;
  return Math.round(Math.min(Math.max(due, shortest), longest));
}
