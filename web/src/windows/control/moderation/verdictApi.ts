/** Verdicts on people, over REST. */
import { call } from "../../../protocol/rest";

export type Action = "warn" | "delete" | "timeout" | "ban" | "allow";
export type State = "rehearsed" | "suggested" | "waiting" | "done" | "refused" | "undone";

/** One thing that counts against a message. */
export interface Evidence {
  kind: string;
  weight: number;
  /** What it is about: the phrase, the host, how many. */
  detail: string;
}

export interface VerdictRow {
  id: string;
  at: number;
  link: string;
  viewer: string;
  name: string;
  action: Action;
  seconds: number;
  reason: string;
  /** `program`, `character`, or who it was. */
  by: string;
  state: State;
  /** What became of it. */
  detail: string;
  appeal: string;
  /** Nothing of it is left where the viewer was forgotten. */
  evidence: { score?: number; found?: Evidence[]; text?: string; said?: string };
}

export interface VerdictPage {
  total: number;
  verdicts: VerdictRow[];
  /** How many there are of each state. */
  states: Record<State, number>;
  /** Whether chat is judged at all, and whether what comes of it is only written down. */
  on: boolean;
  rehearse: boolean;
  /** Links that can carry out what is laid on somebody by hand. */
  links: string[];
}

export interface Tried {
  score: number;
  evidence: Evidence[];
  action: Action | "";
  seconds: number;
  /** Why it was not judged. */
  exempt: string;
}

export interface ByHand {
  viewer: string;
  /** What they are called, where nobody here may know them yet. */
  name?: string;
  link: string;
  action: Action;
  reason: string;
  seconds: number;
  /** The one message that it is about: it is deleted, or what is held back is let through. */
  source?: string;
}

/** Verdicts on a page of the log. */
export const LIMIT = 25;

const path = (id: string) => `/verdicts/${encodeURIComponent(id)}`;

export const verdicts = {
  find: (state: string, viewer: string, offset: number) =>
    call<VerdictPage>(
      "GET",
      `/verdicts?${new URLSearchParams({ state, viewer, offset: String(offset), limit: String(LIMIT) })}`,
    ),
  lay: (order: ByHand) => call<VerdictRow>("POST", "/verdicts", order),
  undo: (id: string) => call<{ lifted: boolean }>("POST", `${path(id)}/undo`),
  accept: (id: string) => call<VerdictRow>("POST", `${path(id)}/accept`),
  dismiss: (id: string) => call<void>("POST", `${path(id)}/dismiss`),
  appeal: (id: string, text: string) => call<void>("PUT", `${path(id)}/appeal`, { text }),
  judge: (text: string, first: boolean) => call<Tried>("POST", "/verdicts/try", { text, first }),
};
