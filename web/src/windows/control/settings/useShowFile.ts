import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { RestError } from "../../../protocol/rest";
import { useRested } from "../useRested";
import { type Checked, type ShowFile, settings } from "./api";

/** Milliseconds of rest after the last key before a text is checked. */
const REST = 350;
const KEY = ["settings"];

interface Draft {
  text: string;
  /** The text that was read when the draft was begun; what is saved is held against it. */
  base: ShowFile;
}

/** The show file as it is saved and as it is being edited, what is wrong with it, and what saving it does. */
export function useShowFile(told: (saved: Partial<Checked>) => void, failed: (error: Error) => void) {
  const queries = useQueryClient();
  const file = useQuery({ queryKey: KEY, queryFn: settings.read, refetchOnWindowFocus: false, retry: false });
  const [draft, setDraft] = useState<Draft | null>(null);
  const [conflict, setConflict] = useState<ShowFile | null>(null);
  const text = draft?.text ?? file.data?.text ?? "";
  const rested = useRested(text, REST);
  const check = useQuery({
    queryKey: ["settings", "check", rested],
    queryFn: () => settings.check(rested),
    // What rests before the file has come is no text of anybody's.
    enabled: file.data !== undefined && (draft !== null || rested === file.data.text),
    placeholderData: (before) => before,
    gcTime: 0,
  });

  const save = useMutation({
    mutationFn: (hash: string) => settings.save(text, hash),
    onSuccess: async (saved) => {
      setConflict(null);
      told({ needs: check.data?.needs, ...saved });
      await queries.invalidateQueries({ queryKey: KEY });
      // What was typed while it was being saved stays a draft, of what is saved now.
      const base = queries.getQueryData<ShowFile>(KEY);
      setDraft((now) => (now && base && now.text !== text ? { text: now.text, base } : null));
    },
    onError: async (error) => {
      if (!(error instanceof RestError) || error.status !== 409) return failed(error);
      try {
        setConflict(await settings.read());
      } catch (unread) {
        failed(unread as Error);
      }
    },
  });

  const base = draft?.base ?? file.data;
  return {
    file,
    text,
    check,
    /** The marks belong to the text that is seen. */
    checking: rested !== text || check.isFetching,
    edited: base !== undefined && text !== base.text,
    saving: save.isPending,
    conflict,
    edit: (changed: string) => base && setDraft({ text: changed, base }),
    discard: () => setDraft(null),
    save: () => base && save.mutate(base.hash),
    /** Write mine over theirs. */
    insist: () => conflict && save.mutate(conflict.hash),
    /** Throw mine away for theirs. */
    yieldTo: () => {
      if (conflict) queries.setQueryData(KEY, conflict);
      setDraft(null);
      setConflict(null);
    },
    /** Go on with mine; the next save meets theirs again. */
    goOn: () => setConflict(null),
  };
}
