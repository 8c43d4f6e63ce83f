import { Badge } from "../../../design/Badge";
import { cx } from "../../../design/cx";
import { RelativeTime } from "../../../design/RelativeTime";
import { StackedBar, seconds } from "../../../design/StackedBar";
import type { TurnRow } from "../../../protocol/rest";
import { useMay } from "../desk";
import { TurnLink } from "../TurnLink";
import { isVerbatim } from "../useControl";
import { IDEAL, LEGEND, stagesOf, TARGET, totalOf } from "./stages";
import { TEXT } from "./text";
import { TURN_TONES } from "./tones";

/** Turns, newest first: what was heard of each, and how long each stage took beside the targets. */
export function Turns({ rows }: { rows: TurnRow[] }) {
  const totals = rows.map((row) => totalOf(stagesOf(row.timings)));
  const scale = Math.max(TARGET * 1.25, ...totals);
  return (
    <>
      <ul className="mb-3 flex flex-wrap gap-x-4 gap-y-1 text-xs text-quiet">
        {LEGEND.map((stage) => (
          <li key={stage.name} className="flex items-center gap-1.5">
            <span aria-hidden className={cx("size-2.5 rounded-xs", stage.colour)} />
            {stage.name}
          </li>
        ))}
      </ul>
      <div className="flex items-center gap-3 border-b border-line pb-3">
        <StackedBar stages={IDEAL} scale={scale} target={TARGET} label={TEXT.ideal} />
        <span className="w-24 text-right text-xs whitespace-nowrap text-quiet">{TEXT.target(seconds(TARGET))}</span>
      </div>
      <ol className="-mb-3 divide-y divide-line">
        {rows.map((row, index) => (
          <Turn key={row.id} row={row} total={totals[index] ?? 0} scale={scale} />
        ))}
      </ol>
    </>
  );
}

function Turn({ row, total, scale }: { row: TurnRow; total: number; scale: number }) {
  const mayReadLog = useMay("moderator");
  return (
    <li className="flex flex-col gap-2 py-3">
      <p className="flex items-center gap-2 text-sm text-quiet">
        <Badge tone="gilt">{row.lane}</Badge>
        <span className="min-w-0 flex-1 truncate">
          {row.who && <span className="text-ink">{row.who}: </span>}
          {isVerbatim(row.lane, row.text, row.heard) ? TEXT.wordForWord : row.text}
        </span>
        <RelativeTime at={row.at} />
        <Badge tone={TURN_TONES[row.state]}>{TEXT.states[row.state]}</Badge>
        {mayReadLog && <TurnLink turn={row.id} label={TEXT.toLog} />}
      </p>
      <p className={cx("text-sm", !row.heard && "text-quiet")}>
        {row.heard || row.reason || (row.state === "speaking" ? TEXT.goesOn : TEXT.nothingHeard)}
        {row.cut && row.heard && (
          <span className="ml-2">
            <Badge tone="gilt">{TEXT.cut}</Badge>
          </span>
        )}
      </p>
      {total > 0 && (
        <div className="flex items-center gap-3">
          <StackedBar stages={stagesOf(row.timings)} scale={scale} target={TARGET} label={TEXT.bar} />
          <span className={cx("w-24 text-right text-sm tabular-nums", total > TARGET ? "text-trouble" : "text-quiet")}>
            {seconds(total)}
          </span>
        </div>
      )}
    </li>
  );
}
