/** The program's tables over REST. */
import { call, refusal } from "../../../protocol/rest";
import { token } from "../../../protocol/token";

export interface Column {
  name: string;
  type: "text" | "integer" | "float" | "boolean";
  editable: boolean;
}

export interface TableInfo {
  name: string;
  rows: number;
  columns: Column[];
  /** The column that names a row. */
  key: string;
  /** Whether its rows can be deleted one by one. */
  deletable: boolean;
}

export interface DatabaseInfo {
  where: string;
  /** Bytes on the disk. */
  size: number;
  tables: TableInfo[];
  /** A backup waits for the next start to take its place. */
  staged: boolean;
}

export type Cell = string | number | boolean | null;
export type Row = Record<string, Cell>;

export interface Edit {
  id: number;
  at: number;
  by: string;
  table: string;
  key: string;
  /** Empty where the whole row was deleted; then `before` is the row. */
  column: string;
  before: string;
  after: string;
}

export interface Page {
  total: number;
  rows: Row[];
  /** Where a search goes on, as older rows were not looked through; null where all were. */
  older: number | null;
}

export interface Browse {
  q: string;
  /** Goes on with a search where another one ended. */
  before: number | null;
  offset: number;
  order: string;
}

/** Rows on one page. */
export const LIMIT = 50;

const part = encodeURIComponent;

/** A request whose body or answer is a file. */
async function transfer(path: string, body?: FormData): Promise<Response> {
  const answer = await fetch(`/api/v1${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token()}` },
    body,
  });
  if (answer.ok) return answer;
  throw refusal(answer, await answer.json().catch(() => null));
}

export const database = {
  info: () => call<DatabaseInfo>("GET", "/database"),
  rows: (table: string, { q, before, offset, order }: Browse) => {
    const asked = new URLSearchParams({ q, offset: String(offset), limit: String(LIMIT), order });
    if (before !== null) asked.set("before", String(before));
    return call<Page>("GET", `/database/${part(table)}?${asked}`);
  },
  edit: (table: string, key: Cell, change: Row) =>
    call<void>("PUT", `/database/${part(table)}/${part(String(key))}`, change),
  remove: (table: string, key: Cell) => call<void>("DELETE", `/database/${part(table)}/${part(String(key))}`),
  history: () => call<Edit[]>("GET", "/database/history"),
  /** The backup with the name that the program gives it. */
  backup: async (): Promise<{ name: string; file: Blob }> => {
    const answer = await transfer("/database/backup");
    const name = /filename="?([^";]+)"?/.exec(answer.headers.get("content-disposition") ?? "")?.[1];
    return { name: name ?? "marotte.backup", file: await answer.blob() };
  },
  restore: async (file: File): Promise<{ detail?: string }> => {
    const form = new FormData();
    form.set("file", file);
    const answer = await transfer("/database/restore", form);
    return ((await answer.json().catch(() => null)) ?? {}) as { detail?: string };
  },
};
