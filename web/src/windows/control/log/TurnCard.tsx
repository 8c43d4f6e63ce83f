import { ArrowLeft, Theater } from "lucide-react";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { RelativeTime } from "../../../design/RelativeTime";
import { StackedBar, seconds } from "../../../design/StackedBar";
import { Emoted } from "../../../emotes/Emoted";
import { stagesOf, TARGET, totalOf } from "../timings/stages";
import { TURN_TONES } from "../timings/tones";
import { TEXT } from "./text";
import type { ToldTurn } from "./turn";

const LINE_TONES: Record<ToldTurn["lines"][number]["state"], Tone> = {
  written: "quiet",
  sounding: "live",
  heard: "well",
  stopped: "trouble",
};

/** One turn as its events tell it: what it answers, its lines, what was heard, how long each stage took. */
export function TurnCard({ turn, onLeave }: { turn: ToldTurn; onLeave: () => void }) {
  const stages = turn.ending ? stagesOf(turn.ending.timings) : [];
  const total = totalOf(stages);
  return (
    <Card
      title={TEXT.turn}
      icon={<Theater aria-hidden />}
      aside={
        <Button small onClick={onLeave}>
          <ArrowLeft aria-hidden className="size-4" />
          {TEXT.leave}
        </Button>
      }
    >
      <div className="flex flex-col gap-4 text-sm">
        <p className="flex flex-wrap items-center gap-2 text-quiet">
          {turn.lane && <Badge tone="gilt">{turn.lane}</Badge>}
          <Badge tone={turn.ending ? TURN_TONES[turn.ending.state] : "live"}>{turn.ending?.state ?? TEXT.going}</Badge>
          {turn.at > 0 && <RelativeTime at={turn.at} />}
          <span>{turn.floor}</span>
          <code className="text-xs break-all">{turn.id}</code>
        </p>
        {turn.text ? (
          <p>
            <span className="text-quiet">{TEXT.answers}</span> {turn.who && <b className="font-medium">{turn.who}: </b>}
            <Emoted text={turn.text} />
          </p>
        ) : (
          !turn.lane && <p className="text-quiet">{TEXT.forgotten}</p>
        )}
        <div>
          <h3 className="mb-2 text-xs font-semibold tracking-wide text-quiet uppercase">{TEXT.lines}</h3>
          {turn.lines.length === 0 && <p className="text-quiet">{TEXT.noLines}</p>}
          <ol className="flex flex-col gap-2">
            {turn.lines.map((line) => (
              <li key={line.id} className="flex items-start gap-3">
                <Badge tone={LINE_TONES[line.state]}>{TEXT.lineStates[line.state]}</Badge>
                <span className="min-w-0 flex-1 pt-0.5">
                  <Emoted text={line.heard || line.shown} said />
                  {line.heard && line.shown.startsWith(line.heard) && (
                    <span className="text-quiet line-through">{line.shown.slice(line.heard.length)}</span>
                  )}
                  {line.stopped && <span className="block text-trouble">{line.stopped}</span>}
                </span>
              </li>
            ))}
          </ol>
        </div>
        {turn.ending?.reason && <p className="text-trouble">{turn.ending.reason}</p>}
        {total > 0 && (
          <div className="flex items-center gap-3">
            <StackedBar stages={stages} scale={Math.max(TARGET * 1.25, total)} target={TARGET} label={TEXT.bar} />
            <span className="w-16 text-right tabular-nums">{seconds(total)}</span>
          </div>
        )}
      </div>
    </Card>
  );
}
