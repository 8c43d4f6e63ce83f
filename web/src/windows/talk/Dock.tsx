import { MessagesSquare, MicOff, Square, Volume2, VolumeX, X } from "lucide-react";
import { type ReactNode, useSyncExternalStore } from "react";
import { Button, IconButton } from "../../design/Button";
import { Meter } from "../../design/Meter";
import { Switch } from "../../design/Switch";
import { PushToTalk } from "./PushToTalk";
import { Latency, Times } from "./Times";
import { useText } from "./text";
import type { Talking } from "./useTalk";

interface DockProps {
  talk: Talking;
  disabled: boolean;
  openList: () => void;
  children: ReactNode;
}

/** Where the partner speaks from: the button and what belongs to it. */
export function Dock({ talk, disabled, openList, children }: DockProps) {
  const doing = useSyncExternalStore(talk.puppeteer.subscribe, () => talk.puppeteer.doing);
  const words = useText();
  const { speech, speaking } = talk;
  const last = talk.conversation.entries.findLast((entry) => entry.who === "it");
  const busy = doing === "speaking" || doing === "thinking" || (last?.who === "it" && last.state === "live");
  return (
    <div className="shrink-0 border-t border-line bg-raised px-4 pt-4 pb-[max(1rem,env(safe-area-inset-bottom))]">
      {speaking.trouble && <Trouble {...words.troubles[speaking.trouble]} close={() => speech.dismiss()} />}
      {talk.timesShown && <Times timings={talk.timings} heard={talk.latency} />}
      <div className="mx-auto grid max-w-3xl grid-cols-[1fr_auto_1fr] items-center gap-3">
        <div className="flex flex-col items-start gap-1">
          <Switch
            label={<span className="whitespace-nowrap max-sm:text-xs">{words.handsFree}</span>}
            checked={speaking.handsFree}
            onChange={(on) => void speech.listen(on)}
            disabled={disabled}
          />
          <div className="flex items-center gap-3">
            <Latency value={talk.latency} open={talk.timesShown} onToggle={talk.toggleTimes} />
            {speaking.handsFree && !speaking.held && (
              <div className="max-sm:hidden">
                <Meter label={words.level} connect={speech.level} />
              </div>
            )}
          </div>
        </div>
        <PushToTalk speech={speech} held={speaking.held} disabled={disabled} />
        <div className="flex flex-wrap items-center justify-end gap-2">
          <Button
            kind="danger"
            disabled={!busy || disabled}
            onClick={talk.stop}
            className="max-sm:px-3"
            aria-label={words.stop}
          >
            <Square aria-hidden className="size-4 fill-current" />
            <span className="max-sm:hidden">{words.stop}</span>
          </Button>
          <IconButton
            label={talk.muted ? words.soundOff : words.soundOn}
            aria-pressed={!talk.muted}
            onClick={() => talk.setMuted(!talk.muted)}
          >
            {talk.muted ? <VolumeX aria-hidden /> : <Volume2 aria-hidden />}
          </IconButton>
        </div>
      </div>
      <div className="mt-3 flex items-center gap-2 lg:hidden">
        <IconButton label={words.conversation} kind="plain" onClick={openList} className="size-11">
          <MessagesSquare aria-hidden />
        </IconButton>
        <div className="flex-1">{children}</div>
      </div>
    </div>
  );
}

interface TroubleProps {
  title: string;
  help: string;
  close: () => void;
}

function Trouble({ title, help, close }: TroubleProps) {
  const words = useText();
  return (
    <div
      role="alert"
      className="mx-auto mb-4 flex max-w-3xl animate-rise items-start gap-3 rounded-card border border-trouble/50 bg-trouble/8 p-3"
    >
      <MicOff aria-hidden className="mt-0.5 size-5 shrink-0 text-trouble" />
      <div className="flex-1 text-sm">
        <p className="font-semibold">{title}</p>
        <p className="text-quiet">{help}</p>
      </div>
      <button type="button" aria-label={words.dismiss} onClick={close} className="text-quiet hover:text-ink">
        <X aria-hidden className="size-4" />
      </button>
    </div>
  );
}
