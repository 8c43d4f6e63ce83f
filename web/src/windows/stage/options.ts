import { secondOf } from "../../stage/second";

export interface StageOptions {
  floor: string;
  background: "transparent" | "house";
  /** A capture shows it to others: whatever goes wrong must not be seen. OBS tells that it is there. */
  captured: boolean;
  subtitles: boolean;
  /** A second language below them; "": none, null: as the show says. */
  second: string | null;
  character: boolean;
  /** The wheel of fortune, when somebody turns it. */
  wheel: boolean;
  sound: boolean;
  /** How much of the height the character takes, 0.3 to 1. */
  size: number;
}

/** Read what the address asks of the stage; what it leaves out or gets wrong has a default. */
export function stageOptions(query: URLSearchParams): StageOptions {
  const subtitles = query.get("subtitles");
  const size = Number(query.get("size") ?? 1);
  return {
    floor: query.get("floor") ?? "public",
    background: query.get("background") === "house" ? "house" : "transparent",
    captured: query.get("background") === "transparent" || "obsstudio" in globalThis,
    subtitles: subtitles !== "off",
    // Who shows none need not have any translated.
    second: subtitles === "off" ? "" : secondOf(subtitles),
    character: query.get("character") !== "off",
    wheel: query.get("wheel") !== "off",
    sound: query.get("sound") !== "off",
    size: Number.isFinite(size) && size > 0 ? Math.min(1, Math.max(0.3, size)) : 1,
  };
}
