import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Confirm } from "../../../design/Confirm";
import { Dialog } from "../../../design/Dialog";
import { Area, Field } from "../../../design/Field";
import { RelativeTime } from "../../../design/RelativeTime";
import { Switch } from "../../../design/Switch";
import { useToast } from "../../../design/Toast";
import { type Column, database, type Row, type TableInfo } from "./api";
import { isMoment, shown, typed } from "./cells";
import { RowEdits } from "./Edits";
import { TEXT } from "./text";

interface RowDialogProps {
  table: TableInfo;
  row: Row;
  onClose: () => void;
}

/** One row of a table, of which some columns can be edited. */
export function RowDialog({ table, row, onClose }: RowDialogProps) {
  const toast = useToast();
  const queries = useQueryClient();
  const key = row[table.key] ?? "";
  const [draft, setDraft] = useState<Record<string, string>>({});
  const [asked, setAsked] = useState(false);
  const changed = Object.entries(draft).filter(([name, text]) => text !== String(row[name] ?? ""));
  const done = (said: string) => {
    toast(said);
    onClose();
    return queries.invalidateQueries({ queryKey: ["database"] });
  };
  const failed = (error: Error) => toast(error.message, true);
  const save = useMutation({
    mutationFn: async () => {
      const columns = new Map(table.columns.map((column) => [column.name, column]));
      const cells = changed.map(([name, text]) => [name, typed(columns.get(name) as Column, text)]);
      await database.edit(table.name, key, Object.fromEntries(cells));
    },
    onSuccess: () => done(TEXT.saved),
    onError: failed,
  });
  const remove = useMutation({
    mutationFn: () => database.remove(table.name, key),
    onSuccess: () => done(TEXT.removed),
    onError: failed,
  });
  return (
    <Dialog title={TEXT.row(table.name, String(key))} open onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        {table.columns.map((column) => (
          <Editable
            key={column.name}
            column={column}
            value={row[column.name] ?? null}
            draft={draft[column.name]}
            onChange={(text) => setDraft({ ...draft, [column.name]: text })}
          />
        ))}
        <div className="flex items-center gap-2 border-t border-line pt-4">
          {table.deletable ? (
            <Button kind="danger" onClick={() => setAsked(true)}>
              <Trash2 aria-hidden className="size-4" />
              {TEXT.remove}
            </Button>
          ) : (
            <p className="text-xs text-quiet">{TEXT.stays}</p>
          )}
          <Button kind="live" type="submit" className="ml-auto" disabled={changed.length === 0 || save.isPending}>
            {TEXT.save}
          </Button>
        </div>
        <RowEdits table={table.name} row={String(key)} />
      </form>
      <Confirm
        open={asked}
        title={TEXT.removeTitle}
        description={TEXT.removeHelp}
        action={TEXT.remove}
        onConfirm={() => remove.mutate()}
        onClose={() => setAsked(false)}
      />
    </Dialog>
  );
}

interface EditableProps {
  column: Column;
  value: Row[string];
  draft: string | undefined;
  onChange: (text: string) => void;
}

function Editable({ column, value = null, draft, onChange }: EditableProps) {
  if (!column.editable) {
    return (
      <div className="text-sm">
        <p className="text-quiet">
          {column.name} <span className="text-xs">· {TEXT.fixed}</span>
        </p>
        <p className="break-words">{isMoment(column, value) ? <RelativeTime at={value} /> : shown(value)}</p>
      </div>
    );
  }
  const text = draft ?? String(value ?? "");
  if (column.type === "boolean") {
    return <Switch label={column.name} checked={text === "true"} onChange={(on) => onChange(String(on))} />;
  }
  const long = text.length > 60 || text.includes("\n");
  return long ? (
    <Area label={column.name} rows={4} value={text} onChange={(event) => onChange(event.target.value)} />
  ) : (
    <Field label={column.name} value={text} onChange={(event) => onChange(event.target.value)} />
  );
}
