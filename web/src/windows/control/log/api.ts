/** The events that the program remembers, over REST. */
import type { AnyEvent } from "../../../protocol/events";
import { call } from "../../../protocol/rest";

export interface Logged {
  /** Its place among all events of the run. */
  seq: number;
  event: AnyEvent;
}

export interface Page {
  /** How many events the program remembers. */
  total: number;
  events: Logged[];
}

export interface Filters {
  q: string;
  kind: string;
  floor: string;
  turn: string;
}

/** Events on one page. */
export const LIMIT = 100;

/** The newest events that pass the filters, or the newest before a place. */
export function history(filters: Filters, before?: number): Promise<Page> {
  const asked = new URLSearchParams({ limit: String(LIMIT) });
  for (const [name, value] of Object.entries(filters)) if (value) asked.set(name, value);
  if (before !== undefined) asked.set("before", String(before));
  return call<Page>("GET", `/log?${asked}`);
}
