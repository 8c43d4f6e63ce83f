/** Who may come in, and what they changed, over REST. */
import { call } from "../../../protocol/rest";

export const ROLES = ["operator", "moderator", "viewer", "guest"] as const;
export type Role = (typeof ROLES)[number];

export interface Token {
  id: string;
  name: string;
  role: Role;
  created: number;
  /** When it was used last; null where it never was. */
  used: number | null;
}

export interface Entry {
  at: number;
  who: string;
  rights: string;
  address: string;
  /** The method and path of a call, or a frame of a window. */
  what: string;
  /** The HTTP status that answered it; 0 for a frame. */
  status: number;
  about: string;
}

/** How other devices at home come in, where the program does not keep to this machine. */
export interface Lan {
  on: true;
  url: string;
  /** A drawing, as SVG. */
  qr_svg: string;
  /** The code for a new device; null while none is given out. */
  pairing: { code: string; expires: number } | null;
}

const part = encodeURIComponent;

export const security = {
  tokens: () => call<Token[]>("GET", "/tokens"),
  issue: (name: string, role: Role) => call<{ token: string }>("POST", "/tokens", { name, role }),
  revoke: (id: string) => call<void>("DELETE", `/tokens/${part(id)}`),
  audit: (limit: number) => call<Entry[]>("GET", `/audit?limit=${limit}`),
  lan: () => call<Lan | { on: false }>("GET", "/lan"),
};
