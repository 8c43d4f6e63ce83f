/** The show file over REST. */
import { call } from "../../../protocol/rest";

export interface ShowFile {
  file: string;
  text: string;
  /** Names this very text, so that nobody writes over what somebody else has written. */
  hash: string;
}

export interface Mistake {
  /** Counted from 1; 0 where the whole file is meant. */
  line: number;
  key: string;
  reason: string;
}

export type Need = "nothing" | "reload" | "restart";

export interface Checked {
  mistakes: Mistake[];
  /** What each change against the show that runs asks for. */
  needs: { key: string; needs: Need }[];
}

export const settings = {
  read: () => call<ShowFile>("GET", "/settings"),
  check: (text: string) => call<Checked>("POST", "/settings/check", { text }),
  save: (text: string, hash: string) => call<Partial<ShowFile & Checked>>("PUT", "/settings", { text, hash }),
};
