import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { Badge, type Tone } from "../../../design/Badge";
import { Button, IconButton } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Confirm } from "../../../design/Confirm";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import { type Role, security, type Token } from "./api";
import { MakeToken } from "./MakeToken";
import { TEXT } from "./text";

const KEY = ["tokens"];
const TONES: Record<Role, Tone> = { operator: "live", moderator: "gilt", viewer: "quiet", guest: "quiet" };

/** Who may come in besides the operator, until their token is revoked. */
export function Tokens() {
  const toast = useToast();
  const queries = useQueryClient();
  const tokens = useQuery({ queryKey: KEY, queryFn: security.tokens });
  const [making, setMaking] = useState(false);
  const [going, setGoing] = useState<Token | null>(null);
  const revoke = useMutation({
    mutationFn: ({ id }: Token) => security.revoke(id),
    onSuccess: (_, { name }) => toast(TEXT.revoked(name)),
    onError: (error) => toast(error.message, true),
    onSettled: () => {
      setGoing(null);
      return queries.invalidateQueries({ queryKey: KEY });
    },
  });
  return (
    <Card
      title={TEXT.tokens}
      icon={<KeyRound aria-hidden />}
      aside={
        <Button small kind="live" onClick={() => setMaking(true)}>
          <Plus aria-hidden className="size-4" />
          {TEXT.make}
        </Button>
      }
    >
      <Loaded query={tokens}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={<KeyRound aria-hidden />} title={TEXT.tokensEmpty}>
              {TEXT.tokensEmptyHelp}
            </Empty>
          ) : (
            <ul className="-my-3 divide-y divide-line">
              {rows.map((row) => (
                <TokenRow key={row.id} row={row} onRevoke={() => setGoing(row)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {making && (
        <MakeToken onMade={() => void queries.invalidateQueries({ queryKey: KEY })} onClose={() => setMaking(false)} />
      )}
      <Confirm
        open={going !== null}
        title={TEXT.revokeTitle(going?.name ?? "")}
        description={TEXT.revokeHelp}
        action={TEXT.revoke}
        onConfirm={() => going && revoke.mutate(going)}
        onClose={() => setGoing(null)}
      />
    </Card>
  );
}

function TokenRow({ row, onRevoke }: { row: Token; onRevoke: () => void }) {
  return (
    <li className="flex items-center gap-3 py-3 text-sm">
      <div className="min-w-0 flex-1">
        <p className="flex items-center gap-2">
          <span className="truncate font-medium">{row.name}</span>
          <Badge tone={TONES[row.role]}>{TEXT.roles[row.role] ?? row.role}</Badge>
        </p>
        <p className="text-xs text-quiet">
          {TEXT.created} <RelativeTime at={row.created} /> ·{" "}
          {row.used === null ? (
            TEXT.unused
          ) : (
            <>
              {TEXT.used} <RelativeTime at={row.used} />
            </>
          )}
        </p>
      </div>
      <IconButton label={TEXT.revokeName(row.name)} onClick={onRevoke}>
        <Trash2 aria-hidden />
      </IconButton>
    </li>
  );
}
