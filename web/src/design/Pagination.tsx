import { ChevronLeft, ChevronRight } from "lucide-react";
import { IconButton } from "./Button";

const TEXT = {
  label: "Leaf through the rows",
  before: "The page before",
  after: "The page after",
  where: (from: string, to: string, total: string) => `${from}–${to} of ${total}`,
};
const number = new Intl.NumberFormat("en");

interface PaginationProps {
  offset: number;
  limit: number;
  total: number;
  onChange: (offset: number) => void;
}

/** Leafs through rows that come page by page; nothing where there is but one page. */
export function Pagination({ offset, limit, total, onChange }: PaginationProps) {
  if (total <= limit && offset === 0) return null;
  const last = Math.min(total, offset + limit);
  return (
    <nav aria-label={TEXT.label} className="mt-3 flex items-center justify-end gap-2 text-sm text-quiet">
      <span className="tabular-nums">
        {TEXT.where(number.format(Math.min(offset + 1, total)), number.format(last), number.format(total))}
      </span>
      <IconButton label={TEXT.before} disabled={offset === 0} onClick={() => onChange(Math.max(0, offset - limit))}>
        <ChevronLeft aria-hidden />
      </IconButton>
      <IconButton label={TEXT.after} disabled={last >= total} onClick={() => onChange(offset + limit)}>
        <ChevronRight aria-hidden />
      </IconButton>
    </nav>
  );
}
