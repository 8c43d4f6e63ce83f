const TAPS = 96;
/** Half of the tone that the target rate can carry is kept up to here; the rest would fold back as noise. */
const PASS = 0.44;

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Brings a microphone's sound from any usual rate down to `target`, without folding high tones into low ones.
 *
 * A polyphase filter: `up / down` is the ratio of the rates in lowest terms, each phase a windowed sinc of its own.
 */
export class Downsampler {
  #up: number;
  #down: number;
  #phases: Float32Array[];
  #held = new Float32Array(TAPS - 1);
  /** Position of the next output, in `1 / up` input samples from the start of `#held`. */
  #next = 0;

  constructor(source: number, target = 16_000) {
    const common = gcd(source, target);
    this.#up = target / common;
    this.#down = source / common;
    const cutoff = PASS * Math.min(1, target / source);
    this.#phases = Array.from({ length: this.#up }, (_, phase) => kernel(cutoff, phase / this.#up));
  }

  /** Take samples between -1 and 1, return what is complete at the target rate. */
  push(input: Float32Array): Float32Array {
    const all = new Float32Array(this.#held.length + input.length);
    all.set(this.#held);
    all.set(input, this.#held.length);
    const out: number[] = [];
    for (;;) {
      const start = Math.floor(this.#next / this.#up);
      if (start + TAPS > all.length) break;
      const taps = this.#phases[this.#next % this.#up] as Float32Array;
      let sum = 0;
      for (let i = 0; i < TAPS; i++) sum += (all[start + i] as number) * (taps[i] as number);
      out.push(sum);
      this.#next += this.#down;
    }
    const used = Math.min(Math.floor(this.#next / this.#up), all.length);
    this.#held = all.slice(used);
    this.#next -= used * this.#up;
    return Float32Array.from(out);
  }
}

/** A Blackman-windowed sinc, delayed by `fraction` of a sample, whose taps sum to 1. */
function kernel(cutoff: number, fraction: number): Float32Array {
  const taps = Float32Array.from({ length: TAPS }, (_, i) => {
    const x = i - (TAPS - 1) / 2 - fraction;
    const sinc = x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x);
    const w = (2 * Math.PI * (i + 0.5 - fraction)) / TAPS;
    return sinc * (0.42 - 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

/** Samples between -1 and 1 as signed 16 bits. */
export function toPcm(samples: Float32Array): Int16Array {
  return Int16Array.from(samples, (value) => Math.round(Math.max(-1, Math.min(1, value)) * 32_767));
}

/** Cuts a stream of samples into frames of `size`. */
export class Framer {
  #held: Int16Array = new Int16Array(0);

  constructor(private readonly size: number) {}

  push(pcm: Int16Array): Int16Array[] {
    const all = new Int16Array(this.#held.length + pcm.length);
    all.set(this.#held);
    all.set(pcm, this.#held.length);
    const whole = Math.floor(all.length / this.size);
    this.#held = all.slice(whole * this.size);
    return Array.from({ length: whole }, (_, i) => all.slice(i * this.size, (i + 1) * this.size));
  }
}

/** How loud a frame is, 0 to 1, on a scale that suits an eye: -60 dB is nothing, 0 dB is full. */
export function loudness(pcm: Int16Array): number {
  if (pcm.length === 0) return 0;
  const power = pcm.reduce((sum, value) => sum + (value / 32_768) ** 2, 0) / pcm.length;
  return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power + 1e-12)) / 60));
}
