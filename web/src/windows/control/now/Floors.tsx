import { Hourglass, Users } from "lucide-react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Listing } from "../Listing";
import { useTopic } from "../useControl";
import { TEXT } from "./text";

/** The conversations that are open, and who waits for one. */
export function Floors() {
  const waiting = useTopic("waiting");
  return (
    <Card title={TEXT.floors} icon={<Users aria-hidden />}>
      {waiting.data && waiting.data.waiting > 0 && (
        <p className="mb-3 flex items-center gap-2 text-sm text-gilt">
          <Hourglass aria-hidden className="size-4" />
          {TEXT.waitForFloor(waiting.data.waiting, waiting.data.seconds)}
        </p>
      )}
      <Listing
        topic="floors"
        empty={{ icon: <Users aria-hidden />, title: TEXT.floorsEmpty, help: TEXT.floorsEmptyHelp }}
      >
        {(rows) => (
          <ul className="flex flex-col gap-3 text-sm">
            {rows.map((row) => (
              <li key={row.name}>
                <p className="flex items-center gap-2">
                  <span className="truncate font-medium">{row.name}</span>
                  <span className="truncate text-quiet">
                    {row.partner || (row.name === "public" ? TEXT.publicFloor : TEXT.noPartner)}
                  </span>
                  <span className="ml-auto">
                    <Badge tone={row.speaking ? "live" : "quiet"} dot={row.speaking ? "pulse" : true}>
                      {TEXT.states[row.speaking ? "speaking" : row.turn ? "thinking" : "idle"]}
                    </Badge>
                  </span>
                </p>
                <p className="text-xs text-quiet">
                  {[
                    row.language,
                    row.outlet && `${TEXT.heardAt} ${row.outlet}`,
                    row.queue > 0 && `${row.queue} ${TEXT.waiting}`,
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </p>
              </li>
            ))}
          </ul>
        )}
      </Listing>
    </Card>
  );
}
