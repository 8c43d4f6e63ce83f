import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Server } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { type FoundRow, rest } from "../../../protocol/rest";
import { Listing } from "../Listing";
import { TEXT } from "./text";

/** Model servers that run on this machine anyway. */
export function Found() {
  return (
    <Card title={TEXT.found} icon={<Server aria-hidden />}>
      <Listing
        topic="found"
        empty={{ icon: <Server aria-hidden />, title: TEXT.foundEmpty, help: TEXT.foundEmptyHelp }}
      >
        {(rows) => (
          <ul className="flex flex-col gap-4 text-sm">
            {rows.map((row) => (
              <FoundServer key={row.url} row={row} />
            ))}
          </ul>
        )}
      </Listing>
    </Card>
  );
}

function FoundServer({ row }: { row: FoundRow }) {
  const toast = useToast();
  const queries = useQueryClient();
  const [model, setModel] = useState(row.models[0] ?? "");
  const choose = useMutation({
    mutationFn: () => rest.chooseBrain(row.url, model),
    onSuccess: () => {
      toast(TEXT.used(model));
      return queries.invalidateQueries({ queryKey: ["engines"] });
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <li className="flex flex-wrap items-center gap-2">
      <div className="min-w-0 flex-1">
        <p className="font-medium">{row.name}</p>
        <p className="truncate text-xs text-quiet">{row.url}</p>
      </div>
      {row.models.length > 0 && (
        <Select
          label={TEXT.model}
          value={model}
          options={row.models.map((value) => ({ value, text: value }))}
          onChange={setModel}
          small
          className="max-w-44"
        />
      )}
      <Button small onClick={() => choose.mutate()} disabled={!model || choose.isPending}>
        {TEXT.use}
      </Button>
    </li>
  );
}
