import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Brain, SearchX } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { Pagination } from "../../../design/Pagination";
import { Search } from "../../../design/Search";
import { Select } from "../../../design/Select";
import { Loaded } from "../Loaded";
import { useTopic } from "../useControl";
import { useRested } from "../useRested";
import { LIMIT, memory } from "./api";
import { Clear } from "./Clear";
import { FactRow } from "./FactRow";
import { TEXT } from "./text";

/** Milliseconds of rest after the last key before a search is made. */
const REST = 200;
/** Of a search the program counts no more. */
const MOST_COUNTED = 10_000;
const EVERY = "*";
const number = new Intl.NumberFormat("en");

/** What the character remembers of everybody. */
export function Memory() {
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,8fr)_minmax(0,4fr)]">
      <Facts />
      <Clear />
    </div>
  );
}

function Facts() {
  const [q, setQ] = useState("");
  const [scope, setScope] = useState("");
  const [offset, setOffset] = useState(0);
  const { data: floors = [] } = useTopic("floors");
  const rested = useRested(q.trim(), REST);
  const found = useQuery({
    queryKey: ["facts", rested, scope, offset],
    queryFn: () => memory.find(rested, scope, offset),
    placeholderData: keepPreviousData,
  });
  const narrow = (text: string, floor: string) => {
    setQ(text);
    setScope(floor);
    setOffset(0);
  };
  const scopes = [...new Set(["public", ...floors.map((floor) => floor.name), ...(scope ? [scope] : [])])];
  const filtered = Boolean(rested || scope);
  return (
    <Card
      title={TEXT.memory}
      icon={<Brain aria-hidden />}
      aside={
        found.data && (
          <span className="tabular-nums">
            {TEXT.count(number.format(found.data.total), found.data.total >= MOST_COUNTED)}
          </span>
        )
      }
    >
      <div className="flex flex-wrap items-center gap-2">
        <Search
          label={TEXT.search}
          placeholder={TEXT.searchPlaceholder}
          value={q}
          onChange={(text) => narrow(text, scope)}
        />
        <Select
          label={TEXT.floor}
          value={scope || EVERY}
          options={[{ value: EVERY, text: TEXT.everyFloor }, ...scopes.map((value) => ({ value, text: value }))]}
          onChange={(value) => narrow(q, value === EVERY ? "" : value)}
        />
      </div>
      <div className="mt-3">
        <Loaded query={found}>
          {({ total, facts }) =>
            total === 0 ? (
              <Empty
                icon={filtered ? <SearchX aria-hidden /> : <Brain aria-hidden />}
                title={filtered ? TEXT.none : TEXT.empty}
              >
                <p>{filtered ? TEXT.noneHelp : TEXT.emptyHelp}</p>
                {filtered && (
                  <Button small onClick={() => narrow("", "")} className="mt-3">
                    {TEXT.clearSearch}
                  </Button>
                )}
              </Empty>
            ) : (
              <>
                <ul className="divide-y divide-line">
                  {facts.map((fact) => (
                    <FactRow key={fact.id} fact={fact} whose />
                  ))}
                </ul>
                <Pagination offset={offset} limit={LIMIT} total={total} onChange={setOffset} />
              </>
            )
          }
        </Loaded>
      </div>
    </Card>
  );
}
