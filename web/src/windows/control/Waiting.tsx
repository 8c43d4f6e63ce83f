import { useMutation, useQueryClient } from "@tanstack/react-query";
import { CircleSlash2, ListOrdered, ShieldAlert, SkipForward } from "lucide-react";
import { Badge } from "../../design/Badge";
import { Button, IconButton } from "../../design/Button";
import { Card } from "../../design/Card";
import { RelativeTime, useSeconds } from "../../design/RelativeTime";
import { useToast } from "../../design/Toast";
import { type QueueRow, rest, type StoppedRow } from "../../protocol/rest";
import { Listing } from "./Listing";
import { TEXT } from "./text";

/** What waits for the character, and why. */
export function Queue() {
  return (
    <Card title={TEXT.queue} icon={<ListOrdered aria-hidden />}>
      <Listing
        topic="queue"
        empty={{ icon: <ListOrdered aria-hidden />, title: TEXT.queueEmpty, help: TEXT.queueEmptyHelp }}
      >
        {(rows) => (
          <ol className="-my-2 divide-y divide-line">
            {rows.map((row) => (
              <Waiting key={row.percept} row={row} />
            ))}
          </ol>
        )}
      </Listing>
    </Card>
  );
}

function Waiting({ row }: { row: QueueRow }) {
  const queries = useQueryClient();
  const toast = useToast();
  const skip = useMutation({
    mutationFn: () => rest.skip(row.percept),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["queue"] }),
  });
  return (
    <li className="flex items-center gap-3 py-3">
      <div className="min-w-0 flex-1">
        <p className="flex items-center gap-2">
          <Badge tone="gilt">{row.lane}</Badge>
          <span className="truncate">
            {row.who && <span className="font-medium">{row.who}: </span>}
            {row.text || row.kind}
          </span>
          {row.merged > 0 && <Badge>{TEXT.merged(row.merged)}</Badge>}
        </p>
        <p className="mt-1 truncate text-sm text-quiet">
          <RelativeTime at={row.at} /> · {row.floor} · {row.why}
        </p>
      </div>
      <IconButton label={TEXT.skip} onClick={() => skip.mutate()} disabled={skip.isPending}>
        <SkipForward aria-hidden />
      </IconButton>
    </li>
  );
}

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

/** What moderation stopped, and the means to let it through. */
export function Stopped() {
  return (
    <Card title={TEXT.stopped} icon={<ShieldAlert aria-hidden />}>
      <Listing
        topic="stopped"
        empty={{ icon: <ShieldAlert aria-hidden />, title: TEXT.stoppedEmpty, help: TEXT.stoppedEmptyHelp }}
      >
        {(rows) => (
          <ul className="-my-2 max-h-72 divide-y divide-line overflow-y-auto">
            {rows.map((row) => (
              <StoppedLine key={row.line} row={row} />
            ))}
          </ul>
        )}
      </Listing>
    </Card>
  );
}

function StoppedLine({ row }: { row: StoppedRow }) {
  const toast = useToast();
  const queries = useQueryClient();
  const now = useSeconds();
  const left = Math.max(0, Math.floor(row.until - now));
  const release = useMutation({
    mutationFn: () => rest.release(row.line),
    onSuccess: () => toast(TEXT.released),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["stopped"] }),
  });
  return (
    <li className="flex items-center gap-3 py-3 text-sm">
      <div className="min-w-0 flex-1">
        <p>“{row.shown}”</p>
        <p className="mt-1 text-trouble">
          {row.reason}
          {left === 0 && <span className="text-quiet"> · {TEXT.tooLate}</span>}
        </p>
        {row.substitute && (
          <p className="mt-1 text-quiet">
            {TEXT.substitute}: “{row.substitute}”
          </p>
        )}
      </div>
      {left > 0 && (
        <Button small kind="live" onClick={() => release.mutate()} disabled={release.isPending || release.isSuccess}>
          {TEXT.release} <span className="tabular-nums">{left} s</span>
        </Button>
      )}
    </li>
  );
}
