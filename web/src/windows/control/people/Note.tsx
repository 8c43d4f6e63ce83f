import { useMutation, useQueryClient } from "@tanstack/react-query";
import { NotebookPen } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Area } from "../../../design/Field";
import { useToast } from "../../../design/Toast";
import { people, type ViewerDetail } from "./api";
import { TEXT } from "./text";

/** What those who look after the show write down about a viewer. */
export function Note({ viewer }: { viewer: ViewerDetail }) {
  const [edited, setEdited] = useState<string | null>(null);
  const queries = useQueryClient();
  const toast = useToast();
  const text = edited ?? viewer.note;
  const keep = useMutation({
    mutationFn: () => people.note(viewer.id, text.trim()),
    onSuccess: async () => {
      toast(TEXT.noteKept);
      await queries.invalidateQueries({ queryKey: ["viewer", viewer.id] });
      setEdited(null);
      await queries.invalidateQueries({ queryKey: ["viewers"] });
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <Card title={TEXT.note} icon={<NotebookPen aria-hidden />}>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate();
        }}
      >
        <Area
          quiet
          rows={2}
          label={TEXT.noteLabel}
          hint={TEXT.noteHint}
          placeholder={TEXT.notePlaceholder}
          value={text}
          maxLength={2000}
          onChange={(event) => setEdited(event.target.value)}
        />
        <Button
          small
          type="submit"
          className="self-end"
          disabled={edited === null || edited.trim() === viewer.note || keep.isPending}
        >
          {TEXT.keep}
        </Button>
      </form>
    </Card>
  );
}
