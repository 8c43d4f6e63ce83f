import { CircleCheck, TriangleAlert } from "lucide-react";
import { Gauge } from "../../../design/Gauge";
import type { StandingRow } from "../../../protocol/rest";
import { measure, sorted } from "./standing";
import { TEXT } from "./text";

/** What a link lacks, with what that costs and how to get it; then what it has. */
export function Standing({ rows }: { rows: StandingRow[] }) {
  const { lacking, plain, fine } = sorted(rows);
  return (
    <>
      {plain.length > 0 && (
        <dl aria-label={TEXT.standing} className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2">
          {plain.map((row) => (
            <div key={row.name} className="col-span-2 grid grid-cols-subgrid">
              <dt className="text-quiet">{row.name}</dt>
              <dd className="min-w-0 break-words">
                {row.detail}
                <Limit row={row} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {lacking.length > 0 && (
        <section>
          <h3 className="mb-2 text-xs font-semibold tracking-wide text-trouble uppercase">{TEXT.lacking}</h3>
          <ul className="flex flex-col gap-2">
            {lacking.map((row) => (
              <li key={row.name} className="flex gap-2">
                <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-trouble" />
                <div className="min-w-0 flex-1">
                  <p className="font-medium break-words">{row.name}</p>
                  <p className="break-words text-quiet">{row.detail}</p>
                  <Limit row={row} />
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
      {fine.length > 0 && (
        <details>
          <summary className="cursor-pointer text-quiet">{TEXT.inOrder(fine.length)}</summary>
          <ul className="mt-2 flex flex-col gap-1">
            {fine.map((row) => (
              <li key={row.name} className="flex gap-2">
                <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-well" />
                <span className="min-w-0 break-words">
                  {row.name}
                  {row.detail && <span className="text-quiet"> · {row.detail}</span>}
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** How much of a limit there is left, or is spent, where a row tells of one. */
function Limit({ row }: { row: StandingRow }) {
  const found = measure(row.detail);
  if (!found) return null;
  return (
    <div className="mt-1.5 max-w-80">
      <Gauge label={row.name} value={found.value} most={found.most} text={row.detail} trouble={found.low || !row.ok} />
    </div>
  );
}
