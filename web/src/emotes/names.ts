/** The emotes that are known now: one list for a whole window, asked for again every minute while somebody looks. */
import { useEffect, useSyncExternalStore } from "react";
import { call } from "../protocol/rest";
import { type Names, namesOf } from "./cut";

const EVERY = 60_000;

let names: Names = new Map();
const watching = new Set<() => void>();

export function setNames(told: unknown): void {
  names = namesOf(told);
  for (const watch of watching) watch();
}

function subscribe(watch: () => void): () => void {
  watching.add(watch);
  return () => watching.delete(watch);
}

/** The emotes that are known. */
export const useNames = (): Names => useSyncExternalStore(subscribe, () => names);

/** Ask which emotes there are, as long as the window is open and let in. */
export function useEmotes(open: boolean): void {
  useEffect(() => {
    if (!open) return;
    let left = false;
    const ask = () => {
      if (document.hidden) return;
      // Without them the names are read as words: nobody need be told.
      call<{ names: unknown }>("GET", "/emotes").then(
        (told) => !left && setNames(told?.names),
        () => {},
      );
    };
    ask();
    const timer = setInterval(ask, EVERY);
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, [open]);
}
