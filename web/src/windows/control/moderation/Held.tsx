import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Hourglass, ShieldCheck } from "lucide-react";
import { Link } from "react-router";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import type { HeldRow } from "../../../protocol/rest";
import { useMay } from "../desk";
import { Loaded } from "../Loaded";
import { useTopic } from "../useControl";
import { HELD as TEXT } from "./text";
import { verdicts } from "./verdictApi";

/** Characters of a reason that the log of verdicts takes. */
const LONGEST_REASON = 500;

/** What a platform's own filter holds back, newest first, and the means to decide on it. */
export function Held() {
  const held = useTopic("held");
  return (
    <Card title={TEXT.title} icon={<Hourglass aria-hidden />}>
      <Loaded query={held}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={<ShieldCheck aria-hidden />} title={TEXT.empty}>
              {TEXT.emptyHelp}
            </Empty>
          ) : (
            <ol className="-my-3 divide-y divide-line">
              {rows.map((row) => (
                <Row key={`${row.link} ${row.source}`} row={row} />
              ))}
            </ol>
          )
        }
      </Loaded>
    </Card>
  );
}

/** How many messages wait for somebody to decide on them. */
export function useUndecided(): number {
  const { data = [] } = useTopic("held");
  return data.filter(({ state, order }) => state === "held" && order?.state !== "done").length;
}

/** Where a message stands: the word on its badge, and whether it can still be decided on. */
function standing({ state, order }: HeldRow): { tone: Tone; text: string; open: boolean } {
  if (state === "approved") return { tone: "well", text: TEXT.approved, open: false };
  if (state === "denied") return { tone: "trouble", text: TEXT.denied, open: false };
  if (state === "expired") return { tone: "quiet", text: TEXT.expired, open: false };
  if (order?.state === "waiting") return { tone: "live", text: TEXT.underWay, open: true };
  if (order?.state !== "done") return { tone: "gilt", text: TEXT.waits, open: true };
  // Its link had more to say than that it is done: it was done before, or is too late.
  if (order.detail) return { tone: "quiet", text: TEXT.elsewhere, open: false };
  return order.action === "allow"
    ? { tone: "well", text: TEXT.approved, open: false }
    : { tone: "trouble", text: TEXT.denied, open: false };
}

function Row({ row }: { row: HeldRow }) {
  const toast = useToast();
  const queries = useQueryClient();
  const may = useMay("moderator");
  const { tone, text, open } = standing(row);
  const decide = useMutation({
    mutationFn: (action: "allow" | "delete") =>
      verdicts.lay({
        viewer: row.viewer?.id ?? `${row.link}:unknown`,
        name: row.viewer?.name ?? "",
        link: row.link,
        action,
        source: row.source,
        reason: TEXT.why(row.reason).slice(0, LONGEST_REASON),
        seconds: 0,
      }),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["held"] }),
  });
  const busy = decide.isPending || row.order?.state === "waiting";
  const name = row.viewer?.name || TEXT.somebody;
  return (
    <li className="flex flex-col gap-2 py-3 text-sm">
      <div className="flex flex-wrap items-center gap-2">
        {row.viewer ? (
          <Link
            to={`/control/people?viewer=${encodeURIComponent(row.viewer.id)}`}
            className="min-w-0 truncate font-medium hover:underline"
          >
            <bdi>{name}</bdi>
          </Link>
        ) : (
          <span className="font-medium">{name}</span>
        )}
        <span aria-live="polite">
          <Badge tone={tone} dot={busy ? "pulse" : false}>
            {text}
          </Badge>
        </span>
        <span className="ml-auto text-xs text-quiet">
          <RelativeTime at={row.at} /> · {row.link}
        </span>
      </div>
      <p className="break-words">
        <bdi>“{row.text}”</bdi>
      </p>
      <p className="break-words text-quiet">
        {TEXT.why(row.reason)}
        {row.by && ` · ${TEXT.by(row.by)}`}
        {!open && row.order?.detail && ` · ${row.order.detail}`}
      </p>
      {open && row.order?.state === "refused" && (
        <p role="alert" className="break-words text-trouble">
          {TEXT.refused(row.order.detail)}
        </p>
      )}
      {open && may && (
        <div className="flex flex-wrap gap-2">
          <Button small disabled={busy} title={TEXT.allowOf(name)} onClick={() => decide.mutate("allow")}>
            {TEXT.allow}
          </Button>
          <Button small disabled={busy} title={TEXT.denyOf(name)} onClick={() => decide.mutate("delete")}>
            {TEXT.deny}
          </Button>
        </div>
      )}
    </li>
  );
}
