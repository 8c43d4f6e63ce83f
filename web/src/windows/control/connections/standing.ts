/** What a link has and lacks, in the order in which people look at it. */
import type { StandingRow } from "../../../protocol/rest";

export interface Sorted {
  /** What is missing comes first. */
  lacking: StandingRow[];
  /** What is told in plain words: an account, a channel, a quota. */
  plain: StandingRow[];
  /** Rights and subscriptions, by their names at the platform, that are as they should be. */
  fine: StandingRow[];
}

const PLAIN = /^[\p{L} ]+$/u;

export function sorted(rows: StandingRow[]): Sorted {
  const fair = rows.filter((row) => row.ok);
  return {
    lacking: rows.filter((row) => !row.ok),
    plain: fair.filter((row) => PLAIN.test(row.name)),
    fine: fair.filter((row) => !PLAIN.test(row.name)),
  };
}

export interface Measure {
  value: number;
  most: number;
  /** Whether little is left. */
  low: boolean;
}

const SHARE = /(\d[\d,]*) of (\d[\d,]*)[^;,]*\b(left|spent)\b/;
/** The part of a limit at which somebody should look. */
const LITTLE = 0.2;

/** The limit that a row tells of, `640 of 10,000 units are spent` or `790 of 800 are left`; null where it tells of none. */
export function measure(detail: string): Measure | null {
  const found = SHARE.exec(detail);
  if (!found) return null;
  const [value = 0, most = 0] = found.slice(1, 3).map((digits) => Number(digits.replaceAll(",", "")));
  if (most === 0) return null;
  const left = found[3] === "left" ? value : most - value;
  return { value, most, low: left <= most * LITTLE };
}
