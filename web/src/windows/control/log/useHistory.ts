import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { atMostEvery } from "../burst";
import { useDesk } from "../desk";
import { type Filters, history, LIMIT } from "./api";

/** Events come in bursts; the newest are asked for at most this often, in milliseconds. */
const TOGETHER = 250;
const NAMES = ["q", "kind", "floor", "turn"] as const;

/** The filters, kept in the page's address so that a search can be linked to. */
export function useFilters(): [Filters, (change: Partial<Filters>) => void] {
  const [search, setSearch] = useSearchParams();
  const filters = Object.fromEntries(NAMES.map((name) => [name, search.get(name) ?? ""])) as unknown as Filters;
  const amend = useCallback(
    (change: Partial<Filters>) =>
      setSearch(
        (before) => {
          const after = new URLSearchParams(before);
          for (const [name, value] of Object.entries(change)) {
            if (value) after.set(name, value);
            else after.delete(name);
          }
          return after;
        },
        // Each letter of a search is not a page to go back to; a turn is one.
        { replace: !("turn" in change) },
      ),
    [setSearch],
  );
  return [filters, amend];
}

/** One page of the history: the newest, followed as they come, or an older one, which stands still. */
export function useHistory(filters: Filters, live: boolean) {
  const queries = useQueryClient();
  const { connection } = useDesk();
  const key = JSON.stringify(filters);
  const [older, setOlder] = useState<{ key: string; before: number[] }>({ key, before: [] });
  // Other filters begin at the newest again.
  const path = older.key === key ? older.before : [];
  const before = path.at(-1);
  const page = useQuery({
    queryKey: ["log", filters, before ?? "newest"],
    queryFn: () => history(filters, before),
    placeholderData: keepPreviousData,
    gcTime: 30_000,
    // A new event moves all others down by one: nothing is at its old place to be shared.
    structuralSharing: false,
  });
  const follows = live && before === undefined;
  useEffect(() => {
    if (!follows) return;
    const look = atMostEvery(TOGETHER, () => void queries.invalidateQueries({ queryKey: ["log"] }));
    const end = connection.on("event", look.ask);
    look.ask();
    return () => {
      look.end();
      end();
    };
  }, [follows, connection, queries]);
  const last = page.data?.events.at(-1);
  return {
    page,
    atNewest: before === undefined,
    hasOlder: (page.data?.events.length ?? 0) >= LIMIT,
    toOlder: () => last && setOlder({ key, before: [...path, last.seq] }),
    toNewest: () => setOlder({ key, before: [] }),
  };
}
