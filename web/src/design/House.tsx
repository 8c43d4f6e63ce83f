import { type ReactNode, useId } from "react";
import { cx } from "./cx";

/** One side of the curtain, drawn back. */
function Drape({ className }: { className?: string }) {
  const id = useId();
  const folds = Array.from({ length: 6 }, (_, i) => i);
  return (
    <svg aria-hidden="true" viewBox="0 0 100 400" preserveAspectRatio="none" className={className}>
      <defs>
        <linearGradient id={id}>
          {folds.flatMap((fold) => [
            <stop key={`${fold}a`} offset={fold / 6} stopColor="var(--velvet-deep)" />,
            <stop key={`${fold}b`} offset={(fold + 0.4) / 6} stopColor="var(--velvet)" />,
            <stop key={`${fold}c`} offset={(fold + 0.62) / 6} stopColor="var(--velvet-light)" />,
            <stop key={`${fold}d`} offset={(fold + 0.8) / 6} stopColor="var(--velvet)" />,
          ])}
          <stop offset="1" stopColor="var(--velvet-deep)" />
        </linearGradient>
      </defs>
      <path d="M0 0 H100 C96 90 88 170 52 232 C70 280 78 340 74 400 H0 Z" fill={`url(#${id})`} />
      <path d="M0 214 C20 226 40 232 54 230 L50 242 C36 244 18 236 0 226 Z" fill="var(--trim)" opacity="0.9" />
    </svg>
  );
}

/** The short curtain along the top, with its fringe. */
function Valance() {
  const id = useId();
  return (
    <svg aria-hidden="true" className="absolute inset-x-0 top-0 h-14 w-full drop-shadow-[0_6px_10px_rgb(0_0_0/0.35)]">
      <defs>
        <linearGradient id={`${id}v`} x2="0" y2="1">
          <stop offset="0" stopColor="var(--velvet-deep)" />
          <stop offset="0.7" stopColor="var(--velvet)" />
          <stop offset="1" stopColor="var(--velvet-light)" />
        </linearGradient>
        <pattern id={id} width="72" height="56" patternUnits="userSpaceOnUse">
          <path d="M0 0 H72 V28 Q36 66 0 28 Z" fill={`url(#${id}v)`} />
          <path d="M0 28 Q36 66 72 28" fill="none" stroke="var(--trim)" strokeWidth="3" strokeDasharray="2 2" />
          <path d="M0 0 V28 M72 0 V28" stroke="var(--velvet-deep)" strokeWidth="2" />
        </pattern>
      </defs>
      <rect width="100%" height="56" fill={`url(#${id})`} />
    </svg>
  );
}

/** The light that falls on whoever stands there. */
function Spotlight() {
  const id = useId();
  return (
    <svg aria-hidden="true" viewBox="0 0 100 100" preserveAspectRatio="none" className="absolute inset-0 size-full">
      <defs>
        <linearGradient id={id} x2="0" y2="1">
          <stop offset="0" stopColor="var(--cone)" />
          <stop offset="1" stopColor="var(--cone)" stopOpacity="0.15" />
        </linearGradient>
        <filter id={`${id}f`}>
          <feGaussianBlur stdDeviation="1.6" />
        </filter>
      </defs>
      <path d="M43 -4 H57 L74 85 Q50 92 26 85 Z" fill={`url(#${id})`} filter={`url(#${id}f)`} />
    </svg>
  );
}

/** The small theatre: backdrop, light, boards and curtain around whoever stands in it. */
export function House({ className, children }: { className?: string; children: ReactNode }) {
  return (
    <div className={cx("relative isolate overflow-hidden", className)}>
      <div aria-hidden="true" className="absolute inset-0 -z-10">
        <div className="absolute inset-0 bg-linear-to-b from-(--backdrop-top) to-(--backdrop)" />
        <div className="absolute inset-x-0 bottom-0 h-[22%] bg-linear-to-b from-(--boards) to-(--boards-front)" />
        <div className="absolute inset-x-0 bottom-[22%] h-px bg-(--trim)/30" />
        <div
          className="absolute inset-0"
          style={{
            background:
              "radial-gradient(ellipse 46% 62% at 50% 44%, var(--spot), transparent 72%), radial-gradient(ellipse 36% 8% at 50% 84%, var(--pool), transparent 75%)",
          }}
        />
        <Spotlight />
        <Drape className="absolute top-0 left-0 h-full w-[clamp(36px,13%,150px)]" />
        <Drape className="absolute top-0 right-0 h-full w-[clamp(36px,13%,150px)] -scale-x-100" />
        <Valance />
      </div>
      {children}
    </div>
  );
}
