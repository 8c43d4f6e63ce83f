/** How long the stages of turns took, over REST. */
import { call, type TurnRow } from "../../../protocol/rest";

/** How many turns took how long. */
export interface Histogram {
  /** The upper bound of each bucket, in milliseconds; what is longer is in one bucket more. */
  bounds_ms: number[];
  counts: number[];
}

export interface TimingsPage {
  /** Newest first. */
  turns: TurnRow[];
  histograms: Record<string, Histogram>;
  /** Milliseconds that a stage should stay under. */
  targets: Record<string, number>;
}

export const timings = (limit = 200) => call<TimingsPage>("GET", `/timings?limit=${limit}`);
