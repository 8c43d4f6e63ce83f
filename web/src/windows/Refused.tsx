import { KeyRound } from "lucide-react";
import { useState } from "react";
import { Button } from "../design/Button";
import { Field } from "../design/Field";
import { House } from "../design/House";
import { useSeconds } from "../design/RelativeTime";
import { Switch } from "../design/Switch";
import type { Status } from "../protocol/client";
import { keepToken, token as keptToken } from "../protocol/token";
import { doorFor } from "./door";

interface RefusedProps {
  status: Status;
  retry: () => void;
  /** The language of who stands before it. */
  language?: string;
}

/** What stands in a window that the program does not let in, and what to do about it. */
export function Refused({ status, retry, language = "en" }: RefusedProps) {
  const words = doorFor(language);
  const [token, setToken] = useState("");
  const [stay, setStay] = useState(false);
  const now = useSeconds();
  // Too many wrong tokens came from here: the right one is asked for all the same.
  const key = status.refusal?.code === "token" || status.refusal?.code === "wait";
  const left = status.retryAt === null ? 0 : Math.ceil(status.retryAt / 1000 - now);
  return (
    <House className="grid h-dvh place-items-center p-6">
      <main
        lang={language}
        className="w-full max-w-md animate-rise rounded-2xl border border-line bg-raised p-6 shadow-float sm:p-8"
      >
        <KeyRound aria-hidden className="size-8 text-gilt" />
        <h1 className="mt-4 text-xl font-semibold">{key ? words.keyTitle : words.otherTitle}</h1>
        {key && <p className="mt-2 text-quiet">{words.keyHelp}</p>}
        {status.refusal && (
          <p role="alert" lang="en" className="mt-3 rounded-card bg-house p-3 text-sm text-quiet">
            {status.refusal.message}
          </p>
        )}
        {left > 0 && <p className="mt-2 text-sm text-quiet tabular-nums">{words.wait(left)}</p>}
        <form
          className="mt-6 flex flex-wrap items-end gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            if (key && token.trim()) keepToken(token.trim(), stay);
            retry();
          }}
        >
          {key && (
            <Field
              label={words.token}
              type="password"
              autoComplete="off"
              value={token}
              onChange={(event) => setToken(event.target.value)}
            />
          )}
          <Button kind="live" type="submit" disabled={key && !token.trim() && !keptToken()}>
            {key ? words.enter : words.retry}
          </Button>
          {key && (
            <div className="w-full">
              <Switch label={words.stay} checked={stay} onChange={setStay} />
            </div>
          )}
        </form>
      </main>
    </House>
  );
}
