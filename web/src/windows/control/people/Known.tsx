import { useQuery } from "@tanstack/react-query";
import { Brain, MessagesSquare } from "lucide-react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { Loaded } from "../Loaded";
import { FactRow } from "../memory/FactRow";
import { TurnLink } from "../TurnLink";
import { type ExchangeRow, people } from "./api";
import { TEXT } from "./text";

/** The facts about a viewer, each with the words that it came from. */
export function Known({ id }: { id: string }) {
  const facts = useQuery({ queryKey: ["facts", "of", id], queryFn: () => people.facts(id) });
  return (
    <Card title={TEXT.known} icon={<Brain aria-hidden />}>
      <Loaded query={facts}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty small icon={<Brain aria-hidden />} title={TEXT.knownEmpty}>
              {TEXT.knownEmptyHelp}
            </Empty>
          ) : (
            <ul className="-my-3 divide-y divide-line">
              {rows.map((fact) => (
                <FactRow key={fact.id} fact={fact} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}

/** What a viewer said to the character of late, and what was heard in answer. */
export function Exchanges({ rows }: { rows: ExchangeRow[] }) {
  return (
    <Card title={TEXT.exchanges} icon={<MessagesSquare aria-hidden />}>
      {rows.length === 0 ? (
        <Empty small icon={<MessagesSquare aria-hidden />} title={TEXT.exchangesEmpty}>
          {TEXT.exchangesEmptyHelp}
        </Empty>
      ) : (
        <ol className="-my-3 divide-y divide-line">
          {rows.map((row) => (
            <li key={row.turn} className="flex gap-2 py-3 text-sm">
              <div className="min-w-0 flex-1">
                <p className="break-words text-quiet">
                  {row.said.join(" / ")} · <RelativeTime at={row.at} />
                </p>
                <p className="mt-1 break-words">
                  {row.heard || TEXT.nothingHeard}
                  {row.cut && row.heard && (
                    <span className="ml-2">
                      <Badge tone="gilt">{TEXT.cut}</Badge>
                    </span>
                  )}
                </p>
              </div>
              <TurnLink turn={row.turn} label={TEXT.toLog} />
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
