import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Gavel, SearchX, ShieldCheck } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { Pagination } from "../../../design/Pagination";
import { Search } from "../../../design/Search";
import { Select } from "../../../design/Select";
import { Loaded } from "../Loaded";
import { useRested } from "../useRested";
import { ByHand } from "./ByHand";
import { TryPerson } from "./TryPerson";
import { PEOPLE as TEXT } from "./text";
import { Verdict } from "./Verdict";
import { LIMIT, type VerdictPage, verdicts } from "./verdictApi";

/** Milliseconds between two looks. */
const EVERY = 3_000;
/** Milliseconds of rest after the last key before a search is made. */
const REST = 200;

/** Who was judged and why, what was done about it, and the means to undo it. */
export function Verdicts() {
  const [state, setState] = useState("");
  const [who, setWho] = useState("");
  const [offset, setOffset] = useState(0);
  const viewer = useRested(who.trim(), REST);
  const log = useQuery({
    queryKey: ["verdicts", state, viewer, offset],
    queryFn: () => verdicts.find(state, viewer, offset),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY,
  });
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
      <Card title={TEXT.log} icon={<Gavel aria-hidden />} aside={log.data && <Mode page={log.data} />}>
        <div className="flex flex-col gap-4">
          <div className="flex flex-wrap items-center gap-2">
            <Search
              label={TEXT.find}
              value={who}
              onChange={(text) => {
                setWho(text);
                setOffset(0);
              }}
            />
            <Select
              label={TEXT.state}
              value={state || "all"}
              options={Object.entries(TEXT.states).map(([value, text]) => ({
                value: value || "all",
                text: withCount(text, log.data?.states, value),
              }))}
              onChange={(value) => {
                setState(value === "all" ? "" : value);
                setOffset(0);
              }}
            />
          </div>
          <Loaded query={log}>
            {(page) => <Rows page={page} searched={state + viewer !== ""} offset={offset} onLeaf={setOffset} />}
          </Loaded>
        </div>
      </Card>
      <div className="flex min-w-0 flex-col gap-4">
        <TryPerson />
        <ByHand links={log.data?.links} />
      </div>
    </div>
  );
}

const withCount = (text: string, states: VerdictPage["states"] | undefined, value: string) => {
  const count = states?.[value as keyof VerdictPage["states"]];
  return count ? `${text} · ${count}` : text;
};

function Mode({ page }: { page: VerdictPage }) {
  if (!page.on) return <Badge>{TEXT.off}</Badge>;
  return page.rehearse ? <Badge tone="gilt">{TEXT.rehearsal}</Badge> : null;
}

interface RowsProps {
  page: VerdictPage;
  searched: boolean;
  offset: number;
  onLeaf: (offset: number) => void;
}

function Rows({ page, searched, offset, onLeaf }: RowsProps) {
  const hint = page.on ? page.rehearse && TEXT.rehearsalHelp : TEXT.offHelp;
  return (
    <>
      {hint && <p className="text-sm text-quiet">{hint}</p>}
      {page.total === 0 ? (
        <Empty
          icon={searched ? <SearchX aria-hidden /> : <ShieldCheck aria-hidden />}
          title={searched ? TEXT.none : TEXT.empty}
        >
          {searched ? TEXT.noneHelp : TEXT.emptyHelp}
        </Empty>
      ) : (
        <>
          <ol className="-my-3 divide-y divide-line">
            {page.verdicts.map((verdict) => (
              <Verdict key={verdict.id} verdict={verdict} />
            ))}
          </ol>
          <Pagination offset={offset} limit={LIMIT} total={page.total} onChange={onLeaf} />
        </>
      )}
    </>
  );
}
