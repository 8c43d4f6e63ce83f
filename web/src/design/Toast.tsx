import { X } from "lucide-react";
import { Toast as Radix } from "radix-ui";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { cx } from "./cx";

interface Message {
  id: number;
  text: string;
  trouble: boolean;
}

const Say = createContext<(text: string, trouble?: boolean) => void>(() => {});

/** Returns what shows a short message for some seconds. */
export const useToast = () => useContext(Say);

let last = 0;

/** Where the short messages of a window appear. */
export function ToastHouse({ children }: { children: ReactNode }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const say = useCallback((text: string, trouble = false) => {
    setMessages((all) => [...all.filter((each) => each.text !== text), { id: ++last, text, trouble }].slice(-3));
  }, []);
  const forget = (id: number) => setMessages((all) => all.filter((each) => each.id !== id));
  return (
    <Say value={say}>
      <Radix.Provider duration={6000}>
        {children}
        {messages.map((message) => (
          <Radix.Root
            key={message.id}
            onOpenChange={(open) => !open && forget(message.id)}
            className={cx(
              "flex animate-rise items-start gap-3 rounded-card border bg-raised p-3 text-sm shadow-float",
              message.trouble ? "border-trouble" : "border-line",
            )}
          >
            <Radix.Description className="flex-1">{message.text}</Radix.Description>
            <Radix.Close aria-label="Close" className="text-quiet hover:text-ink">
              <X aria-hidden className="size-4" />
            </Radix.Close>
          </Radix.Root>
        ))}
        <Radix.Viewport className="fixed top-16 right-4 z-50 flex w-80 max-w-[calc(100vw-2rem)] flex-col gap-2 outline-none" />
      </Radix.Provider>
    </Say>
  );
}
