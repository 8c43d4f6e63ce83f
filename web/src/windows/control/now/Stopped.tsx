import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ShieldAlert } from "lucide-react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { useSeconds } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { rest, type StoppedRow } from "../../../protocol/rest";
import { Listing } from "../Listing";
import { TEXT } from "./text";

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
