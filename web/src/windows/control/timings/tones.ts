import type { Tone } from "../../../design/Badge";
import type { TurnRow } from "../../../protocol/rest";

/** The colour of each way in which a turn stands. */
export const TURN_TONES: Record<TurnRow["state"], Tone> = {
  speaking: "live",
  done: "well",
  interrupted: "gilt",
  discarded: "quiet",
  refused: "gilt",
  failed: "trouble",
};
