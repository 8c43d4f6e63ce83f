import { Switch as Radix } from "radix-ui";
import { type ReactNode, useId } from "react";

interface SwitchProps {
  label: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}

/** Something that is on or off. */
export function Switch({ label, checked, onChange, disabled }: SwitchProps) {
  const id = useId();
  return (
    <div className="inline-flex min-h-10 items-center gap-2">
      <Radix.Root
        id={id}
        checked={checked}
        onCheckedChange={onChange}
        disabled={disabled}
        className="h-6 w-10 shrink-0 rounded-full border border-edge bg-house p-0.5 transition data-[state=checked]:border-transparent data-[state=checked]:bg-live disabled:opacity-45"
      >
        <Radix.Thumb className="block size-4.5 rounded-full bg-quiet transition-transform data-[state=checked]:translate-x-4 data-[state=checked]:bg-on-live" />
      </Radix.Root>
      <label htmlFor={id} className="text-sm select-none">
        {label}
      </label>
    </div>
  );
}
