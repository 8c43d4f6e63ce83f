import { seconds } from "../../../design/StackedBar";
import type { Histogram } from "./api";
import { total, within, worthShowing } from "./histogram";
import { TEXT } from "./text";

const WIDTH = 320;
const HEIGHT = 96;
const GAP = 2;

interface HistogramChartProps {
  name: string;
  histogram: Histogram;
  /** Milliseconds; a line stands there. */
  target?: number;
}

const milliseconds = (value: number) => seconds(value / 1000);

/** How many turns took how long in one stage, with the target drawn. */
export function HistogramChart({ name, histogram, target }: HistogramChartProps) {
  const turns = total(histogram);
  const { bounds_ms: bounds, counts } = worthShowing(histogram, target);
  const most = Math.max(1, ...counts);
  const width = WIDTH / counts.length;
  const last = histogram.bounds_ms.at(-1) ?? 0;
  const said = (share: number) => {
    const bound = within(histogram, share);
    return bound === null ? TEXT.beyond(milliseconds(last)) : milliseconds(bound);
  };
  const mark = target === undefined ? -1 : bounds.findIndex((bound) => bound >= target);
  const facts = [TEXT.count(turns), `${TEXT.half} ${said(0.5)}`, `${TEXT.most} ${said(0.95)}`].join(", ");
  return (
    <figure className="flex min-w-0 flex-col gap-2">
      <figcaption className="flex items-baseline gap-2 text-sm">
        <span className="font-medium">{name}</span>
        <span className="ml-auto text-xs text-quiet tabular-nums">
          {target !== undefined && `${TEXT.target(milliseconds(target))} · `}
          {TEXT.count(turns)}
        </span>
      </figcaption>
      <svg
        role="img"
        aria-label={`${name}: ${facts}`}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        className="w-full"
        preserveAspectRatio="none"
      >
        <line x1="0" x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--line)" />
        {counts.map((count, index) => {
          const height = (count / most) * (HEIGHT - 8);
          const over = mark >= 0 && index > mark;
          return (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: buckets never change places
              key={index}
              x={index * width + GAP / 2}
              y={HEIGHT - height}
              width={Math.max(1, width - GAP)}
              height={height}
              rx="2"
              fill={over ? "var(--trouble)" : "var(--step-think)"}
            >
              <title>{`≤ ${milliseconds(bounds[index] ?? last)}: ${TEXT.count(count)}`}</title>
            </rect>
          );
        })}
        {mark >= 0 && (
          <line
            x1={(mark + 1) * width}
            x2={(mark + 1) * width}
            y1="0"
            y2={HEIGHT}
            stroke="var(--ink)"
            strokeWidth="2"
            strokeDasharray="4 3"
          />
        )}
      </svg>
      <p className="flex justify-between text-xs text-quiet tabular-nums" aria-hidden>
        <span>{milliseconds(bounds[0] ?? 0)}</span>
        <span>{counts.length > bounds.length ? `> ${milliseconds(last)}` : milliseconds(bounds.at(-1) ?? last)}</span>
      </p>
      {turns > 0 && (
        <dl className="grid grid-cols-2 gap-2 text-xs tabular-nums">
          <div className="flex gap-1.5">
            <dt className="text-quiet">{TEXT.half}</dt>
            <dd className="font-medium">{said(0.5)}</dd>
          </div>
          <div className="flex justify-end gap-1.5">
            <dt className="text-quiet">{TEXT.most}</dt>
            <dd className="font-medium">{said(0.95)}</dd>
          </div>
        </dl>
      )}
    </figure>
  );
}
