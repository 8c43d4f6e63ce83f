import { cx } from "./cx";

interface GaugeProps {
  label: string;
  value: number;
  most: number;
  /** In words, with units. */
  text: string;
  /** Somebody should look. */
  trouble?: boolean;
}

/** How much of something there is, as a part of what there can be. */
export function Gauge({ label, value, most, text, trouble }: GaugeProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: no browser lets its own meter be coloured alike
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={most}
      aria-valuenow={Math.min(value, most)}
      aria-valuetext={text}
      className="h-2 overflow-hidden rounded-full border border-line bg-house"
    >
      <div
        className={cx("h-full rounded-full", trouble ? "bg-trouble" : "bg-well")}
        style={{ width: `${Math.min(100, (100 * value) / most)}%` }}
      />
    </div>
  );
}
