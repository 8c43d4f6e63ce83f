import { Timer } from "lucide-react";
import { seconds } from "../../design/StackedBar";
import { Tooltip } from "../../design/Tooltip";
import type { Timings } from "../../protocol/events";
import { useText } from "./text";

/** Moments of an answer, in seconds from the end of the partner's words; null where one never came. */
export function momentsOf(timings: Timings): { understood: number | null; word: number | null; sound: number | null } {
  const came = (value: number) => (value < 0 ? null : value);
  const start = Math.max(0, timings.recognised) + Math.max(0, timings.waited);
  const after = (value: number) => (value < 0 ? null : start + value);
  return {
    understood: came(timings.recognised),
    word: after(timings.first_token),
    sound: after(timings.first_sample),
  };
}

interface LatencyProps {
  value: number | null;
  open: boolean;
  onToggle: () => void;
}

/** How long the last answer took; a press shows of what that is made. */
export function Latency({ value, open, onToggle }: LatencyProps) {
  const words = useText();
  return (
    <Tooltip text={value === null ? words.latencyNone : words.latency}>
      <button
        type="button"
        aria-expanded={open}
        aria-label={value === null ? words.timesOf : `${words.timesOf}: ${seconds(value)}`}
        onClick={onToggle}
        className="inline-flex h-8 items-center gap-1.5 rounded-card text-sm text-quiet tabular-nums transition hover:text-ink"
      >
        <Timer aria-hidden className="size-4" />
        {value === null ? "–" : seconds(value)}
      </button>
    </Tooltip>
  );
}

interface TimesProps {
  timings: Timings | null;
  /** Seconds to the first sound as this window heard it. */
  heard: number | null;
}

/** How long the last answer took, from the end of the partner's words to each moment of it. */
export function Times({ timings, heard }: TimesProps) {
  const words = useText();
  const { understood, word, sound } = timings ? momentsOf(timings) : { understood: null, word: null, sound: null };
  const moments = [
    { name: words.times.understood, at: understood },
    { name: words.times.word, at: word },
    { name: words.times.sound, at: sound },
    { name: words.times.heard, at: heard },
  ];
  return (
    <section aria-label={words.timesOf} className="mx-auto mb-3 max-w-3xl animate-rise">
      <dl className="grid grid-cols-4 gap-px overflow-hidden rounded-card border border-line bg-line">
        {moments.map(({ name, at }) => (
          <div key={name} className="flex flex-col-reverse bg-house px-2 py-1.5 text-center">
            <dt className="text-xs text-quiet">{name}</dt>
            <dd className="text-sm font-medium tabular-nums">{at === null ? "–" : seconds(at)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
