import { Check, ChevronDown } from "lucide-react";
import { Select as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { cx } from "./cx";
import { nonce } from "./nonce";

interface SelectProps {
  label: string;
  value: string;
  options: { value: string; text: string; lang?: string }[];
  onChange: (value: string) => void;
  icon?: ReactNode;
  small?: boolean;
  className?: string;
}

/** A choice among a few. */
export function Select({ label, value, options, onChange, icon, small, className }: SelectProps) {
  return (
    <Radix.Root value={value} onValueChange={onChange}>
      <Radix.Trigger
        aria-label={label}
        className={cx(
          "inline-flex items-center gap-2 rounded-card border border-line bg-raised px-3 text-sm transition hover:border-edge hover:bg-hover [&>svg]:size-4 [&>svg]:text-quiet",
          small ? "h-8" : "h-10",
          className,
        )}
      >
        {icon}
        <Radix.Value />
        <ChevronDown aria-hidden className="ml-auto" />
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          position="popper"
          sideOffset={4}
          className="z-50 max-h-80 min-w-(--radix-select-trigger-width) animate-rise overflow-hidden rounded-card border border-line bg-raised p-1 shadow-float"
        >
          <Radix.Viewport nonce={nonce}>
            {options.map((option) => (
              <Radix.Item
                key={option.value}
                value={option.value}
                lang={option.lang}
                className="flex h-9 items-center justify-between gap-4 rounded-md px-3 text-sm outline-none data-highlighted:bg-hover"
              >
                <Radix.ItemText>{option.text}</Radix.ItemText>
                <Radix.ItemIndicator>
                  <Check aria-hidden className="size-4 text-gilt" />
                </Radix.ItemIndicator>
              </Radix.Item>
            ))}
          </Radix.Viewport>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
