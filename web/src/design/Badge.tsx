import type { ReactNode } from "react";
import { cx } from "./cx";

export type Tone = "live" | "well" | "gilt" | "trouble" | "quiet";

const TONES: Record<Tone, string> = {
  live: "text-live bg-live/12",
  well: "text-well bg-well/12",
  gilt: "text-gilt bg-gilt/12",
  trouble: "text-trouble bg-trouble/12",
  quiet: "text-quiet bg-quiet/12",
};

interface BadgeProps {
  tone?: Tone;
  /** A dot before the words; `pulse` where something goes on. */
  dot?: boolean | "pulse";
  children: ReactNode;
}

/** A word about a state. Its colour never says it alone. */
export function Badge({ tone = "quiet", dot, children }: BadgeProps) {
  return (
    <span
      className={cx(
        "inline-flex h-6 items-center gap-1.5 rounded-full px-2.5 text-xs font-medium whitespace-nowrap",
        TONES[tone],
      )}
    >
      {dot && (
        <span aria-hidden className={cx("size-1.5 rounded-full bg-current", dot === "pulse" && "animate-breathe")} />
      )}
      {children}
    </span>
  );
}
