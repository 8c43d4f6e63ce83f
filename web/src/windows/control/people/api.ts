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
  forget: (id: string) => call<{ deleted: number }>("DELETE", path(id)),
};
