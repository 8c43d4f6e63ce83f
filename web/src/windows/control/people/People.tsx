import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { NotebookPen, SearchX, UserRound, Users } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { Card } from "../../../design/Card";
import { cx } from "../../../design/cx";
import { Empty } from "../../../design/Empty";
import { Pagination } from "../../../design/Pagination";
import { RelativeTime } from "../../../design/RelativeTime";
import { Search } from "../../../design/Search";
import { Loaded } from "../Loaded";
import { useRested } from "../useRested";
import { LIMIT, people, type ViewerRow } from "./api";
import { TEXT } from "./text";
import { Viewer } from "./Viewer";

/** Milliseconds of rest after the last key before a search is made. */
const REST = 200;
const number = new Intl.NumberFormat("en");

/** The viewers, and beside them one of them; on a phone one takes the place of the other. */
export function People() {
  const [address, setAddress] = useSearchParams();
  const chosen = address.get("viewer") ?? "";
  const choose = (id: string) => setAddress(id ? { viewer: id } : {});
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,5fr)_minmax(0,7fr)]">
      <div className={cx("min-w-0", chosen && "max-lg:hidden")}>
        <Viewers chosen={chosen} onChoose={choose} />
      </div>
      <div className={cx("flex min-w-0 flex-col gap-4", !chosen && "max-lg:hidden")}>
        {chosen ? (
          <Viewer key={chosen} id={chosen} onLeave={() => choose("")} />
        ) : (
          <Empty icon={<UserRound aria-hidden />} title={TEXT.choose}>
            {TEXT.chooseHelp}
          </Empty>
        )}
      </div>
    </div>
  );
}

interface ViewersProps {
  chosen: string;
  onChoose: (id: string) => void;
}

function Viewers({ chosen, onChoose }: ViewersProps) {
  const [q, setQ] = useState("");
  const [offset, setOffset] = useState(0);
  const rested = useRested(q.trim(), REST);
  const found = useQuery({
    queryKey: ["viewers", rested, offset],
    queryFn: () => people.find(rested, offset),
    placeholderData: keepPreviousData,
  });
  return (
    <Card
      title={TEXT.people}
      icon={<Users aria-hidden />}
      aside={found.data && <span className="tabular-nums">{TEXT.count(number.format(found.data.total))}</span>}
    >
      <Search
        label={TEXT.search}
        placeholder={TEXT.searchPlaceholder}
        value={q}
        onChange={(text) => {
          setQ(text);
          setOffset(0);
        }}
      />
      <div className="mt-3">
        <Loaded query={found}>
          {({ total, viewers }) =>
            total === 0 ? (
              <Empty
                icon={rested ? <SearchX aria-hidden /> : <Users aria-hidden />}
                title={rested ? TEXT.none : TEXT.empty}
              >
                {rested ? TEXT.noneHelp : TEXT.emptyHelp}
              </Empty>
            ) : (
              <>
                <ul className="-mx-2">
                  {viewers.map((row) => (
                    <li key={row.id}>
                      <Row row={row} here={row.id === chosen} onChoose={onChoose} />
                    </li>
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

function Row({ row, here, onChoose }: { row: ViewerRow; here: boolean; onChoose: (id: string) => void }) {
  return (
    <button
      type="button"
      aria-current={here ? "true" : undefined}
      onClick={() => onChoose(row.id)}
      className={cx(
        "flex min-h-12 w-full items-center gap-3 rounded-card px-2 py-1.5 text-left text-sm transition hover:bg-hover",
        here && "bg-hover",
      )}
    >
      <span className="min-w-0 flex-1">
        <span className="block truncate font-medium">{row.name}</span>
        <span className="block truncate text-xs text-quiet">
          {[row.platform, TEXT.seen(row.count), row.facts > 0 && TEXT.facts(row.facts)].filter(Boolean).join(" · ")}
        </span>
      </span>
      {row.note && <NotebookPen aria-label={TEXT.hasNote} className="size-4 shrink-0 text-gilt" />}
      <span className="shrink-0 text-xs text-quiet">
        <RelativeTime at={row.last_seen} />
      </span>
    </button>
  );
}
