import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Cable, RotateCw } from "lucide-react";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { RelativeTime } from "../../../design/RelativeTime";
import { seconds } from "../../../design/StackedBar";
import { useToast } from "../../../design/Toast";
import type { ConnectionRow } from "../../../protocol/rest";
import { useMay } from "../desk";
import { reconnect } from "./api";
import { Standing } from "./Standing";
import { TEXT } from "./text";

const TONES: Record<ConnectionRow["state"], Tone> = {
  connecting: "gilt",
  up: "well",
  down: "trouble",
  refused: "trouble",
  stopped: "quiet",
};
const HEADING = "mb-1 text-xs font-semibold tracking-wide text-quiet uppercase";
const number = new Intl.NumberFormat("en");

/** One connection: how it fares, what it has and lacks, what it did, and what it missed. */
export function Connection({ row }: { row: ConnectionRow }) {
  const platform = TEXT.platforms[row.platform] ?? row.platform;
  const name = row.name === row.platform ? platform : TEXT.called(platform, row.name);
  return (
    <Card title={name} icon={<Cable aria-hidden />} aside={<State row={row} name={name} />}>
      <div className="flex flex-col gap-4 text-sm">
        <div>
          {row.stream && (
            <p className="font-medium break-words">
              {row.stream.title ? `“${row.stream.title}”` : TEXT.untitled}
              <span className="font-normal text-quiet">
                {" "}
                · {TEXT.onAir} <RelativeTime at={row.stream.at} />
              </span>
            </p>
          )}
          <p className="break-words text-quiet">
            {row.detail && `${row.detail} · `}
            {TEXT.states[row.state]}
            {row.since !== null && (
              <>
                {" "}
                <RelativeTime at={row.since} />
              </>
            )}
          </p>
        </div>
        <Standing rows={row.standing} />
        <section>
          <h3 className={HEADING}>{TEXT.can}</h3>
          <p>{row.can.map((act) => TEXT.acts[act] ?? act.replaceAll("_", " ")).join(" · ") || TEXT.cannot}</p>
        </section>
        <Counters counters={row.counters} />
        {row.gaps.length > 0 && <Gaps gaps={row.gaps} />}
      </div>
    </Card>
  );
}

function State({ row, name }: { row: ConnectionRow; name: string }) {
  const mayConnect = useMay("operator");
  const queries = useQueryClient();
  const toast = useToast();
  const again = useMutation({
    mutationFn: () => reconnect(row.name),
    onSuccess: () => toast(TEXT.reconnecting(name)),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["connections"] }),
  });
  return (
    <>
      {row.stream && (
        <Badge tone="live" dot="pulse">
          {TEXT.onAir}
        </Badge>
      )}
      <Badge tone={TONES[row.state]} dot={row.state === "connecting" ? "pulse" : true}>
        {TEXT.states[row.state]}
      </Badge>
      {mayConnect && (
        <Button small disabled={again.isPending} onClick={() => again.mutate()}>
          <RotateCw aria-hidden className="size-4" />
          <span className="max-sm:sr-only">{TEXT.reconnect}</span>
          <span className="sr-only">{name}</span>
        </Button>
      )}
    </>
  );
}

function Counters({ counters }: { counters: ConnectionRow["counters"] }) {
  const counted = Object.entries(counters).filter(([, count]) => count > 0);
  if (counted.length === 0) return null;
  return (
    <section>
      <h3 className={HEADING}>{TEXT.counters}</h3>
      <dl className="flex flex-wrap gap-x-5 gap-y-1">
        {counted.map(([what, count]) => (
          <div key={what} className="flex gap-1.5">
            <dt className="text-quiet">{what.replaceAll("_", " ")}</dt>
            <dd className="font-medium tabular-nums">{number.format(count)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Gaps({ gaps }: { gaps: ConnectionRow["gaps"] }) {
  return (
    <details>
      <summary className="cursor-pointer text-gilt">{TEXT.gaps(gaps.length)}</summary>
      <ol className="mt-2 flex flex-col gap-1">
        {gaps.map((gap) => (
          <li key={gap.at} className="break-words">
            <span className="text-quiet">
              <RelativeTime at={gap.at} /> ·{" "}
            </span>
            {TEXT.gap(seconds(gap.seconds), gap.recovered)}
            {gap.detail && <span className="text-quiet"> · {gap.detail}</span>}
          </li>
        ))}
      </ol>
    </details>
  );
}
