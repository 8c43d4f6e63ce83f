import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ClipboardList } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { Loaded } from "../Loaded";
import { type Entry, security } from "./api";
import { TEXT } from "./text";

/** Entries that are asked for at first, and more at a time; the program keeps a bounded number. */
const STEP = 50;
const MOST = 1_000;
/** Milliseconds between two looks. */
const EVERY = 10_000;

/** What was changed, by whom and from where, newest first. */
export function AuditLog() {
  const [limit, setLimit] = useState(STEP);
  const audit = useQuery({
    queryKey: ["audit", limit],
    queryFn: () => security.audit(limit),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
  return (
    <Card title={TEXT.audit} icon={<ClipboardList aria-hidden />}>
      <Loaded query={audit}>
        {(entries) =>
          entries.length === 0 ? (
            <Empty icon={<ClipboardList aria-hidden />} title={TEXT.auditEmpty}>
              {TEXT.auditEmptyHelp}
            </Empty>
          ) : (
            <>
              <ol className="-my-2 divide-y divide-line">
                {entries.map((entry, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: two entries may be alike in all that they hold
                  <Row key={`${entry.at}/${index}`} entry={entry} />
                ))}
              </ol>
              {entries.length >= limit && limit < MOST && (
                <Button small className="mt-4" onClick={() => setLimit(Math.min(MOST, limit * 2))}>
                  {TEXT.more}
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

function Row({ entry }: { entry: Entry }) {
  const refused = entry.status >= 400;
  return (
    <li className="flex items-start gap-3 py-2 text-sm">
      <span className="w-20 shrink-0 pt-0.5 text-xs text-quiet tabular-nums">
        <RelativeTime at={entry.at} />
      </span>
      <div className="min-w-0 flex-1">
        <p className="break-words">
          <span className="font-medium">{entry.who}</span> <code className="text-xs break-all">{entry.what}</code>
        </p>
        <p className="text-xs break-words text-quiet">
          {[entry.about, entry.rights !== entry.who && entry.rights, entry.address].filter(Boolean).join(" · ")}
        </p>
      </div>
      <Badge tone={refused ? "trouble" : "well"}>
        {refused ? TEXT.denied(entry.status) : entry.status === 0 ? TEXT.frame : TEXT.done}
      </Badge>
    </li>
  );
}
