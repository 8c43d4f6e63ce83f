import { Mic2, Square } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Badge, type Tone } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { Emoted } from "../../../emotes/Emoted";
import { rest } from "../../../protocol/rest";
import type { Mood } from "../../../stage/puppeteer";
import { Subtitles } from "../../../stage/Subtitles";
import { useDesk, useMay } from "../desk";
import { useTopic } from "../useControl";
import { TEXT } from "./text";

const TONES: Record<Mood, Tone> = { idle: "quiet", listening: "gilt", thinking: "gilt", speaking: "live" };

/** What is being said, word by word, and the means to end it. */
export function Now() {
  const { puppeteer, turn, floor, setFloor } = useDesk();
  const toast = useToast();
  const moderator = useMay("moderator");
  const frame = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.frame);
  const doing = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.doing);
  const { data: floors } = useTopic("floors");
  const row = turn === undefined ? floors?.find((each) => each.name === floor) : undefined;
  const going = Boolean(turn || row?.turn) || frame.speaking;
  const mood = going && doing === "idle" ? (row?.speaking ? "speaking" : "thinking") : doing;
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
            {turn.verbatim ? (
              TEXT.wordForWord
            ) : (
              <>
                {TEXT.answers} <span className="font-medium text-ink">{turn.who || turn.lane}</span>
                {turn.text && (
                  <>
                    : “<Emoted text={turn.text} />”
                  </>
                )}
              </>
            )}
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
          ) : going ? (
            <p className="animate-wait text-2xl text-quiet">{mood === "speaking" ? TEXT.speaking : TEXT.thinking}</p>
          ) : (
            <div>
              <p className="text-lg font-medium">{TEXT.silent}</p>
              <p className="text-sm text-quiet">{TEXT.silentHelp}</p>
            </div>
          )}
        </div>
        {moderator && (
          <Button
            kind="danger"
            className="self-end"
            disabled={!going}
            onClick={() => void rest.stop(floor).catch((error: Error) => toast(error.message, true))}
          >
            <Square aria-hidden className="size-4 fill-current" />
            {TEXT.stop}
          </Button>
        )}
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
      small
    />
  );
}
