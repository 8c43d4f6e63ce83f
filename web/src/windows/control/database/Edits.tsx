import { useQuery } from "@tanstack/react-query";
import { FilePenLine } from "lucide-react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { Loaded } from "../Loaded";
import { database, type Edit } from "./api";
import { TEXT } from "./text";

/** What was changed by hand, newest first, with its before and after. */
export function Edits() {
  const edits = useEdits();
  return (
    <Card title={TEXT.history} icon={<FilePenLine aria-hidden />}>
      <Loaded query={edits}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={<FilePenLine aria-hidden />} title={TEXT.historyEmpty}>
              {TEXT.historyEmptyHelp}
            </Empty>
          ) : (
            <EditList edits={rows} />
          )
        }
      </Loaded>
    </Card>
  );
}

/** What was changed by hand in one row; nothing where nothing was. */
export function RowEdits({ table, row }: { table: string; row: string }) {
  const { data = [] } = useEdits();
  const own = data.filter((edit) => edit.table === table && edit.key === row);
  if (own.length === 0) return null;
  return (
    <section aria-label={TEXT.history} className="border-t border-line pt-4">
      <h3 className="mb-3 text-xs font-semibold tracking-wide text-quiet uppercase">{TEXT.history}</h3>
      <EditList edits={own} />
    </section>
  );
}

const useEdits = () => useQuery({ queryKey: ["database", "history"], queryFn: database.history });

function EditList({ edits }: { edits: Edit[] }) {
  return (
    <ol className="-my-3 divide-y divide-line">
      {edits.map((edit) => (
        <li key={edit.id} className="py-3 text-sm">
          <p className="flex flex-wrap items-center gap-x-2 text-xs text-quiet">
            <RelativeTime at={edit.at} />
            <span>
              {TEXT.by} {edit.by}
            </span>
            <code className="break-all">{[edit.table, edit.key, edit.column].filter(Boolean).join(" · ")}</code>
            {!edit.column && <Badge tone="trouble">{TEXT.deleted}</Badge>}
          </p>
          <p className="mt-1 break-words">
            <del className="text-quiet">{edit.before || TEXT.nothing}</del>
            {edit.column && (
              <>
                <span aria-hidden className="text-gilt">
                  {" → "}
                </span>
                <ins className="no-underline">{edit.after || TEXT.nothing}</ins>
              </>
            )}
          </p>
        </li>
      ))}
    </ol>
  );
}
