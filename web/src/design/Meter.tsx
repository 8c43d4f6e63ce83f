import { useEffect, useRef } from "react";

interface MeterProps {
  label: string;
  bars?: number;
  /** Called with what sets the level, 0 to 1, so that a level never renders the window. */
  connect: (set: (level: number) => void) => () => void;
}

/** How far each of `bars` swings: the middle ones most. */
function swing(bars: number): number[] {
  return Array.from({ length: bars }, (_, i) => 0.4 + 0.6 * Math.cos(((i - (bars - 1) / 2) / bars) * Math.PI));
}

/** How loud the microphone hears. */
export function Meter({ label, bars = 13, connect }: MeterProps) {
  const root = useRef<HTMLDivElement>(null);
  useEffect(
    () =>
      connect((level) => {
        root.current?.style.setProperty("--level", level.toFixed(3));
        root.current?.setAttribute("aria-valuenow", String(Math.round(level * 100)));
      }),
    [connect],
  );
  return (
    // biome-ignore lint/a11y/useSemanticElements: no browser draws its own meter as bars
    <div
      ref={root}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
      className="flex h-8 items-center gap-1"
    >
      {swing(bars).map((share, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change places
          key={index}
          className="w-1 rounded-full bg-current transition-[height] duration-75"
          style={{ height: `calc(4px + ${share.toFixed(3)} * var(--level, 0) * 28px)` }}
        />
      ))}
    </div>
  );
}
