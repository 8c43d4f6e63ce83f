import { Pencil } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { Badge } from "../../../design/Badge";
import { IconButton } from "../../../design/Button";
import { RelativeTime } from "../../../design/RelativeTime";
import { useMay } from "../desk";
import type { Fact } from "./api";
import { FactDialog } from "./FactDialog";
import { TEXT } from "./text";

interface FactRowProps {
  fact: Fact;
  /** Say of whom it is, with the way there. */
  whose?: boolean;
}

/** A fact, the words that it came from, and the means to edit it. */
export function FactRow({ fact, whose }: FactRowProps) {
  const [open, setOpen] = useState(false);
  const operator = useMay("operator");
  return (
    <li className="flex gap-2 py-3 text-sm">
      <div className="min-w-0 flex-1">
        <p className="break-words">{fact.text}</p>
        {fact.quote && (
          <blockquote className="mt-1 border-l-2 border-gilt/60 pl-2 break-words text-quiet">“{fact.quote}”</blockquote>
        )}
        <p className="mt-1.5 flex flex-wrap items-center gap-x-2 gap-y-1 text-xs text-quiet">
          {fact.key && <Badge>{fact.key}</Badge>}
          <span>{fact.scope}</span>
          {whose && <Whose viewer={fact.viewer} />}
          <RelativeTime at={fact.at} />
        </p>
      </div>
      {operator && (
        <IconButton label={TEXT.edit(fact.text)} onClick={() => setOpen(true)}>
          <Pencil aria-hidden />
        </IconButton>
      )}
      {open && <FactDialog fact={fact} onClose={() => setOpen(false)} />}
    </li>
  );
}

/** Of whom a fact is: a viewer, or whoever spoke on a floor without being known as one. */
function Whose({ viewer }: { viewer: string }) {
  if (viewer.startsWith("floor:")) return TEXT.partner;
  return (
    <span className="min-w-0 truncate">
      {TEXT.of}{" "}
      <Link
        to={`/control/people?viewer=${encodeURIComponent(viewer)}`}
        className="text-ink underline decoration-edge underline-offset-2"
      >
        {viewer}
      </Link>
    </span>
  );
}
