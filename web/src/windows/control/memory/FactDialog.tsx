import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Confirm } from "../../../design/Confirm";
import { Dialog } from "../../../design/Dialog";
import { Area } from "../../../design/Field";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import { type Fact, memory } from "./api";
import { TEXT } from "./text";

/** Other words for a fact, how it was edited before, and its end. */
export function FactDialog({ fact, onClose }: { fact: Fact; onClose: () => void }) {
  const [text, setText] = useState(fact.text);
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const done = (said: string) => ({
    onSuccess: async () => {
      toast(said);
      onClose();
      await queries.invalidateQueries({ queryKey: ["facts"] });
      await queries.invalidateQueries({ queryKey: ["viewers"] });
    },
    onError: (error: Error) => toast(error.message, true),
  });
  const keep = useMutation({ mutationFn: () => memory.edit(fact.id, text.trim()), ...done(TEXT.kept) });
  const remove = useMutation({ mutationFn: () => memory.remove(fact.id), ...done(TEXT.removed) });
  const busy = keep.isPending || remove.isPending;
  return (
    <Dialog title={TEXT.editTitle} open onClose={onClose}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate();
        }}
      >
        <Area
          rows={3}
          label={TEXT.factLabel}
          value={text}
          maxLength={2000}
          onChange={(event) => setText(event.target.value)}
        />
        {fact.quote && (
          <blockquote className="border-l-2 border-gilt/60 pl-2 text-sm text-quiet">“{fact.quote}”</blockquote>
        )}
        <div className="flex justify-between gap-2">
          <Button kind="danger" onClick={() => setAsked(true)} disabled={busy}>
            {TEXT.remove}
          </Button>
          <Button kind="live" type="submit" disabled={busy || !text.trim() || text.trim() === fact.text}>
            {TEXT.keep}
          </Button>
        </div>
      </form>
      <History id={fact.id} />
      <Confirm
        open={asked}
        title={TEXT.removeTitle}
        description={`“${fact.text}”`}
        action={TEXT.remove}
        onConfirm={() => remove.mutate()}
        onClose={() => setAsked(false)}
      />
    </Dialog>
  );
}

function History({ id }: { id: number }) {
  const history = useQuery({ queryKey: ["facts", "history", id], queryFn: () => memory.history(id) });
  return (
    <section className="mt-5 border-t border-line pt-4 text-sm">
      <h3 className="mb-2 font-medium">{TEXT.history}</h3>
      <Loaded query={history}>
        {(edits) =>
          edits.length === 0 ? (
            <p className="text-quiet">{TEXT.historyEmpty}</p>
          ) : (
            <ol className="flex flex-col gap-3">
              {edits.map((edit) => (
                <li key={`${edit.at}/${edit.after}`} className="break-words">
                  <p className="text-xs text-quiet">
                    <RelativeTime at={edit.at} /> {TEXT.by} {edit.by}
                  </p>
                  <del className="text-quiet">{edit.before}</del>{" "}
                  <span aria-hidden className="text-gilt">
                    →
                  </span>{" "}
                  <ins className="no-underline">{edit.after}</ins>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
    </section>
  );
}
