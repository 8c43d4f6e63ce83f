import { useSyncExternalStore } from "react";
import { Tooltip } from "./Tooltip";

const format = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The wall clock in whole seconds since the epoch, once a second. */
export function useSeconds(): number {
  return useSyncExternalStore(subscribe, () => Math.floor(Date.now() / 1000));
}

/** How long ago (or how soon) `at` is, in words. Both are seconds. */
export function relative(at: number, now: number): string {
  const ago = Math.round(at - now);
  const size = Math.abs(ago);
  if (size < 5) return "now";
  if (size < 60) return format.format(ago, "second");
  if (size < 3600) return format.format(Math.round(ago / 60), "minute");
  if (size < 86_400) return format.format(Math.round(ago / 3600), "hour");
  return format.format(Math.round(ago / 86_400), "day");
}

/** A moment, told from now; the exact time on hover. */
export function RelativeTime({ at }: { at: number }) {
  const now = useSeconds();
  const when = new Date(at * 1000);
  return (
    <Tooltip text={absolute.format(when)}>
      <time dateTime={when.toISOString()} className="whitespace-nowrap">
        {relative(at, now)}
      </time>
    </Tooltip>
  );
}
