/** What the doctor finds, over REST: the same as `marotte doctor --json`. */
import { call } from "../../../protocol/rest";

export interface Figure {
  name: string;
  value: number;
  /** Empty for a bare ratio. */
  unit: string;
  limit: number | null;
}

export interface Check {
  name: string;
  state: "ok" | "warn" | "bad";
  detail: string;
  /** What to do about it; empty where nothing is to be done. */
  remedy: string;
  figures: Figure[];
}

export interface Report {
  at: number;
  version: string;
  /** Nothing was measured or reached for. */
  quick: boolean;
  well: boolean;
  sections: { name: string; checks: Check[] }[];
}

/** A quick look measures no engine and reaches for no server. */
export const examine = (quick: boolean) => call<Report>("GET", `/doctor?quick=${quick}`);

/** How many checks stand in each state. */
export function counted({ sections }: Report): Record<Check["state"], number> {
  const counts = { ok: 0, warn: 0, bad: 0 };
  for (const { checks } of sections) for (const check of checks) counts[check.state]++;
  return counts;
}

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

/** A figure with its unit. */
export const measured = (value: number, unit: string) => `${number.format(value)}${unit && ` ${unit}`}`;
