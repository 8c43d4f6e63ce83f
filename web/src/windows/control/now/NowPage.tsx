import { useMay } from "../desk";
import { Dropped } from "./Dropped";
import { Floors } from "./Floors";
import { LastTurns } from "./LastTurns";
import { Mutes } from "./Mutes";
import { Now } from "./Now";
import { Ask, Context } from "./Orders";
import { Queue } from "./Queue";
import { Stopped } from "./Stopped";

const COLUMN = "flex min-w-0 flex-col gap-4 max-lg:contents";

/** What goes on: what is said, what waits and why, what was stopped, and the means to change it. */
export function NowPage() {
  const moderator = useMay("moderator");
  const operator = useMay("operator");
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
      <div className={COLUMN}>
        <Now />
        <Queue />
        <LastTurns />
      </div>
      <div className={COLUMN}>
        {operator && <Ask />}
        {moderator && <Stopped />}
        <Mutes />
        {operator && <Context />}
        <Floors />
        <Dropped />
      </div>
    </div>
  );
}
