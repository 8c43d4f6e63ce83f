import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ListOrdered, Pin, SkipForward, VolumeX, Zap } from "lucide-react";
import { Badge } from "../../../design/Badge";
import { IconButton } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Menu } from "../../../design/Menu";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { Emoted } from "../../../emotes/Emoted";
import { type Mute, type QueueRow, rest } from "../../../protocol/rest";
import { useMay } from "../desk";
import { Listing } from "../Listing";
import { useTopic } from "../useControl";
import { Answering } from "./Answering";
import { DURATIONS, useMute } from "./muting";
import { spoken, TEXT } from "./text";

/** So many rows are drawn; what waits behind them is counted. */
const DRAWN = 50;

/** What waits for the character, lane by lane, and why. */
export function Queue() {
  return (
    <Card title={TEXT.queue} icon={<ListOrdered aria-hidden />} aside={<Answering />}>
      <Listing
        topic="queue"
        empty={{ icon: <ListOrdered aria-hidden />, title: TEXT.queueEmpty, help: TEXT.queueEmptyHelp }}
      >
        {(rows) => (
          <>
            <Lanes rows={rows} />
            <ol className="-mb-2 divide-y divide-line">
              {rows.slice(0, DRAWN).map((row) => (
                <Waiting key={`${row.floor}/${row.percept}`} row={row} />
              ))}
            </ol>
            {rows.length > DRAWN && <p className="mt-3 text-sm text-quiet">{TEXT.queueMore(rows.length - DRAWN)}</p>}
          </>
        )}
      </Listing>
    </Card>
  );
}

/** How full each lane is in which something waits, the most urgent first. */
function Lanes({ rows }: { rows: QueueRow[] }) {
  const { data: show } = useTopic("show");
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(row.lane, (counts.get(row.lane) ?? 0) + 1);
  const lanes = (show?.lanes ?? []).filter((lane) => counts.has(lane.name));
  return (
    <ul aria-label={TEXT.lanes} className="mb-1 flex flex-wrap gap-x-4 gap-y-1 text-xs text-quiet">
      {lanes.map((lane) => (
        <li key={lane.name}>
          <span className="font-medium text-ink">{lane.name}</span>{" "}
          <span className="tabular-nums">{TEXT.laneFill(counts.get(lane.name) ?? 0, lane.capacity)}</span>
        </li>
      ))}
    </ul>
  );
}

function Waiting({ row }: { row: QueueRow }) {
  const moderator = useMay("moderator");
  return (
    <li className="flex flex-wrap items-center gap-x-3 py-3">
      <div className="min-w-0 flex-1 basis-56">
        <p className="flex items-start gap-2">
          <Badge tone="gilt">{row.lane}</Badge>
          <span className="line-clamp-2 min-w-0 break-words">
            {row.who && <span className="font-medium">{row.who}: </span>}
            {row.text ? <Emoted text={row.text} /> : spoken(row.kind)}
          </span>
          {row.pinned && <Badge tone="live">{TEXT.pinned}</Badge>}
          {row.merged > 0 && <Badge>{TEXT.merged(row.merged)}</Badge>}
        </p>
        <p className="mt-1 line-clamp-3 text-sm text-quiet">
          <RelativeTime at={row.at} /> · {[row.link, row.floor, row.why].filter(Boolean).join(" · ")}
        </p>
      </div>
      {moderator && <Orders row={row} />}
    </li>
  );
}

function Orders({ row }: { row: QueueRow }) {
  const queries = useQueryClient();
  const toast = useToast();
  const mute = useMute();
  const order = useMutation({
    mutationFn: (how: "skip" | "pin" | "answerNow") => rest[how](row.percept),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["queue"] }),
  });
  const group = (title: string, what: Mute) => ({
    title,
    items: DURATIONS.map(({ text, seconds }) => ({ text, onSelect: () => mute.mutate({ what, seconds }) })),
  });
  const busy = order.isPending;
  return (
    <div className="ml-auto flex">
      <IconButton label={TEXT.pin} onClick={() => order.mutate("pin")} disabled={busy || row.pinned}>
        <Pin aria-hidden />
      </IconButton>
      <IconButton label={TEXT.answerNow} onClick={() => order.mutate("answerNow")} disabled={busy}>
        <Zap aria-hidden />
      </IconButton>
      <Menu
        label={TEXT.mute}
        icon={<VolumeX aria-hidden />}
        groups={[
          ...(row.viewer ? [group(TEXT.viewerCalled(row.who), { what: "viewer", name: row.viewer })] : []),
          group(TEXT.laneCalled(row.lane), { what: "lane", name: row.lane }),
          group(TEXT.senseCalled(spoken(row.kind)), { what: "sense", name: row.kind }),
          ...(row.link ? [group(TEXT.linkCalled(row.link), { what: "link", name: row.link })] : []),
        ]}
      />
      <IconButton label={TEXT.skip} onClick={() => order.mutate("skip")} disabled={busy}>
        <SkipForward aria-hidden />
      </IconButton>
    </div>
  );
}
