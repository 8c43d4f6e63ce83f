import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Download, Hourglass, Upload } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Confirm } from "../../../design/Confirm";
import { Field } from "../../../design/Field";
import { useToast } from "../../../design/Toast";
import { database } from "./api";
import { bytes } from "./cells";
import { TEXT } from "./text";

/** Hand a file to whoever looks at the window. */
function download(name: string, file: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Everything that the program remembers in one file, out and in. */
export function Backup({ staged }: { staged: boolean }) {
  const toast = useToast();
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const [asked, setAsked] = useState(false);
  const failed = (error: Error) => toast(error.message, true);
  const backup = useMutation({
    mutationFn: database.backup,
    onSuccess: ({ name, file }) => {
      download(name, file);
      toast(TEXT.backupMade(name, bytes(file.size)));
    },
    onError: failed,
  });
  const restore = useMutation({
    mutationFn: (chosen: File) => database.restore(chosen),
    onSuccess: ({ detail }) => {
      toast(detail ?? TEXT.restored);
      return queries.invalidateQueries();
    },
    onError: failed,
    onSettled: () => setAsked(false),
  });
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
      <Card title={TEXT.backup} icon={<Download aria-hidden />}>
        <p className="mb-4 text-sm text-quiet">{TEXT.backupHelp}</p>
        <Button kind="live" disabled={backup.isPending} onClick={() => backup.mutate()}>
          <Download aria-hidden className="size-4" />
          {TEXT.backupDo}
        </Button>
      </Card>
      <Card title={TEXT.restore} icon={<Upload aria-hidden />}>
        <p className="mb-4 text-sm text-quiet">{TEXT.restoreHelp}</p>
        {staged && (
          <p role="status" className="mb-4 flex items-start gap-2 rounded-card bg-house px-3 py-2 text-sm">
            <Hourglass aria-hidden className="mt-0.5 size-4 shrink-0 text-gilt" />
            {TEXT.staged}
          </p>
        )}
        <div className="flex flex-col gap-4">
          <Field
            label={TEXT.restoreFile}
            type="file"
            className="h-auto! py-2 text-sm"
            onChange={(event) => setFile(event.target.files?.[0] ?? null)}
          />
          <Button
            kind="danger"
            className="self-start"
            disabled={!file || restore.isPending}
            onClick={() => setAsked(true)}
          >
            <Upload aria-hidden className="size-4" />
            {TEXT.restoreDo}
          </Button>
        </div>
      </Card>
      <Confirm
        open={asked}
        title={TEXT.restoreTitle}
        description={TEXT.restoreWarn(file?.name ?? "")}
        action={TEXT.restoreDo}
        onConfirm={() => file && restore.mutate(file)}
        onClose={() => setAsked(false)}
      />
    </div>
  );
}
