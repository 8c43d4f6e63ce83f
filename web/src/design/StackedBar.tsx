import { cx } from "./cx";
import { Tooltip } from "./Tooltip";

export interface Stage {
  name: string;
  seconds: number;
  /** Seconds that it should take at most. */
  target?: number;
  /** A class that colours its part of the bar. */
  colour: string;
}

interface StackedBarProps {
  stages: Stage[];
  /** Seconds that the bar's full width stands for. */
  scale: number;
  /** Seconds that all stages together should stay under; a mark stands there. */
  target?: number;
  label: string;
}

/** Seconds with their unit, as precise as an eye needs. */
export function seconds(value: number): string {
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

/** How long each stage of something took, side by side. */
export function StackedBar({ stages, scale, target, label }: StackedBarProps) {
  const total = stages.reduce((sum, stage) => sum + stage.seconds, 0);
  const share = (value: number) => `${Math.min(100, (value / scale) * 100)}%`;
  const words = stages.map((stage) => `${stage.name} ${seconds(stage.seconds)}`).join(", ");
  return (
    <Tooltip
      text={
        <table>
          <tbody>
            {stages.map((stage) => (
              <tr key={stage.name}>
                <td className="pr-4">
                  <span aria-hidden className={cx("mr-2 inline-block size-2.5 rounded-xs", stage.colour)} />
                  {stage.name}
                </td>
                <td className="text-right tabular-nums">{seconds(stage.seconds)}</td>
                {stage.target !== undefined && (
                  <td className="pl-3 text-right text-quiet tabular-nums">≤ {seconds(stage.target)}</td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      }
    >
      <button
        type="button"
        aria-label={`${label}: ${seconds(total)} in all; ${words}`}
        className="relative flex h-4 w-full cursor-help overflow-hidden rounded-sm bg-house"
      >
        {stages.map((stage) => (
          <span key={stage.name} className={cx("h-full", stage.colour)} style={{ width: share(stage.seconds) }} />
        ))}
        {target !== undefined && (
          <span aria-hidden className="absolute inset-y-0 w-0.5 bg-ink" style={{ left: share(target) }} />
        )}
      </button>
    </Tooltip>
  );
}
