import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { BookX, Undo2 } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Area } from "../../../design/Field";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import { type Lists as AllLists, moderation } from "./api";
import { TEXT } from "./text";
import { difference, wordsOf } from "./words";

const KEY = ["moderation", "lists"];
const name = (list: string) => TEXT.names[list] ?? list;

/** The lists that moderation goes by, and the words of one's own in them. */
export function Lists() {
  const toast = useToast();
  const queries = useQueryClient();
  const lists = useQuery({ queryKey: KEY, queryFn: moderation.lists });
  const undo = useMutation({
    mutationFn: moderation.undo,
    onSuccess: () => {
      toast(TEXT.undone);
      return queries.invalidateQueries({ queryKey: ["moderation"] });
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <Card
      title={TEXT.lists}
      icon={<BookX aria-hidden />}
      aside={
        <Button small title={TEXT.undoHint} disabled={undo.isPending} onClick={() => undo.mutate()}>
          <Undo2 aria-hidden className="size-4" />
          {TEXT.undo}
        </Button>
      }
    >
      <Loaded query={lists}>{(all) => <Chosen all={all} />}</Loaded>
    </Card>
  );
}

function Chosen({ all }: { all: AllLists }) {
  const names = Object.keys({ ...all.lists, ...all.own });
  const [list, setList] = useState("any");
  const chosen = names.includes(list) ? list : (names[0] ?? "any");
  return (
    <div className="flex flex-col gap-3">
      <Select
        label={TEXT.list}
        value={chosen}
        options={names.map((value) => ({ value, text: `${name(value)} · ${all.lists[value]?.length ?? 0}` }))}
        onChange={setList}
      />
      <p className="text-sm text-quiet">{chosen === "allow" ? TEXT.allowHelp : TEXT.listHelp}</p>
      <Editor key={chosen} list={chosen} own={all.own[chosen] ?? []} every={all.lists[chosen] ?? []} />
    </div>
  );
}

/** The words of one's own in one list. A draft outlasts what arrives from elsewhere. */
function Editor({ list, own, every }: { list: string; own: string[]; every: string[] }) {
  const toast = useToast();
  const queries = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const text = draft ?? own.join("\n");
  const words = wordsOf(text);
  const { added, removed } = difference(own, words);
  const save = useMutation({
    mutationFn: () => moderation.setList(list, words),
    onSuccess: async () => {
      toast(TEXT.saved);
      await queries.invalidateQueries({ queryKey: ["moderation"] });
      setDraft(null);
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Area
        label={TEXT.own}
        placeholder={TEXT.ownPlaceholder}
        rows={8}
        spellCheck={false}
        value={text}
        onChange={(event) => setDraft(event.target.value)}
        className="font-mono text-sm"
      />
      <div className="flex items-center gap-2">
        <Badge>{TEXT.words(words.length)}</Badge>
        {added > 0 && <Badge tone="well">{TEXT.added(added)}</Badge>}
        {removed > 0 && <Badge tone="trouble">{TEXT.removed(removed)}</Badge>}
        <Button kind="live" type="submit" className="ml-auto" disabled={added + removed === 0 || save.isPending}>
          {TEXT.save}
        </Button>
      </div>
      <Others words={every.filter((word) => !own.includes(word))} />
    </form>
  );
}

/** The words of a list that come from elsewhere; nobody has to read them who does not want to. */
function Others({ words }: { words: string[] }) {
  const [open, setOpen] = useState(false);
  if (words.length === 0) return null;
  return (
    <div className="flex flex-col gap-2 text-sm text-quiet">
      <p className="flex items-center gap-2">
        <span className="flex-1">{TEXT.builtin(words.length)}</span>
        <Button small kind="ghost" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? TEXT.builtinHide : TEXT.builtinShow}
        </Button>
      </p>
      {open && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by key
        <p tabIndex={0} className="max-h-40 overflow-y-auto rounded-card bg-house p-3 text-xs">
          {words.join(" · ")}
        </p>
      )}
    </div>
  );
}
