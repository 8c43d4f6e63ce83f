import { Eye, EyeOff } from "lucide-react";
import { Button } from "../../design/Button";
import { Select } from "../../design/Select";
import { type CameraSource, cameraOffered, screenOffered } from "../../sight/camera";
import { Preview } from "../../sight/Preview";
import { useText } from "./text";
import type { Talking } from "./useTalk";

const NOTHING = "nothing";

/** What the character may see of the partner. */
export function LetItSee({ talk }: { talk: Pick<Talking, "sight" | "seeing"> }) {
  const words = useText();
  const { sight, seeing } = talk;
  const options = [
    { value: NOTHING, text: words.seesNothing },
    ...(cameraOffered() ? [{ value: "camera", text: words.seesCamera }] : []),
    ...(screenOffered() ? [{ value: "screen", text: words.seesScreen }] : []),
  ];
  return (
    <div>
      <p aria-hidden className="mb-1 text-sm">
        {words.see}
      </p>
      <Select
        label={words.see}
        icon={seeing.source ? <Eye aria-hidden /> : <EyeOff aria-hidden />}
        value={seeing.source ?? NOTHING}
        options={options}
        onChange={(value) => void sight.show(value === NOTHING ? null : (value as CameraSource))}
        className="w-full"
      />
      <p role="status" className="mt-1 text-sm text-quiet">
        {seeing.trouble ? words.blind[seeing.trouble] : cameraOffered() ? words.seeHelp : words.blind.insecure}
      </p>
      {seeing.stream && <Preview stream={seeing.stream} label={words.seenNow} className="mt-2 w-40" />}
    </div>
  );
}

/** The sign that it sees, with what it sees, for as long as it does. */
export function Seen({ talk, character }: { talk: Pick<Talking, "sight" | "seeing">; character: string }) {
  const words = useText();
  const { sight, seeing } = talk;
  if (!seeing.stream || !seeing.source) return null;
  return (
    <section
      aria-label={words.seenNow}
      className="absolute top-16 right-[max(1rem,9%)] flex w-32 animate-rise flex-col overflow-hidden rounded-card border-2 border-live bg-raised shadow-float sm:w-44"
    >
      <Preview stream={seeing.stream} label={words.seenNow} className="w-full rounded-none" />
      <p role="status" className="flex items-center gap-1.5 px-2 pt-1.5 text-xs font-medium text-live">
        <span aria-hidden className="size-2 shrink-0 animate-breathe rounded-full bg-live" />
        {words.sees[seeing.source](character)}
      </p>
      <Button small kind="ghost" onClick={() => void sight.show(null)} className="justify-start px-2">
        <EyeOff aria-hidden className="size-4" />
        {words.seeNoMore}
      </Button>
    </section>
  );
}
