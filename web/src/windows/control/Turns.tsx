import { History } from "lucide-react";
import { Badge, type Tone } from "../../design/Badge";
import { Card } from "../../design/Card";
import { cx } from "../../design/cx";
import { RelativeTime } from "../../design/RelativeTime";
import { StackedBar, seconds } from "../../design/StackedBar";
import type { TurnRow } from "../../protocol/rest";
import { Listing } from "./Listing";
import { LEGEND, stagesOf, TARGET } from "./stages";
import { TEXT } from "./text";
import { isVerbatim } from "./useControl";

const TONES: Record<TurnRow["state"], Tone> = {
  speaking: "live",
  done: "well",
  interrupted: "gilt",
  discarded: "quiet",
  refused: "gilt",
  failed: "trouble",
};

/** The last answers: what was heard of each, and how long each stage took. */
export function Turns() {
  return (
    <Card
      title={TEXT.turns}
      icon={<History aria-hidden />}
      aside={<span className="text-xs">{TEXT.target(seconds(TARGET))}</span>}
    >
      <Listing
        topic="turns"
        empty={{ icon: <History aria-hidden />, title: TEXT.turnsEmpty, help: TEXT.turnsEmptyHelp }}
      >
        {(rows) => <TurnList rows={rows} />}
      </Listing>
    </Card>
  );
}

function TurnList({ rows }: { rows: TurnRow[] }) {
  const totals = rows.map((row) => stagesOf(row.timings).reduce((sum, stage) => sum + stage.seconds, 0));
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
      <ol className="-mb-3 divide-y divide-line">
        {rows.map((row, index) => (
          <Turn key={row.id} row={row} total={totals[index] ?? 0} scale={scale} />
        ))}
      </ol>
    </>
  );
}

function Turn({ row, total, scale }: { row: TurnRow; total: number; scale: number }) {
  return (
    <li className="flex flex-col gap-2 py-3">
      <p className="flex items-center gap-2 text-sm text-quiet">
        <Badge tone="gilt">{row.lane}</Badge>
        <span className="min-w-0 flex-1 truncate">
          {row.who && <span className="text-ink">{row.who}: </span>}
          {isVerbatim(row.lane, row.text, row.heard) ? TEXT.wordForWord : row.text}
        </span>
        <RelativeTime at={row.at} />
        <Badge tone={TONES[row.state]}>{TEXT.turnStates[row.state]}</Badge>
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
          <span className={cx("w-16 text-right text-sm tabular-nums", total > TARGET ? "text-trouble" : "text-quiet")}>
            {seconds(total)}
          </span>
        </div>
      )}
    </li>
  );
}
