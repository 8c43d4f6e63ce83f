import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import { cx } from "./cx";

export interface TableColumn<T> {
  key: string;
  title: string;
  cell: (row: T) => ReactNode;
  /** Numbers stand at the right. */
  right?: boolean;
}

interface TableProps<T> {
  label: string;
  rows: T[];
  rowKey: (row: T) => string;
  columns: TableColumn<T>[];
  /** The key of the column by which the rows are sorted, with `-` before it where the largest comes first. */
  order?: string;
  onOrder?: (column: string) => void;
  /** A row can be opened; then `openLabel` names what its button does. */
  onOpen?: (row: T) => void;
  openLabel?: (row: T) => string;
}

const SORTS = { "": undefined, "-": "descending", "+": "ascending" } as const;

/** Rows and columns, which scroll sideways within their own frame where there is little room. */
export function Table<T>({ label, rows, rowKey, columns, order, onOrder, onOpen, openLabel }: TableProps<T>) {
  const direction = (key: string) => (order === key ? "+" : order === `-${key}` ? "-" : "");
  return (
    // The frame can be reached by key so that the arrows scroll it.
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by key
      tabIndex={0}
      aria-label={label}
      className="-mx-4 overflow-x-auto border-y border-line"
    >
      <table className="w-full text-sm">
        <thead className="text-left text-xs text-quiet">
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                aria-sort={SORTS[direction(column.key)]}
                className={cx("px-3 py-2 font-medium whitespace-nowrap first:pl-4", column.right && "text-right")}
              >
                {onOrder ? (
                  <button
                    type="button"
                    onClick={() => onOrder(column.key)}
                    className="inline-flex items-center gap-1 rounded-md hover:text-ink"
                  >
                    {column.title}
                    {direction(column.key) === "+" && <ArrowUp aria-hidden className="size-3.5" />}
                    {direction(column.key) === "-" && <ArrowDown aria-hidden className="size-3.5" />}
                  </button>
                ) : (
                  column.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y divide-line border-t border-line">
          {rows.map((row) => (
            <tr key={rowKey(row)} className={cx(onOpen && "relative hover:bg-hover focus-within:bg-hover")}>
              {columns.map((column, index) => (
                <td key={column.key} className={cx("px-3 py-2 first:pl-4", column.right && "text-right tabular-nums")}>
                  {onOpen && index === 0 && (
                    // One button covers the row, so that it is one stop for those who go by key.
                    <button
                      type="button"
                      aria-label={openLabel?.(row)}
                      onClick={() => onOpen(row)}
                      className="absolute inset-0 -outline-offset-2"
                    />
                  )}
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
