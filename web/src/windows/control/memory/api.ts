import { call } from "../../../protocol/rest";

/** One sentence that is known of somebody. */
export interface Fact {
  id: number;
  viewer: string;
  /** The floor on which it is remembered. */
  scope: string;
  key: string;
  text: string;
  /** Id of the percept that it was learnt from, and the very words. */
  source: string;
  quote: string;
  at: number;
}

export interface FactEdit {
  at: number;
  by: string;
  before: string;
  after: string;
}

/** Facts on a page of the list. */
export const LIMIT = 50;

export const memory = {
  find: (q: string, scope: string, offset: number) =>
    call<{ total: number; facts: Fact[] }>(
      "GET",
      `/facts?${new URLSearchParams({ q, scope, offset: String(offset), limit: String(LIMIT) })}`,
    ),
  edit: (id: number, text: string) => call<void>("PUT", `/facts/${id}`, { text }),
  remove: (id: number) => call<void>("DELETE", `/facts/${id}`),
  history: (id: number) => call<FactEdit[]>("GET", `/facts/${id}/history`),
  clear: (floor: string) => call<{ deleted: number } | null>("DELETE", `/floors/${encodeURIComponent(floor)}/memory`),
};
