import { ChevronsUp, ScrollText, SearchX } from "lucide-react";
import { useCallback, useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { Search } from "../../../design/Search";
import { Select } from "../../../design/Select";
import { Switch } from "../../../design/Switch";
import { Loaded } from "../Loaded";
import { useTopic } from "../useControl";
import { Events } from "./Events";
import { TurnCard } from "./TurnCard";
import { TEXT } from "./text";
import { KINDS, spoken } from "./told";
import { turnOf } from "./turn";
import { useFilters, useHistory } from "./useHistory";

const EVERY = "*";
const number = new Intl.NumberFormat("en");

/** Everything that happened, newest first; what belongs to one turn is one click away. */
export function Log() {
  const [filters, amend] = useFilters();
  const [live, setLive] = useState(true);
  const { page, atNewest, hasOlder, toOlder, toNewest } = useHistory(filters, live);
  const filtered = Object.values(filters).some(Boolean);
  const shown = page.data?.events ?? [];
  const toTurn = useCallback((turn: string) => amend({ turn }), [amend]);
  const clear = () => amend({ q: "", kind: "", floor: "", turn: "" });
  return (
    <div className="flex flex-col gap-4">
      {filters.turn && (
        <TurnCard
          turn={turnOf(filters.turn, shown.map((each) => each.event).reverse())}
          onLeave={() => amend({ turn: "" })}
        />
      )}
      <Card
        title={TEXT.log}
        icon={<ScrollText aria-hidden />}
        aside={page.data && <span className="tabular-nums">{TEXT.remembered(number.format(page.data.total))}</span>}
      >
        <div className="mb-4 flex flex-wrap items-center gap-2">
          <Search
            label={TEXT.search}
            placeholder={TEXT.searchPlaceholder}
            value={filters.q}
            onChange={(q) => amend({ q })}
          />
          <Select
            label={TEXT.kind}
            value={filters.kind || EVERY}
            options={[
              { value: EVERY, text: TEXT.everyKind },
              ...KINDS.map((value) => ({ value, text: spoken(value) })),
            ]}
            onChange={(kind) => amend({ kind: kind === EVERY ? "" : kind })}
          />
          <FloorFilter floor={filters.floor} onChange={(floor) => amend({ floor })} />
          <Switch label={TEXT.live} checked={live && atNewest} disabled={!atNewest} onChange={setLive} />
        </div>
        <Loaded query={page}>
          {({ events }) =>
            events.length === 0 ? (
              <Empty
                icon={filtered ? <SearchX aria-hidden /> : <ScrollText aria-hidden />}
                title={filtered ? TEXT.none : TEXT.empty}
              >
                <p>{filtered ? TEXT.noneHelp : TEXT.emptyHelp}</p>
                {filtered && (
                  <Button small onClick={clear} className="mt-3">
                    {TEXT.clear}
                  </Button>
                )}
              </Empty>
            ) : (
              <Events events={events} onTurn={filters.turn ? undefined : toTurn} />
            )
          }
        </Loaded>
        {(hasOlder || !atNewest) && (
          <div className="mt-4 flex justify-end gap-2">
            <Button small disabled={atNewest} onClick={toNewest}>
              <ChevronsUp aria-hidden className="size-4" />
              {TEXT.newest}
            </Button>
            <Button small disabled={!hasOlder || page.isPlaceholderData} onClick={toOlder}>
              {TEXT.older}
            </Button>
          </div>
        )}
      </Card>
    </div>
  );
}

/** Which floor's events are shown; one that has closed can still be asked for by its name in the address. */
function FloorFilter({ floor, onChange }: { floor: string; onChange: (floor: string) => void }) {
  const { data = [] } = useTopic("floors");
  const names = [...new Set(["public", ...data.map((each) => each.name), ...(floor ? [floor] : [])])];
  return (
    <Select
      label={TEXT.floor}
      value={floor || EVERY}
      options={[{ value: EVERY, text: TEXT.everyFloor }, ...names.map((value) => ({ value, text: value }))]}
      onChange={(value) => onChange(value === EVERY ? "" : value)}
    />
  );
}
