import { Cable } from "lucide-react";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { useMay } from "../desk";
import { Loaded } from "../Loaded";
import { useTopic } from "../useControl";
import { Connection } from "./Connection";
import { TEXT } from "./text";
import { Ways } from "./Ways";

/** Where the show reaches people: how each connection fares, and how to make another. */
export function ConnectionsPage() {
  const mayConnect = useMay("operator");
  return (
    <Loaded query={useTopic("connections")}>
      {(rows) => (
        <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
          <div className="flex min-w-0 flex-col gap-4">
            {rows.map((row) => (
              <Connection key={row.name} row={row} />
            ))}
            {rows.length === 0 && (
              <Card title={TEXT.title} icon={<Cable aria-hidden />}>
                <Empty icon={<Cable aria-hidden />} title={TEXT.empty}>
                  {TEXT.emptyHelp}
                </Empty>
              </Card>
            )}
          </div>
          {mayConnect && <Ways taken={rows.map((row) => row.platform)} />}
        </div>
      )}
    </Loaded>
  );
}
