import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { IdCard, Link2, Unlink } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { Badge } from "../../../design/Badge";
import { Button, IconButton } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { useMay } from "../desk";
import { Loaded } from "../Loaded";
import { type AccountRow, people, type ViewerDetail } from "./api";
import { JoinDialog } from "./JoinDialog";
import { TEXT } from "./text";

/** The accounts of one person, and the means to join and to part them. */
export function Accounts({ viewer }: { viewer: ViewerDetail }) {
  const mayJoin = useMay("operator");
  const [asked, setAsked] = useState(false);
  const query = useQuery({ queryKey: ["accounts", viewer.id], queryFn: () => people.accounts(viewer.id) });
  const rows = query.data?.[0]?.accounts ?? [];
  return (
    <Card
      title={TEXT.accounts}
      icon={<IdCard aria-hidden />}
      aside={
        mayJoin && (
          <Button small onClick={() => setAsked(true)}>
            <Link2 aria-hidden className="size-4" />
            {TEXT.join}
          </Button>
        )
      }
    >
      <Loaded query={query}>
        {() =>
          rows.length === 0 ? (
            <Empty small icon={<IdCard aria-hidden />} title={TEXT.accountsEmpty}>
              {TEXT.accountsEmptyHelp}
            </Empty>
          ) : (
            <ul className="-my-2 divide-y divide-line">
              {rows.map((row) => (
                <Account key={row.id} row={row} here={row.id === viewer.id} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {asked && <JoinDialog viewer={viewer} known={rows} onClose={() => setAsked(false)} />}
    </Card>
  );
}

function Account({ row, here }: { row: AccountRow; here: boolean }) {
  const mayPart = useMay("operator");
  const queries = useQueryClient();
  const toast = useToast();
  const name = row.name || row.id;
  const part = useMutation({
    mutationFn: () => people.part(row.id),
    onSuccess: () => toast(TEXT.parted(name)),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  const first = row.at === 0;
  return (
    <li className="flex min-h-12 items-center gap-3 py-2 text-sm">
      <Badge tone="gilt">{row.platform || row.id.split(":")[0]}</Badge>
      <span className="min-w-0 flex-1">
        {here ? (
          <span className="block truncate font-medium">{name}</span>
        ) : (
          <Link
            to={`/control/people?viewer=${encodeURIComponent(row.id)}`}
            className="block truncate font-medium underline decoration-edge underline-offset-4 hover:decoration-current"
          >
            {name}
          </Link>
        )}
        <span className="block truncate text-xs text-quiet">
          {here && `${TEXT.here} · `}
          {first ? (
            TEXT.remembered
          ) : (
            <>
              {TEXT.joinedBy(row.by)} <RelativeTime at={row.at} />
            </>
          )}
        </span>
      </span>
      {mayPart && !first && (
        <IconButton label={TEXT.part(name)} onClick={() => part.mutate()} disabled={part.isPending}>
          <Unlink aria-hidden />
        </IconButton>
      )}
    </li>
  );
}
