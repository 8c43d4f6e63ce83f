import { Download, Eye, RotateCcw, SlidersHorizontal, Waves } from "lucide-react";
import { useId } from "react";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Switch } from "../../design/Switch";
import { Scope } from "./Scope";
import { SERVO, tableOf } from "./servo";
import type { Skull, SkullState } from "./skull";
import { DIALS, type Dial, TEXT } from "./text";

/** Where the jaw is watched and set, and the lens covered. */
export function Workbench({ skull, state }: { skull: Skull; state: SkullState }) {
  const { settings } = skull.servo;
  return (
    <div className="flex flex-col gap-3">
      <Card title={TEXT.jaw} icon={<Waves aria-hidden />}>
        <Scope servo={skull.servo} />
        <Button small className="mt-3" onClick={() => save(tableOf(skull.servo.moments))}>
          <Download aria-hidden className="size-4" />
          {TEXT.save}
        </Button>
        <p className="mt-1 text-xs text-quiet">{TEXT.saveHelp}</p>
      </Card>
      <Card
        title={TEXT.servo}
        icon={<SlidersHorizontal aria-hidden />}
        aside={
          <Button small onClick={() => skull.set(SERVO)}>
            <RotateCcw aria-hidden className="size-4" />
            {TEXT.reset}
          </Button>
        }
      >
        <div className="flex flex-col gap-2">
          {DIALS.map(({ key, ...dial }) => (
            <Slider key={key} {...dial} value={settings[key]} onChange={(value) => skull.set({ [key]: value })} />
          ))}
        </div>
      </Card>
      <Card title={TEXT.eyes} icon={<Eye aria-hidden />} aside={TEXT.pictures(state.pictures)}>
        <Switch label={TEXT.cover} checked={state.covered} onChange={(covered) => skull.cover(covered)} />
        {!state.eyes && !state.covered && <p className="text-xs text-quiet">{state.blind || TEXT.unasked}</p>}
      </Card>
    </div>
  );
}

interface SliderProps extends Omit<Dial, "key"> {
  value: number;
  onChange: (value: number) => void;
}

function Slider({ label, unit, least, most, step, value, onChange }: SliderProps) {
  const id = useId();
  return (
    <div>
      <div className="flex justify-between text-sm">
        <label htmlFor={id}>{label}</label>
        <span className="text-quiet tabular-nums">{`${value} ${unit}`}</span>
      </div>
      <input
        id={id}
        type="range"
        min={least}
        max={most}
        step={step}
        value={value}
        aria-valuetext={`${value} ${unit}`}
        onChange={(event) => onChange(Number(event.target.value))}
        className="h-6 w-full cursor-pointer accent-(--live)"
      />
    </div>
  );
}

/** Hand a table over as a file. */
function save(table: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table], { type: "text/csv" }));
  link.download = "jaw.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
