import { useMutation } from "@tanstack/react-query";
import { Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Dialog } from "../../../design/Dialog";
import { Field } from "../../../design/Field";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { ROLES, type Role, security } from "./api";
import { TEXT } from "./text";

/** Makes a token, and shows it once: what the program keeps cannot be shown again. */
export function MakeToken({ onMade, onClose }: { onMade: () => void; onClose: () => void }) {
  const toast = useToast();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("moderator");
  const make = useMutation({
    mutationFn: () => security.issue(name.trim(), role),
    onSuccess: onMade,
    onError: (error) => toast(error.message, true),
    gcTime: 0,
  });
  if (make.data) return <Once token={make.data.token} onClose={onClose} />;
  return (
    <Dialog title={TEXT.make} description={TEXT.makeHelp} open onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) make.mutate();
        }}
      >
        <Field
          label={TEXT.name}
          placeholder={TEXT.namePlaceholder}
          value={name}
          maxLength={60}
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <div className="flex flex-col gap-1">
          <span aria-hidden className="text-sm text-quiet">
            {TEXT.role}
          </span>
          <Select
            label={TEXT.role}
            value={role}
            options={ROLES.map((value) => ({ value, text: TEXT.roles[value] ?? value }))}
            onChange={(value) => setRole(value as Role)}
          />
          <p className="text-xs text-quiet">{TEXT.rolesHelp[role]}</p>
        </div>
        <Button kind="live" type="submit" className="self-end" disabled={!name.trim() || make.isPending}>
          {TEXT.make}
        </Button>
      </form>
    </Dialog>
  );
}

function Once({ token, onClose }: { token: string; onClose: () => void }) {
  const toast = useToast();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(token);
      toast(TEXT.copied);
    } catch {
      toast(TEXT.copyImpossible, true);
    }
  };
  return (
    <Dialog title={TEXT.made} description={TEXT.madeHelp} open onClose={onClose}>
      <div className="flex items-end gap-2">
        <Field
          label={TEXT.token}
          readOnly
          value={token}
          className="font-mono text-sm"
          onFocus={(event) => event.target.select()}
        />
        <Button onClick={() => void copy()}>
          <Copy aria-hidden className="size-4" />
          {TEXT.copy}
        </Button>
      </div>
      <Button kind="live" className="mt-4 w-full" onClick={onClose}>
        {TEXT.close}
      </Button>
    </Dialog>
  );
}
