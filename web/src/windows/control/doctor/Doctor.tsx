import { useMutation, useQuery } from "@tanstack/react-query";
import { Gauge, HeartPulse, Stethoscope, Wrench } from "lucide-react";
import { useState } from "react";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { cx } from "../../../design/cx";
import { Empty } from "../../../design/Empty";
import { RelativeTime } from "../../../design/RelativeTime";
import { Switch } from "../../../design/Switch";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import { type Check, counted, examine, type Figure, measured, type Report } from "./api";
import { TEXT } from "./text";

const TONES: Record<Check["state"], Tone> = { ok: "well", warn: "gilt", bad: "trouble" };

/** What is installed, configured, reachable and measured, with the remedy for each gap. */
export function Doctor() {
  const toast = useToast();
  const [gaps, setGaps] = useState(false);
  const report = useQuery({ queryKey: ["doctor"], queryFn: () => examine(true), staleTime: Number.POSITIVE_INFINITY });
  const measure = useMutation({
    mutationFn: () => examine(false),
    onError: (error) => toast(error.message, true),
  });
  // What was measured stands until it is measured again: a quick look tells less.
  const found = measure.data ?? report.data;
  return (
    <div className="flex flex-col gap-4">
      <Card
        title={TEXT.title}
        icon={<Stethoscope aria-hidden />}
        aside={
          <Button small title={TEXT.measureHelp} disabled={measure.isPending} onClick={() => measure.mutate()}>
            <Gauge aria-hidden className="size-4" />
            {TEXT.measure}
          </Button>
        }
      >
        {measure.isPending && <p className="mb-3 animate-breathe text-sm text-quiet">{TEXT.measuring}</p>}
        <Loaded query={report}>{(quick) => <Summary report={found ?? quick} gaps={gaps} setGaps={setGaps} />}</Loaded>
      </Card>
      {found && <Sections report={found} gaps={gaps} />}
    </div>
  );
}

interface SummaryProps {
  report: Report;
  gaps: boolean;
  setGaps: (gaps: boolean) => void;
}

function Summary({ report, gaps, setGaps }: SummaryProps) {
  const { ok, warn, bad } = counted(report);
  return (
    <div className="flex flex-wrap items-center gap-x-6 gap-y-2">
      <p role="status" className="flex items-center gap-3">
        <Badge tone={report.well ? "well" : "trouble"} dot>
          {report.well ? TEXT.well : TEXT.unwell}
        </Badge>
        <span className="text-sm tabular-nums">{TEXT.summary(ok, warn, bad)}</span>
      </p>
      <p className="text-sm text-quiet">
        {TEXT.version} {report.version} · {TEXT.looked} <RelativeTime at={report.at} />
        {report.quick && <span className="block">{TEXT.unmeasured}</span>}
      </p>
      <div className="sm:ml-auto">
        <Switch label={TEXT.onlyGaps} checked={gaps} onChange={setGaps} />
      </div>
    </div>
  );
}

function Sections({ report, gaps }: { report: Report; gaps: boolean }) {
  const sections = report.sections
    .map(({ name, checks }) => ({ name, checks: gaps ? checks.filter((check) => check.state !== "ok") : checks }))
    .filter(({ checks }) => checks.length > 0);
  if (sections.length === 0) {
    return (
      <Empty icon={<HeartPulse aria-hidden />} title={TEXT.nothing}>
        {TEXT.nothingHelp}
      </Empty>
    );
  }
  return (
    <div className="gap-4 lg:columns-2">
      {sections.map(({ name, checks }) => (
        <Card key={name} title={name} className="mb-4 break-inside-avoid">
          <ul className="-my-3 divide-y divide-line">
            {checks.map((check, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: two checks of a section may share a name
              <Found key={index} check={check} />
            ))}
          </ul>
        </Card>
      ))}
    </div>
  );
}

function Found({ check }: { check: Check }) {
  return (
    <li className="py-3 text-sm">
      <p className="flex items-start gap-2">
        <span className="min-w-0 flex-1 font-medium break-words">{check.name}</span>
        <Badge tone={TONES[check.state]} dot>
          {TEXT.states[check.state]}
        </Badge>
      </p>
      {check.detail && <p className="break-words text-quiet">{check.detail}</p>}
      {check.figures.length > 0 && (
        <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-xs tabular-nums">
          {check.figures.map((figure) => (
            <Measured key={figure.name} figure={figure} />
          ))}
        </ul>
      )}
      {check.remedy && (
        <p className="mt-2 flex items-start gap-2 rounded-card bg-house px-3 py-2">
          <Wrench aria-label={TEXT.remedy} className="mt-0.5 size-4 shrink-0 text-gilt" />
          <span className="min-w-0 break-words">{check.remedy}</span>
        </p>
      )}
    </li>
  );
}

function Measured({ figure: { name, value, unit, limit } }: { figure: Figure }) {
  const over = limit !== null && value > limit;
  return (
    <li>
      <span className="text-quiet">{name}</span>{" "}
      <span className={cx("font-medium", over && "text-trouble")}>{measured(value, unit)}</span>
      {limit !== null && <span className="text-quiet"> ({TEXT.atMost(measured(limit, unit))})</span>}
    </li>
  );
}
