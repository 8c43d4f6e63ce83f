import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Database as DatabaseIcon, SearchX, TableProperties } from "lucide-react";
import { useState } from "react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { Pagination } from "../../../design/Pagination";
import { RelativeTime } from "../../../design/RelativeTime";
import { Search } from "../../../design/Search";
import { Select } from "../../../design/Select";
import { Table } from "../../../design/Table";
import { Loaded } from "../Loaded";
import { useRested } from "../useRested";
import { type Column, type DatabaseInfo, database, LIMIT, type Row, type TableInfo } from "./api";
import { bytes, isMoment, shown, turned } from "./cells";
import { RowDialog } from "./RowDialog";
import { TEXT } from "./text";

/** Milliseconds of rest after the last key before a search is made. */
const REST = 250;
const number = new Intl.NumberFormat("en");

/** The tables, one at a time: browse, search, sort, open a row. */
export function Rows({ info }: { info: DatabaseInfo }) {
  const [name, setName] = useState(info.tables[0]?.name ?? "");
  const table = info.tables.find((each) => each.name === name);
  return (
    <Card
      title={TEXT.title}
      icon={<DatabaseIcon aria-hidden />}
      aside={
        <span className="truncate" title={info.where}>
          {bytes(info.size)}
        </span>
      }
    >
      {table && (
        <Browser
          key={name}
          table={table}
          choice={
            <Select
              label={TEXT.table}
              value={name}
              options={info.tables.map((each) => ({
                value: each.name,
                text: `${each.name} · ${number.format(each.rows)}`,
              }))}
              onChange={setName}
            />
          }
        />
      )}
    </Card>
  );
}

function Browser({ table, choice }: { table: TableInfo; choice: React.ReactNode }) {
  const [q, setQ] = useState("");
  const [offset, setOffset] = useState(0);
  const [before, setBefore] = useState<number | null>(null);
  const [order, setOrder] = useState("");
  const [open, setOpen] = useState<Row | null>(null);
  const browse = { q: useRested(q.trim(), REST), before, offset, order };
  const rows = useQuery({
    queryKey: ["database", table.name, browse],
    queryFn: () => database.rows(table.name, browse),
    placeholderData: keepPreviousData,
  });
  const older = rows.data?.older ?? null;
  const goOn = (to: number | null) => {
    setBefore(to);
    setOffset(0);
  };
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-2">
        {choice}
        <Search
          label={TEXT.search}
          placeholder={TEXT.searchPlaceholder}
          value={q}
          onChange={(text) => {
            setQ(text);
            goOn(null);
          }}
        />
      </div>
      <Loaded query={rows}>
        {(page) =>
          page.total === 0 ? (
            <Empty
              icon={browse.q ? <SearchX aria-hidden /> : <TableProperties aria-hidden />}
              title={browse.q ? TEXT.none : TEXT.empty}
            >
              {browse.q ? TEXT.noneHelp : TEXT.emptyHelp}
            </Empty>
          ) : (
            <>
              <Table
                label={table.name}
                rows={page.rows}
                rowKey={(row) => String(row[table.key])}
                columns={table.columns.map((column) => ({
                  key: column.name,
                  title: column.name,
                  cell: (row: Row) => <CellOf column={column} row={row} />,
                }))}
                order={order}
                onOrder={(column) => {
                  setOrder(turned(order, column));
                  setOffset(0);
                }}
                onOpen={setOpen}
                openLabel={(row) => TEXT.open(String(row[table.key]))}
              />
              <Pagination offset={offset} limit={LIMIT} total={page.total} onChange={setOffset} />
            </>
          )
        }
      </Loaded>
      {browse.q && (older !== null || before !== null) && (
        <div className="mt-4 flex flex-wrap items-center justify-end gap-2 text-sm text-quiet">
          <p>{TEXT.part}</p>
          {before !== null && (
            <Button small onClick={() => goOn(null)}>
              {TEXT.newest}
            </Button>
          )}
          {older !== null && (
            <Button small disabled={rows.isFetching} onClick={() => goOn(older)}>
              {TEXT.older}
            </Button>
          )}
        </div>
      )}
      {open && <RowDialog table={table} row={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function CellOf({ column, row }: { column: Column; row: Row }) {
  const value = row[column.name] ?? null;
  if (isMoment(column, value)) return <RelativeTime at={value} />;
  return (
    <span
      className="block max-w-72 truncate"
      title={typeof value === "string" && value.length > 30 ? value : undefined}
    >
      {shown(value)}
    </span>
  );
}
