import type { ComponentProps, ReactNode } from "react";
import { cx } from "./cx";
import { Tooltip } from "./Tooltip";

type Kind = "live" | "plain" | "ghost" | "danger";

const KINDS: Record<Kind, string> = {
  live: "bg-live text-on-live hover:brightness-110 border-transparent",
  plain: "bg-raised text-ink border-line hover:bg-hover hover:border-edge",
  ghost: "text-quiet border-transparent hover:bg-hover hover:text-ink",
  danger: "bg-raised text-trouble border-trouble/60 hover:bg-trouble hover:text-house",
};

interface ButtonProps extends ComponentProps<"button"> {
  kind?: Kind;
  small?: boolean;
}

/** A button with words on it. */
export function Button({ kind = "plain", small, className, type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={cx(
        "inline-flex shrink-0 items-center justify-center gap-2 rounded-card border font-medium whitespace-nowrap transition select-none",
        "disabled:cursor-not-allowed disabled:opacity-45",
        small ? "h-8 px-3 text-sm" : "h-10 px-4",
        KINDS[kind],
        className,
      )}
      {...rest}
    />
  );
}

interface IconButtonProps extends Omit<ComponentProps<"button">, "aria-label"> {
  label: string;
  kind?: Kind;
  children: ReactNode;
}

/** A button with a picture on it; its label is read aloud and shown on hover. */
export function IconButton({ label, kind = "ghost", className, type = "button", ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label}>
      <button
        type={type}
        aria-label={label}
        className={cx(
          "inline-grid size-10 shrink-0 place-items-center rounded-card border transition",
          "disabled:cursor-not-allowed disabled:opacity-45 [&_svg]:size-5",
          KINDS[kind],
          className,
        )}
        {...rest}
      />
    </Tooltip>
  );
}
