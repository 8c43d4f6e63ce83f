import { createContext, useContext } from "react";
import type { Connection, Status } from "../../protocol/client";
import type { Rights } from "../../protocol/frames";
import type { Puppeteer } from "../../stage/puppeteer";
import type { Going } from "./useControl";

/** What the pages of the control window share. */
export interface Desk {
  connection: Connection;
  status: Status;
  rights: Rights;
  /** The floor that is watched, and what is said there, word by word. */
  floor: string;
  setFloor: (floor: string) => void;
  puppeteer: Puppeteer;
  /** The turn that goes on there; undefined while this window has heard of none: it may have come in the middle. */
  turn: Going | null | undefined;
  /** Come in anew, with another token. */
  change: () => void;
}

export const DeskContext = createContext<Desk | null>(null);

export function useDesk(): Desk {
  const desk = useContext(DeskContext);
  if (!desk) throw new Error("there is no control window around this part of it");
  return desk;
}

const RANKS: Rights[] = ["guest", "viewer", "moderator", "operator"];

/** Whether whoever sits here has at least these rights. */
export function useMay(least: Rights): boolean {
  return RANKS.indexOf(useDesk().rights) >= RANKS.indexOf(least);
}
