import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Eraser } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Confirm } from "../../../design/Confirm";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { useTopic } from "../useControl";
import { memory } from "./api";
import { TEXT } from "./text";

/** Makes the character forget a whole floor. */
export function Clear() {
  const { data: floors = [] } = useTopic("floors");
  const [floor, setFloor] = useState("public");
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const clear = useMutation({
    mutationFn: () => memory.clear(floor),
    onSuccess: () => {
      toast(TEXT.cleared(floor));
      return queries.invalidateQueries();
    },
    onError: (error) => toast(error.message, true),
  });
  const names = [...new Set(["public", floor, ...floors.map((each) => each.name)])];
  return (
    <Card title={TEXT.clear} icon={<Eraser aria-hidden />}>
      <p className="mb-4 text-sm text-quiet">{TEXT.clearHelp}</p>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <Select
          label={TEXT.floor}
          value={floor}
          options={names.map((value) => ({ value, text: value }))}
          onChange={setFloor}
        />
        <Button kind="danger" onClick={() => setAsked(true)} disabled={clear.isPending}>
          {TEXT.clearDo}
        </Button>
      </div>
      <Confirm
        open={asked}
        title={TEXT.clearTitle(floor)}
        description={TEXT.clearWarn}
        action={TEXT.clearDo}
        onConfirm={() => clear.mutate()}
        onClose={() => setAsked(false)}
      />
    </Card>
  );
}
