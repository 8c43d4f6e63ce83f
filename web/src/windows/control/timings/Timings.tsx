import { useQuery } from "@tanstack/react-query";
import { ChartColumn, History } from "lucide-react";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { Loaded } from "../Loaded";
import { timings } from "./api";
import { HistogramChart } from "./HistogramChart";
import { Turns } from "./Turns";
import { TEXT } from "./text";

/** Milliseconds between two looks at the turns. */
const EVERY = 5_000;

/** How long the stages of the last turns took, each beside its target. */
export function Timings() {
  const page = useQuery({ queryKey: ["timings"], queryFn: () => timings(), refetchInterval: EVERY });
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,1fr)_22rem]">
      <Card title={TEXT.turns} icon={<History aria-hidden />}>
        <Loaded query={page}>
          {({ turns }) =>
            turns.length === 0 ? (
              <Empty icon={<History aria-hidden />} title={TEXT.empty}>
                {TEXT.emptyHelp}
              </Empty>
            ) : (
              <Turns rows={turns} />
            )
          }
        </Loaded>
      </Card>
      <Card title={TEXT.spread} icon={<ChartColumn aria-hidden />} className="max-lg:-order-1">
        <Loaded query={page}>
          {({ histograms, targets }) => (
            <div className="grid grid-cols-1 gap-6 sm:grid-cols-2 lg:grid-cols-1">
              {Object.entries(histograms).map(([stage, histogram]) => (
                <HistogramChart
                  key={stage}
                  name={TEXT.stages[stage] ?? stage}
                  histogram={histogram}
                  target={targets[stage]}
                />
              ))}
            </div>
          )}
        </Loaded>
      </Card>
    </div>
  );
}
