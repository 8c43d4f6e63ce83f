import type { Sound } from "../../protocol/frames";

interface Piece {
  turn: string;
  from: number;
  until: number;
  level: number;
}

/** Pieces of sound that are remembered: ten seconds of 20 ms. */
const KEPT = 500;

/** How far the jaw is to be open at each sample, as the frames of sound say. Pure. */
export class JawTrack {
  #pieces: Piece[] = [];

  /** Take a frame before it is played: its sound may be handed away then. */
  put({ turn, sample, pcm, jaw = 0 }: Sound): void {
    this.#pieces.push({ turn, from: sample, until: sample + pcm.length, level: jaw });
    if (this.#pieces.length > 2 * KEPT) this.#pieces = this.#pieces.slice(-KEPT);
  }

  /** A turn is not heard from `sample` on. */
  stop(turn: string, sample: number): void {
    this.#pieces = this.#pieces.filter((piece) => piece.turn !== turn || piece.from < sample);
  }

  clear(): void {
    this.#pieces = [];
  }

  /** The level while `sample` sounds, 0 to 255; 0 where nothing does. */
  at(sample: number): number {
    return this.#pieces.findLast(({ from, until }) => from <= sample && sample < until)?.level ?? 0;
  }
}
