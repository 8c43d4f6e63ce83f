/** What a histogram tells in figures. Pure. */
import type { Histogram } from "./api";

export const total = ({ counts }: Histogram) => counts.reduce((sum, count) => sum + count, 0);

/** Milliseconds under which this share of all is for certain; null where it is beyond the last bound, or nothing is. */
export function within({ bounds_ms, counts }: Histogram, share: number): number | null {
  const wanted = counts.reduce((sum, count) => sum + count, 0) * share;
  let seen = 0;
  for (const [index, count] of counts.entries()) {
    seen += count;
    if (seen > 0 && seen >= wanted) return bounds_ms[index] ?? null;
  }
  return null;
}

/** The buckets from the first to the last that holds something, always with the one in which the target lies. */
export function worthShowing({ bounds_ms, counts }: Histogram, target?: number): Histogram {
  const held = counts.flatMap((count, index) => (count > 0 ? [index] : []));
  const aim = target === undefined ? [] : [bounds_ms.findIndex((bound) => bound >= target)].filter((at) => at >= 0);
  const at = [...held, ...aim];
  if (at.length === 0) return { bounds_ms, counts };
  const first = Math.max(0, Math.min(...at) - 1);
  const last = Math.max(...at) + 1;
  return { bounds_ms: bounds_ms.slice(first, last + 1), counts: counts.slice(first, last + 1) };
}
