import { Mic2, Square } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Badge, type Tone } from "../../design/Badge";
import { Button } from "../../design/Button";
import { Card } from "../../design/Card";
import { Select } from "../../design/Select";
import { useToast } from "../../design/Toast";
import type { TurnStarted } from "../../protocol/events";
import { rest } from "../../protocol/rest";
import type { Mood, Puppeteer } from "../../stage/puppeteer";
import { Subtitles } from "../../stage/Subtitles";
import { TEXT } from "./text";
import { useTopic } from "./useControl";

const TONES: Record<Mood, Tone> = { idle: "quiet", listening: "gilt", thinking: "gilt", speaking: "live" };

interface NowProps {
  puppeteer: Puppeteer;
  turn: TurnStarted | null;
  floor: string;
  setFloor: (floor: string) => void;
}

/** What is being said, word by word, and the means to end it. */
export function Now({ puppeteer, turn, floor, setFloor }: NowProps) {
  const toast = useToast();
  const frame = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.frame);
  const doing = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.doing);
  const mood = turn && doing === "idle" ? "thinking" : doing;
  return (
    <Card
      title={TEXT.now}
      icon={<Mic2 aria-hidden />}
      aside={
        <>
          <Badge tone={TONES[mood]} dot={mood === "idle" || "pulse"}>
            {TEXT.states[mood]}
          </Badge>
          <FloorSelect floor={floor} setFloor={setFloor} />
        </>
      }
    >
      <div className="flex min-h-36 flex-col gap-4">
        {turn && (
          <p className="truncate text-sm text-quiet">
            {TEXT.answers} <span className="font-medium text-ink">{turn.who || turn.lane}</span>
            {turn.text && <>: “{turn.text}”</>}
          </p>
        )}
        <div className="flex flex-1 items-center" aria-live="off">
          {frame.line ? (
            <Subtitles
              puppeteer={puppeteer}
              className="text-2xl leading-snug font-semibold"
              unlit="text-quiet/80"
              lit="text-ink"
            />
          ) : turn ? (
            <p className="animate-breathe text-2xl text-quiet">{TEXT.thinking}</p>
          ) : (
            <div>
              <p className="text-lg font-medium">{TEXT.silent}</p>
              <p className="text-sm text-quiet">{TEXT.silentHelp}</p>
            </div>
          )}
        </div>
        <Button
          kind="danger"
          className="self-end"
          disabled={!turn && !frame.speaking}
          onClick={() => void rest.stop(floor).catch((error: Error) => toast(error.message, true))}
        >
          <Square aria-hidden className="size-4 fill-current" />
          {TEXT.stop}
        </Button>
      </div>
    </Card>
  );
}

/** Which conversation is meant. */
export function FloorSelect({ floor, setFloor }: { floor: string; setFloor: (floor: string) => void }) {
  const { data = [] } = useTopic("floors");
  const names = new Set(["public", floor, ...data.map((each) => each.name)]);
  return (
    <Select
      label={TEXT.floor}
      value={floor}
      options={[...names].map((name) => ({ value: name, text: name }))}
      onChange={setFloor}
      className="h-8"
    />
  );
}
