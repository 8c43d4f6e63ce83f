import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Area } from "../../../design/Field";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { Proof } from "./Proof";
import { PEOPLE as TEXT } from "./text";
import { type State, type VerdictRow, verdicts } from "./verdictApi";

const TONES: Record<State, Tone> = {
  suggested: "gilt",
  rehearsed: "gilt",
  waiting: "live",
  done: "well",
  refused: "trouble",
  undone: "quiet",
};
const UNDONE_FROM: State[] = ["waiting", "done", "refused"];

/** An order about a verdict: what becomes of it is told, and the log is looked at again. */
function useOrder(work: () => Promise<unknown>, told: string, after?: () => void) {
  const toast = useToast();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: work,
    onSuccess: () => {
      toast(told);
      after?.();
    },
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["verdicts"] }),
  });
}

/** One verdict: on whom, what, why, and what became of it. */
export function Verdict({ verdict }: { verdict: VerdictRow }) {
  const [appealing, setAppealing] = useState(false);
  const { id, state, evidence } = verdict;
  const name = verdict.name || TEXT.forgotten;
  const what = TEXT.what(verdict.action, verdict.seconds);
  const undo = useOrder(() => verdicts.undo(id), TEXT.undone);
  const accept = useOrder(() => verdicts.accept(id), TEXT.accepted);
  const dismiss = useOrder(() => verdicts.dismiss(id), TEXT.dismissed);
  const busy = undo.isPending || accept.isPending || dismiss.isPending;
  return (
    <li className="flex flex-col gap-2 py-3 text-sm">
      <div className="flex flex-wrap items-center gap-2">
        <Link
          to={`/control/people?viewer=${encodeURIComponent(verdict.viewer)}`}
          className="min-w-0 truncate font-medium hover:underline"
        >
          <bdi>{name}</bdi>
        </Link>
        <span>{what}</span>
        <Badge tone={TONES[state]}>{TEXT.badges[state]}</Badge>
        <span className="ml-auto text-xs text-quiet">
          <RelativeTime at={verdict.at} /> · {TEXT.by(verdict.by)}
        </span>
      </div>
      <p className="break-words text-quiet">
        {verdict.reason}
        {verdict.detail && ` · ${verdict.detail}`}
      </p>
      {evidence.text && (
        <p className="break-words">
          <span className="text-quiet">{TEXT.wrote}:</span> <bdi>“{evidence.text}”</bdi>
        </p>
      )}
      {evidence.said && (
        <p className="break-words">
          <span className="text-quiet">{TEXT.toldUs}:</span> “{evidence.said}”
        </p>
      )}
      {evidence.found && evidence.found.length > 0 && <Proof found={evidence.found} score={evidence.score ?? 0} />}
      {verdict.appeal && !appealing && (
        <p className="break-words">
          <span className="text-quiet">{TEXT.appeal}:</span> “{verdict.appeal}”
        </p>
      )}
      <div className="flex flex-wrap gap-2">
        {(state === "suggested" || state === "rehearsed") && (
          <Button small disabled={busy} title={TEXT.acceptOf(what, name)} onClick={() => accept.mutate()}>
            {TEXT.accept}
          </Button>
        )}
        {state === "suggested" && (
          <Button small disabled={busy} title={TEXT.dismissOf(name)} onClick={() => dismiss.mutate()}>
            {TEXT.dismiss}
          </Button>
        )}
        {UNDONE_FROM.includes(state) && verdict.action !== "allow" && (
          <Button small disabled={busy} title={TEXT.undoOf(name)} onClick={() => undo.mutate()}>
            {TEXT.undo}
          </Button>
        )}
        {!appealing && (
          <Button small kind="ghost" title={TEXT.appealOpen(name)} onClick={() => setAppealing(true)}>
            {TEXT.appeal}
          </Button>
        )}
      </div>
      {appealing && <Appeal verdict={verdict} name={name} onClose={() => setAppealing(false)} />}
    </li>
  );
}

function Appeal({ verdict, name, onClose }: { verdict: VerdictRow; name: string; onClose: () => void }) {
  const [text, setText] = useState(verdict.appeal);
  const keep = useOrder(() => verdicts.appeal(verdict.id, text.trim()), TEXT.kept, onClose);
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        keep.mutate();
      }}
    >
      <Area
        label={TEXT.appealLabel(name)}
        rows={2}
        maxLength={2000}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="flex gap-2 self-end">
        <Button small kind="ghost" onClick={onClose}>
          {TEXT.leave}
        </Button>
        <Button small type="submit" disabled={keep.isPending || text.trim() === verdict.appeal}>
          {TEXT.keep}
        </Button>
      </div>
    </form>
  );
}
