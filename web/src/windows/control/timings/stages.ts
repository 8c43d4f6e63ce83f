/** The stages of a turn up to its first sample, from its timings. Pure. */
import type { Stage } from "../../../design/StackedBar";
import type { Timings } from "../../../protocol/events";

/** Name, colour and target of each stage, in seconds: the middle three are the answer, the last two the voice. */
const STAGES = [
  { name: "Recognition", colour: "bg-step-hear", target: 0.5 },
  { name: "Waiting", colour: "bg-step-wait", target: 0.05 },
  { name: "First token", colour: "bg-step-think", target: 0.6 },
  { name: "First sentence", colour: "bg-step-write", target: 0.35 },
  { name: "Voice", colour: "bg-step-speak", target: 0.25 },
  { name: "First sample", colour: "bg-step-out", target: 0.05 },
] as const;

/** Seconds that all stages together should stay under. */
export const TARGET = 2;

export const LEGEND = STAGES.map(({ name, colour }) => ({ name, colour }));

/** The bar of a turn that takes exactly its targets. */
export const IDEAL: Stage[] = STAGES.map((stage) => ({ ...stage, seconds: stage.target }));

/** How long each stage took; those that never came are left out. */
export function stagesOf(timings: Timings): Stage[] {
  const before = [timings.recognised, timings.waited];
  const marks = [timings.first_token, timings.first_line, timings.first_sound, timings.first_sample];
  let reached = 0;
  const after = marks.map((mark) => {
    if (mark < 0) return -1;
    const took = Math.max(0, mark - reached);
    reached = Math.max(reached, mark);
    return took;
  });
  return STAGES.map((stage, index) => ({ ...stage, seconds: [...before, ...after][index] ?? -1 })).filter(
    (stage) => stage.seconds >= 0,
  );
}

/** Seconds of all stages together. */
export const totalOf = (stages: Stage[]) => stages.reduce((sum, stage) => sum + stage.seconds, 0);
