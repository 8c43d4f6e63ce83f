import { useState } from "react";
import { Tabs } from "../../../design/Tabs";
import { Held, useUndecided } from "./Held";
import { JudgedLines } from "./JudgedLines";
import { Lists } from "./Lists";
import { TryIt } from "./TryIt";
import { HELD, TEXT } from "./text";
import { Verdicts } from "./Verdicts";

/** What was stopped and why, and the words that it goes by; who was judged, and what was done about them; what the
 * platform holds back, for somebody to decide on. */
export function Moderation() {
  const [part, setPart] = useState("lines");
  const undecided = useUndecided();
  return (
    <Tabs
      label={TEXT.parts}
      value={part}
      onChange={setPart}
      tabs={[
        { value: "lines", text: TEXT.lines, content: <Lines /> },
        { value: "people", text: TEXT.people, content: <Verdicts /> },
        { value: "held", text: HELD.tab(undecided), content: <Held /> },
      ]}
    />
  );
}

function Lines() {
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
