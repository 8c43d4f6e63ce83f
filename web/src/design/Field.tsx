import { type ComponentProps, type ReactNode, useId } from "react";
import { cx } from "./cx";

const BOX =
  "w-full min-w-0 rounded-card border border-edge/60 bg-house px-3 text-ink placeholder:text-quiet transition hover:border-edge focus:border-gilt focus:outline-none focus:ring-2 focus:ring-gilt/40 disabled:opacity-50";

interface Labelled {
  label: string;
  /** Keep the label for those who cannot see only. */
  quiet?: boolean;
  hint?: ReactNode;
}

function Around({ id, label, quiet, hint, children }: Labelled & { id: string; children: ReactNode }) {
  return (
    <div className="flex min-w-0 flex-1 flex-col gap-1">
      <label htmlFor={id} className={quiet ? "sr-only" : "text-sm text-quiet"}>
        {label}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className="text-xs text-quiet">
          {hint}
        </p>
      )}
    </div>
  );
}

/** One line of text to type. */
export function Field({ label, quiet, hint, className, ...rest }: Labelled & ComponentProps<"input">) {
  const id = useId();
  return (
    <Around id={id} label={label} quiet={quiet} hint={hint}>
      <input
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className={cx(BOX, "h-10", className)}
        {...rest}
      />
    </Around>
  );
}

/** Several lines of text to type. */
export function Area({ label, quiet, hint, className, ...rest }: Labelled & ComponentProps<"textarea">) {
  const id = useId();
  return (
    <Around id={id} label={label} quiet={quiet} hint={hint}>
      <textarea
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className={cx(BOX, "resize-none py-2", className)}
        {...rest}
      />
    </Around>
  );
}
