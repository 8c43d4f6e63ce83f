import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Megaphone, NotebookPen } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { endsComposition } from "../../../design/composition";
import { Area } from "../../../design/Field";
import { Switch } from "../../../design/Switch";
import { useToast } from "../../../design/Toast";
import { rest } from "../../../protocol/rest";
import { useTopic } from "../useControl";
import { FloorSelect } from "./Now";
import { TEXT } from "./text";

/** Ask the character, or have words said as they stand. */
export function Ask() {
  const toast = useToast();
  const [text, setText] = useState("");
  const [verbatim, setVerbatim] = useState(false);
  const [floor, setFloor] = useState("public");
  const ask = useMutation({
    mutationFn: (said: string) => rest.ask(said, verbatim, floor),
    onSuccess: () => toast(TEXT.asked),
    onError: (error, said) => {
      setText((since) => (since ? `${said}\n${since}` : said));
      toast(error.message, true);
    },
  });
  return (
    <Card title={TEXT.ask} icon={<Megaphone aria-hidden />} aside={<FloorSelect floor={floor} setFloor={setFloor} />}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (!text.trim()) return;
          // Taken away at once: who presses twice while the first is on its way asks once.
          setText("");
          ask.mutate(text.trim());
        }}
      >
        <Area
          quiet
          rows={2}
          label={verbatim ? TEXT.sayLabel : TEXT.askLabel}
          placeholder={verbatim ? TEXT.sayPlaceholder : TEXT.askPlaceholder}
          value={text}
          maxLength={2000}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || endsComposition(event)) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
        />
        <div className="flex items-center justify-between gap-2">
          <Switch label={TEXT.verbatim} checked={verbatim} onChange={setVerbatim} />
          <Button kind="live" type="submit" disabled={!text.trim()}>
            {verbatim ? TEXT.sayDo : TEXT.askDo}
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** The line that tells the character what is going on. */
export function Context() {
  const toast = useToast();
  const queries = useQueryClient();
  const { data } = useTopic("show");
  const [edited, setEdited] = useState<string | null>(null);
  const kept = data?.character.context ?? "";
  const text = edited ?? kept;
  const keep = useMutation({
    mutationFn: () => rest.setContext(text.trim()),
    onSuccess: async () => {
      toast(TEXT.contextKept);
      await queries.invalidateQueries({ queryKey: ["show"] });
      setEdited(null);
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <Card title={TEXT.context} icon={<NotebookPen aria-hidden />}>
      <form
        className="flex items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate();
        }}
      >
        <Area
          rows={2}
          label={TEXT.contextLabel}
          placeholder={TEXT.contextPlaceholder}
          value={text}
          maxLength={500}
          onChange={(event) => setEdited(event.target.value)}
        />
        <Button type="submit" disabled={edited === null || edited.trim() === kept || keep.isPending}>
          {TEXT.contextKeep}
        </Button>
      </form>
    </Card>
  );
}
