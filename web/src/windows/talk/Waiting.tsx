import { Hourglass } from "lucide-react";
import { House } from "../../design/House";
import { useSeconds } from "../../design/RelativeTime";
import type { Status } from "../../protocol/client";
import { ConnectionBadge } from "../ConnectionBadge";
import { textFor } from "./text";

/** What stands in the window while all floors are taken: which place it has, and how long that may take. */
export function Waiting({ status, language }: { status: Status; language: string }) {
  const now = useSeconds();
  const words = textFor(language).waiting;
  const { place } = status;
  const left = place?.dueAt == null ? null : Math.max(0, place.dueAt / 1000 - now);
  return (
    <House className="grid h-dvh place-items-center p-6">
      <main
        lang={language}
        className="flex w-full max-w-md animate-rise flex-col items-center rounded-2xl border border-line bg-raised p-6 text-center shadow-float sm:p-8"
      >
        <Hourglass aria-hidden className="size-8 text-gilt" />
        <h1 className="mt-4 text-xl font-semibold text-balance">{place ? words.title : words.full}</h1>
        {place && (
          <p className="mt-6 text-6xl font-semibold text-gilt tabular-nums" aria-hidden>
            {place.place}
          </p>
        )}
        <p className="mt-4 text-lg" aria-live="polite">
          {place ? words.place(place.place) : words.fullHelp}
        </p>
        {place && (
          <p className="mt-1 text-quiet tabular-nums">
            {left === null ? words.unknown : left < 60 ? words.soon : words.minutes(Math.round(left / 60))}
          </p>
        )}
        {place && <p className="mt-6 text-sm text-balance text-quiet">{words.stay}</p>}
        {status.state === "waiting" && (
          <p className="mt-4">
            <ConnectionBadge status={place ? status : { ...status, refusal: null }} language={language} />
          </p>
        )}
      </main>
    </House>
  );
}
