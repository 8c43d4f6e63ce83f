import { call } from "../../../protocol/rest";
import type { Fact } from "../memory/api";

export interface ViewerRow {
  id: string;
  name: string;
  platform: string;
  first_seen: number;
  last_seen: number;
  language: string;
  /** How often they were seen. */
  count: number;
  /** How many facts are known of them. */
  facts: number;
  note: string;
}

/** What was said in one turn that a viewer took part in. */
export interface ExchangeRow {
  turn: string;
  at: number;
  floor: string;
  /** What they said, each percept for itself. */
  said: string[];
  heard: string;
  cut: boolean;
}

export interface ViewerDetail extends ViewerRow {
  exchanges: ExchangeRow[];
}

/** One account of a person who has several. */
export interface AccountRow {
  id: string;
  /** Empty where it has never written. */
  name: string;
  platform: string;
  /** When it was joined; 0 for the account under which they are remembered. */
  at: number;
  /** Who joined it, or `code`: they gave one on both. */
  by: string;
}

export interface PersonRow {
  main: string;
  /** The first is the one under which they are remembered. */
  accounts: AccountRow[];
}

/** Viewers on a page of the list. */
export const LIMIT = 50;

const path = (id: string) => `/viewers/${encodeURIComponent(id)}`;

export const people = {
  find: (q: string, offset: number) =>
    call<{ total: number; viewers: ViewerRow[] }>(
      "GET",
      `/viewers?${new URLSearchParams({ q, offset: String(offset), limit: String(LIMIT) })}`,
    ),
  viewer: (id: string) => call<ViewerDetail>("GET", path(id)),
  facts: (id: string) => call<Fact[]>("GET", `${path(id)}/facts`),
  note: (id: string, text: string) => call<void>("PUT", `${path(id)}/note`, { text }),
  accounts: (id: string) => call<PersonRow[]>("GET", `/accounts?${new URLSearchParams({ viewer: id })}`),
  join: (main: string, viewer: string) => call<void>("POST", "/accounts", { main, viewer }),
  part: (id: string) => call<void>("DELETE", `/accounts/${encodeURIComponent(id)}`),
  forget: (id: string) => call<{ deleted: number }>("DELETE", path(id)),
};
