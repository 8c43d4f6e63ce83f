import { CircleSlash2 } from "lucide-react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Listing } from "../Listing";
import { TEXT } from "./text";

/** What left a lane unanswered. */
export function Dropped() {
  return (
    <Card title={TEXT.dropped} icon={<CircleSlash2 aria-hidden />}>
      <Listing
        topic="dropped"
        empty={{ icon: <CircleSlash2 aria-hidden />, title: TEXT.droppedEmpty, help: TEXT.droppedEmptyHelp }}
      >
        {(rows) => (
          <ul className="flex flex-col gap-2 text-sm">
            {rows.map((row) => (
              <li key={`${row.floor}/${row.lane}/${row.reason}`} className="flex items-center gap-2">
                <Badge tone="gilt">{row.lane}</Badge>
                <span className="min-w-0 truncate text-quiet">
                  {TEXT.reasons[row.reason] ?? row.reason}
                  {row.floor !== "public" && ` · ${row.floor}`}
                </span>
                <span className="ml-auto font-medium tabular-nums">{row.count}</span>
              </li>
            ))}
          </ul>
        )}
      </Listing>
    </Card>
  );
}
