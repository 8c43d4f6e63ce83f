/** What moderation did and what it goes by, over REST. */
import { call } from "../../../protocol/rest";

export interface JudgedLine {
  line: string;
  turn: string;
  floor: string;
  at: number;
  shown: string;
  reason: string;
  /** What was said instead; empty where nothing was. */
  substitute: string;
  /** Until when it can be released, in seconds of the wall clock. */
  until: number;
  released: boolean;
}

export interface Lists {
  /** Every list's words that are in force. */
  lists: Record<string, string[]>;
  /** Of these, the words that were added here and can be edited. */
  own: Record<string, string[]>;
}

export interface Judged {
  /** What becomes of it where the character says it; an empty reason lets it pass. */
  said: { reason: string };
  /** What becomes of it where a viewer writes it. */
  read: { reason: string };
}

const part = encodeURIComponent;

export const moderation = {
  log: (offset: number, limit: number) =>
    call<{ total: number; lines: JudgedLine[] }>("GET", `/moderation/log?offset=${offset}&limit=${limit}`),
  lists: () => call<Lists>("GET", "/moderation/lists"),
  setList: (name: string, words: string[]) => call<void>("PUT", `/moderation/lists/${part(name)}`, { words }),
  undo: () => call<void>("POST", "/moderation/undo"),
  judge: (text: string, language: string) => call<Judged>("POST", "/moderation/try", { text, language }),
};
