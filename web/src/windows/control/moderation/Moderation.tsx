import { JudgedLines } from "./JudgedLines";
import { Lists } from "./Lists";
import { TryIt } from "./TryIt";

/** What was stopped and why, and the words that it goes by. */
export function Moderation() {
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
      <JudgedLines />
      <div className="flex min-w-0 flex-col gap-4">
        <TryIt />
        <Lists />
      </div>
    </div>
  );
}
