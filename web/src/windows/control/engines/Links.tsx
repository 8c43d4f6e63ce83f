import { Cable } from "lucide-react";
import { Badge, type Tone } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import type { LinkRow } from "../../../protocol/rest";
import { Listing } from "../Listing";
import { TEXT } from "./text";

const TONES: Record<LinkRow["state"], Tone> = {
  connecting: "gilt",
  up: "well",
  down: "trouble",
  refused: "trouble",
  stopped: "quiet",
};

/** The connections to other programs. */
export function Links() {
  return (
    <Card title={TEXT.links} icon={<Cable aria-hidden />}>
      <Listing topic="links" empty={{ icon: <Cable aria-hidden />, title: TEXT.linksEmpty, help: TEXT.linksEmptyHelp }}>
        {(rows) => (
          <ul className="flex flex-col gap-3 text-sm">
            {rows.map((row) => (
              <li key={row.name}>
                <p className="flex items-center gap-2">
                  <span className="truncate font-medium">{row.name}</span>
                  <span className="text-xs text-quiet">{row.kind}</span>
                  <span className="ml-auto">
                    <Badge tone={TONES[row.state]} dot={row.state === "connecting" ? "pulse" : true}>
                      {TEXT.linkStates[row.state]}
                    </Badge>
                  </span>
                </p>
                {row.detail && <p className="text-quiet">{row.detail}</p>}
              </li>
            ))}
          </ul>
        )}
      </Listing>
    </Card>
  );
}
