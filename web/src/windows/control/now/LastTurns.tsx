import { History } from "lucide-react";
import { Card } from "../../../design/Card";
import { Listing } from "../Listing";
import { Turns } from "../timings/Turns";
import { TEXT } from "./text";

/** The last answers: what was heard of each, and how long each stage took. */
export function LastTurns() {
  return (
    <div className="max-lg:order-last">
      <Card title={TEXT.turns} icon={<History aria-hidden />}>
        <Listing
          topic="turns"
          empty={{ icon: <History aria-hidden />, title: TEXT.turnsEmpty, help: TEXT.turnsEmptyHelp }}
        >
          {(rows) => <Turns rows={rows} />}
        </Listing>
      </Card>
    </div>
  );
}
