import { Badge } from "../../../design/Badge";
import { PEOPLE as TEXT } from "./text";
import type { Evidence } from "./verdictApi";

/** What counted against a message, each with its weight, and the sum. */
export function Proof({ found, score }: { found: Evidence[]; score: number }) {
  return (
    <ul aria-label={TEXT.evidence} className="flex flex-wrap gap-1.5">
      {found.map(({ kind, weight, detail }) => (
        <li key={`${kind} ${detail}`} title={detail || undefined} className="max-w-full overflow-hidden">
          <Badge>
            {TEXT.kinds[kind] ?? kind}
            {detail && <bdi className="max-w-40 truncate font-normal">{detail}</bdi>}
            {weight > 0 && <span className="tabular-nums">+{weight}</span>}
          </Badge>
        </li>
      ))}
      <li>
        <Badge tone="gilt">{TEXT.score(score)}</Badge>
      </li>
    </ul>
  );
}
