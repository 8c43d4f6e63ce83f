import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { cx } from "./cx";

interface DialogProps {
  title: string;
  description?: string;
  open: boolean;
  onClose: () => void;
  /** What closes it is called so. */
  close?: string;
  /** A sheet rises from the bottom edge, as suits a phone. */
  sheet?: boolean;
  children: ReactNode;
}

/** A part of the window in front of the rest, until it is closed. */
export function Dialog({ title, description, open, onClose, close = "Close", sheet, children }: DialogProps) {
  const opener = useRef<Element | null>(null);
  return (
    <Radix.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/60 backdrop-blur-xs" />
        <Radix.Content
          aria-describedby={description ? undefined : ""}
          // Radix gives the focus back to a trigger of its own only; here whatever had it is the opener.
          onOpenAutoFocus={() => {
            opener.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (opener.current instanceof HTMLElement) opener.current.focus();
          }}
          className={cx(
            "fixed z-40 flex animate-rise flex-col border border-line bg-raised shadow-float outline-none",
            sheet
              ? "inset-x-0 bottom-0 max-h-[85dvh] rounded-t-2xl pb-[env(safe-area-inset-bottom)]"
              : "top-1/2 left-1/2 max-h-[90dvh] w-[min(28rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 rounded-2xl",
          )}
        >
          <header className="flex items-center gap-4 border-b border-line px-4 py-3">
            <div className="flex-1">
              <Radix.Title className="font-semibold">{title}</Radix.Title>
              {description && <Radix.Description className="text-sm text-quiet">{description}</Radix.Description>}
            </div>
            <Radix.Close aria-label={close} className="rounded-md p-1 text-quiet hover:text-ink">
              <X aria-hidden className="size-5" />
            </Radix.Close>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
