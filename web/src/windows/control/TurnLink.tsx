import { ScrollText } from "lucide-react";
import { Link } from "react-router";

import { Tooltip } from "../../design/Tooltip";

/** The way from anything that was said to its turn in the log. */
export function TurnLink({ turn, label }: { turn: string; label: string }) {
  return (
    <Tooltip text={label}>
      <Link
        to={`/control/log?turn=${encodeURIComponent(turn)}`}
        aria-label={label}
        className="grid size-8 shrink-0 place-items-center rounded-card text-quiet transition hover:bg-hover hover:text-ink"
      >
        <ScrollText aria-hidden className="size-4" />
      </Link>
    </Tooltip>
  );
}
