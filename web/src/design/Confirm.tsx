import { AlertDialog as Radix } from "radix-ui";
import { type ReactNode, useRef } from "react";
import { Button } from "./Button";

const TEXT = { cancel: "Leave it" };

interface ConfirmProps {
  open: boolean;
  title: string;
  /** What becomes of it, and whether it can be undone. */
  description: ReactNode;
  /** What the button that goes on says. */
  action: string;
  /** What the button that does nothing says. */
  cancel?: string;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something is done that is hard to undo; whoever presses Escape or Enter at once has done nothing. */
export function Confirm({ open, title, description, action, cancel = TEXT.cancel, onConfirm, onClose }: ConfirmProps) {
  const opener = useRef<Element | null>(null);
  return (
    <Radix.Root open={open} onOpenChange={(now) => !now && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 bg-black/60 backdrop-blur-xs" />
        <Radix.Content
          onOpenAutoFocus={() => {
            opener.current = document.activeElement;
          }}
          onCloseAutoFocus={(event) => {
            event.preventDefault();
            if (opener.current instanceof HTMLElement) opener.current.focus();
          }}
          className="fixed top-1/2 left-1/2 z-40 w-[min(28rem,calc(100vw-2rem))] -translate-x-1/2 -translate-y-1/2 animate-rise rounded-2xl border border-line bg-raised p-6 shadow-float outline-none"
        >
          <Radix.Title className="text-lg font-semibold">{title}</Radix.Title>
          <Radix.Description className="mt-2 text-quiet">{description}</Radix.Description>
          <div className="mt-6 flex flex-wrap justify-end gap-2">
            <Radix.Cancel asChild>
              <Button>{cancel}</Button>
            </Radix.Cancel>
            <Radix.Action asChild>
              <Button kind="danger" onClick={onConfirm}>
                {action}
              </Button>
            </Radix.Action>
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
