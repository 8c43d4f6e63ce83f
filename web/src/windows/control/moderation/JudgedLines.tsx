import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ShieldAlert, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { Pagination } from "../../../design/Pagination";
import { RelativeTime, useSeconds } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { rest } from "../../../protocol/rest";
import { Loaded } from "../Loaded";
import { TurnLink } from "../TurnLink";
import { type JudgedLine, moderation } from "./api";
import { TEXT } from "./text";

const LIMIT = 25;
/** Milliseconds between two looks: a line can be released for some seconds only. */
const EVERY = 3_000;

/** The lines that moderation stopped, newest first, each with its reason. */
export function JudgedLines() {
  const [offset, setOffset] = useState(0);
  const log = useQuery({
    queryKey: ["moderation", "log", offset],
    queryFn: () => moderation.log(offset, LIMIT),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
  return (
    <Card title={TEXT.log} icon={<ShieldAlert aria-hidden />}>
      <Loaded query={log}>
        {({ total, lines }) =>
          total === 0 ? (
            <Empty icon={<ShieldCheck aria-hidden />} title={TEXT.logEmpty}>
              {TEXT.logEmptyHelp}
            </Empty>
          ) : (
            <>
              <ol className="-my-3 divide-y divide-line">
                {lines.map((line) => (
                  <Row key={line.line} line={line} />
                ))}
              </ol>
              <Pagination offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

function Row({ line }: { line: JudgedLine }) {
  const toast = useToast();
  const queries = useQueryClient();
  const left = Math.floor(line.until - useSeconds());
  const release = useMutation({
    mutationFn: () => rest.release(line.line),
    onSuccess: () => toast(TEXT.releasedNow),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["moderation", "log"] }),
  });
  return (
    <li className="flex items-start gap-3 py-3 text-sm">
      <div className="min-w-0 flex-1">
        <p className="break-words">“{line.shown}”</p>
        <p className="text-trouble">{line.reason}</p>
        <p className="text-xs text-quiet">
          <RelativeTime at={line.at} /> {line.floor !== "public" && `${TEXT.floor} ${line.floor} `}·{" "}
          {line.substitute ? `${TEXT.instead}: “${line.substitute}”` : TEXT.nothingInstead}
        </p>
      </div>
      {left > 0 && !line.released ? (
        <Button small kind="live" disabled={release.isPending || release.isSuccess} onClick={() => release.mutate()}>
          <span className="tabular-nums">{TEXT.release(left)}</span>
        </Button>
      ) : (
        <Badge tone={line.released ? "well" : "trouble"}>{line.released ? TEXT.released : TEXT.stopped}</Badge>
      )}
      {line.turn && <TurnLink turn={line.turn} label={TEXT.toLog} />}
    </li>
  );
}
