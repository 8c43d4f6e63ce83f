import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Hand, Unplug } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Confirm } from "../../../design/Confirm";
import { Empty } from "../../../design/Empty";
import { Field } from "../../../design/Field";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { PEOPLE as TEXT } from "./text";
import { type Action, verdicts } from "./verdictApi";

const ACTIONS: Action[] = ["timeout", "ban", "warn", "allow"];
/** Seconds of a timeout that nobody has changed. */
const USUAL = 600;

/** To lay something on a viewer by hand, or to let them alone. */
export function ByHand({ links = [] }: { links?: string[] }) {
  const toast = useToast();
  const queries = useQueryClient();
  const [viewer, setViewer] = useState("");
  const [chosen, setLink] = useState("");
  const [action, setAction] = useState<Action>("timeout");
  const [length, setLength] = useState(String(USUAL));
  const [reason, setReason] = useState("");
  const [asking, setAsking] = useState(false);
  const link = links.includes(chosen) ? chosen : (links[0] ?? "");
  const seconds = action === "timeout" ? Number(length) : 0;
  const lay = useMutation({
    mutationFn: () => verdicts.lay({ viewer: viewer.trim(), link, action, reason: reason.trim(), seconds }),
    onSuccess: () => {
      toast(TEXT.accepted);
      setViewer("");
      setReason("");
    },
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["verdicts"] }),
  });
  return (
    <Card title={TEXT.hand} icon={<Hand aria-hidden />}>
      {links.length === 0 ? (
        <Empty small icon={<Unplug aria-hidden />} title={TEXT.handNo}>
          {TEXT.handNoHelp}
        </Empty>
      ) : (
        <form
          className="flex flex-col gap-3"
          onSubmit={(event) => {
            event.preventDefault();
            setAsking(true);
          }}
        >
          <Field
            label={TEXT.viewer}
            hint={TEXT.viewerHint}
            required
            maxLength={300}
            value={viewer}
            onChange={(event) => setViewer(event.target.value)}
          />
          <div className="flex flex-wrap gap-2">
            <Select
              label={TEXT.link}
              value={link}
              options={links.map((value) => ({ value, text: value }))}
              onChange={setLink}
            />
            <Select
              label={TEXT.action}
              value={action}
              options={ACTIONS.map((value) => ({ value, text: TEXT.actions[value] ?? value }))}
              onChange={(value) => setAction(value as Action)}
            />
          </div>
          {action === "timeout" && (
            <Field
              label={TEXT.seconds}
              type="number"
              min={1}
              max={1_209_600}
              required
              value={length}
              onChange={(event) => setLength(event.target.value)}
            />
          )}
          <Field
            label={TEXT.reason}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
          <Button type="submit" className="self-end" disabled={viewer.trim().length < 3 || lay.isPending}>
            {action === "allow" ? TEXT.lift : TEXT.lay}
          </Button>
          <Confirm
            open={asking}
            title={TEXT.sure(TEXT.what(action, seconds), viewer.trim())}
            description={TEXT.sureHelp}
            action={action === "allow" ? TEXT.lift : TEXT.lay}
            onConfirm={() => lay.mutate()}
            onClose={() => setAsking(false)}
          />
        </form>
      )}
    </Card>
  );
}
