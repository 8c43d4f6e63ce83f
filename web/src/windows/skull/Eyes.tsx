import { Preview } from "../../sight/Preview";
import type { SkullState } from "./skull";
import { TEXT } from "./text";

/** What the skull sees while it looks; where it cannot, a drawn shut eye and why. */
export function Eyes({ state }: { state: SkullState }) {
  if (state.eyes) {
    return (
      <figure className="overflow-hidden rounded-card border-2 border-live shadow-float">
        <Preview stream={state.eyes} label={TEXT.seen} className="w-full rounded-none" />
      </figure>
    );
  }
  const why = state.covered ? TEXT.coveredHelp : state.blind;
  if (!why) return null;
  return (
    <figure className="rounded-card border border-line bg-raised/95 p-2 text-center shadow-card">
      <svg aria-hidden="true" viewBox="0 0 64 36" className="mx-auto h-10 text-quiet">
        <g fill="none" stroke="currentColor" strokeWidth="3" strokeLinecap="round">
          <path d="M8 12 Q32 34 56 12" />
          <path d="M14 18 L9 24 M24 23 L21 30 M40 23 L43 30 M50 18 L55 24 M32 25 V32" />
        </g>
      </svg>
      <figcaption className="text-xs text-quiet">{why}</figcaption>
    </figure>
  );
}
