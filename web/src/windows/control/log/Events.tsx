import { CornerDownRight } from "lucide-react";
import { memo, useState } from "react";
import { Badge } from "../../../design/Badge";
import { IconButton } from "../../../design/Button";
import { cx } from "../../../design/cx";
import { RelativeTime } from "../../../design/RelativeTime";
import { Emoted } from "../../../emotes/Emoted";
import type { Logged } from "./api";
import { TEXT } from "./text";
import { SAID, spoken, told, tone } from "./told";

interface EventsProps {
  events: Logged[];
  /** Called with a turn that somebody wants to see; absent where one is shown already. */
  onTurn?: (turn: string) => void;
}

/** Events, one in a row. */
export function Events({ events, onTurn }: EventsProps) {
  return (
    <ol aria-label={TEXT.list} className="-mx-4 -my-2 divide-y divide-line">
      {events.map((logged) => (
        <Row key={logged.seq} logged={logged} onTurn={onTurn} />
      ))}
    </ol>
  );
}

interface RowProps {
  logged: Logged;
  onTurn?: (turn: string) => void;
}

/** An event never changes: a row is drawn once, however often the events around it are asked for. */
const Row = memo(EventRow, (before, after) => before.logged.seq === after.logged.seq && before.onTurn === after.onTurn);

function EventRow({ logged: { event }, onTurn }: RowProps) {
  const [open, setOpen] = useState(false);
  const turn = "turn" in event ? event.turn : "";
  const text = told(event);
  return (
    <li className="px-4 py-1.5 text-sm hover:bg-hover">
      <div className="flex min-h-8 items-center gap-x-3 max-sm:flex-wrap">
        <span className="w-20 shrink-0 text-xs text-quiet tabular-nums sm:w-24">
          <RelativeTime at={event.at} />
        </span>
        <span className="shrink-0 sm:w-36">
          <Badge tone={tone(event)}>{spoken(event.type)}</Badge>
        </span>
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className={cx(
            "min-w-0 flex-1 self-stretch text-left max-sm:order-last max-sm:basis-full",
            open ? "break-words" : "truncate",
          )}
        >
          {text ? (
            <Emoted text={text} said={SAID.has(event.type)} />
          ) : (
            <span className="text-quiet">{TEXT.details}</span>
          )}
        </button>
        <span className="hidden w-24 shrink-0 truncate text-right text-xs text-quiet lg:block">{event.floor}</span>
        {onTurn && (
          <span className="ml-auto flex h-8 w-8 shrink-0">
            {turn && (
              <IconButton label={TEXT.toTurn} className="size-8! [&_svg]:size-4!" onClick={() => onTurn(turn)}>
                <CornerDownRight aria-hidden />
              </IconButton>
            )}
          </span>
        )}
      </div>
      {open && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by key
        <pre tabIndex={0} className="mt-2 mb-1 max-h-64 overflow-auto rounded-card bg-house p-3 text-xs">
          {JSON.stringify(event, null, 2)}
        </pre>
      )}
    </li>
  );
}
