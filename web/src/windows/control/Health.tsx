import { useMutation } from "@tanstack/react-query";
import { Cable, Cpu, Server, Users } from "lucide-react";
import { useState } from "react";
import { Badge, type Tone } from "../../design/Badge";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Select } from "../../design/Select";
import { seconds } from "../../design/StackedBar";
import { useToast } from "../../design/Toast";
import { type EngineRow, type FoundRow, type LinkRow, rest } from "../../protocol/rest";
import { Listing } from "./Listing";
import { TEXT } from "./text";

const ENGINE_TONES: Record<EngineRow["state"], Tone> = {
  ready: "well",
  resting: "trouble",
  probing: "gilt",
  missing: "quiet",
};
const LINK_TONES: Record<LinkRow["state"], Tone> = {
  connecting: "gilt",
  up: "well",
  down: "trouble",
  refused: "trouble",
  stopped: "quiet",
};
const amount = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** The engines of each chain, in the order in which they are asked. */
export function Engines() {
  return (
    <Card title={TEXT.engines} icon={<Cpu aria-hidden />}>
      <Listing
        topic="engines"
        empty={{ icon: <Cpu aria-hidden />, title: TEXT.enginesEmpty, help: TEXT.enginesEmptyHelp }}
      >
        {(rows) => (
          <div className="flex flex-col gap-4">
            {chains(rows).map(([kind, chain]) => (
              <div key={kind}>
                <h3 className="mb-2 text-xs font-semibold tracking-wide text-quiet uppercase">
                  {TEXT.kinds[kind] ?? kind}
                </h3>
                <ol className="flex flex-col gap-3">
                  {chain.map((row, index) => (
                    <Engine key={row.name} row={row} place={index} />
                  ))}
                </ol>
              </div>
            ))}
          </div>
        )}
      </Listing>
    </Card>
  );
}

/** The rows by kind; kinds and rows stay in their order. */
function chains(rows: EngineRow[]): [string, EngineRow[]][] {
  const kinds = [...new Set(rows.map((row) => row.kind))];
  return kinds.map((kind) => [kind, rows.filter((row) => row.kind === kind)]);
}

function Engine({ row, place }: { row: EngineRow; place: number }) {
  const used = Object.entries(row.used).map(([unit, much]) => `${amount.format(much)} ${unit}`);
  const facts = [
    `${row.calls} ${TEXT.calls}`,
    row.failures > 0 && `${row.failures} ${TEXT.failures}`,
    row.last_ms !== null && row.last_ms >= 0 && `${TEXT.last} ${seconds(row.last_ms / 1000)}`,
    ...used,
  ];
  return (
    <li className="text-sm">
      <p className="flex items-center gap-2">
        <span className="truncate font-medium">{row.name}</span>
        <span className="truncate text-xs text-quiet">{place === 0 ? TEXT.first : TEXT.understudy(place)}</span>
        <span className="ml-auto">
          <Badge tone={ENGINE_TONES[row.state]} dot>
            {TEXT.engineStates[row.state]}
          </Badge>
        </span>
      </p>
      {row.detail && <p className={row.state === "ready" ? "text-quiet" : "text-ink"}>{row.detail}</p>}
      <p className="text-xs text-quiet tabular-nums">{facts.filter(Boolean).join(" · ")}</p>
    </li>
  );
}

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
                    <Badge tone={LINK_TONES[row.state]} dot>
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

/** Model servers that run on this machine anyway. */
export function Found() {
  return (
    <Card title={TEXT.found} icon={<Server aria-hidden />}>
      <Listing
        topic="found"
        empty={{ icon: <Server aria-hidden />, title: TEXT.foundEmpty, help: TEXT.foundEmptyHelp }}
      >
        {(rows) => (
          <ul className="flex flex-col gap-4 text-sm">
            {rows.map((row) => (
              <FoundServer key={row.url} row={row} />
            ))}
          </ul>
        )}
      </Listing>
    </Card>
  );
}

function FoundServer({ row }: { row: FoundRow }) {
  const toast = useToast();
  const [model, setModel] = useState(row.models[0] ?? "");
  const choose = useMutation({
    mutationFn: () => rest.chooseBrain(row.url, model),
    onSuccess: () => toast(TEXT.used(model)),
    onError: (error) => toast(error.message, true),
  });
  return (
    <li className="flex flex-wrap items-center gap-2">
      <div className="min-w-0 flex-1">
        <p className="font-medium">{row.name}</p>
        <p className="truncate text-xs text-quiet">{row.url}</p>
      </div>
      {row.models.length > 0 && (
        <Select
          label={TEXT.model}
          value={model}
          options={row.models.map((value) => ({ value, text: value }))}
          onChange={setModel}
          small
          className="max-w-44"
        />
      )}
      <Button small onClick={() => choose.mutate()} disabled={!model || choose.isPending}>
        {TEXT.use}
      </Button>
    </li>
  );
}

/** The conversations that are open. */
export function Floors() {
  return (
    <Card title={TEXT.floors} icon={<Users aria-hidden />}>
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
