import { type ReactNode, useSyncExternalStore } from "react";
import { Character } from "../../character/Character";
import { Button } from "../../design/Button";
import { House } from "../../design/House";
import { drawingOf } from "../../stage/drawing";
import { SecondSubtitles } from "../../stage/SecondSubtitles";
import { Subtitles } from "../../stage/Subtitles";
import { Partial } from "./ConversationList";
import { Seen } from "./LetItSee";
import { useText } from "./text";
import type { Talking } from "./useTalk";

interface SceneProps {
  talk: Talking;
  character: string;
  disabled: boolean;
  /** The partner may only look on. */
  watching: boolean;
}

/** The small theatre with the character in it, and its words. */
export function Scene({ talk, character, disabled, watching }: SceneProps) {
  const words = useText();
  const { puppeteer, status } = talk;
  return (
    <House className="flex min-h-0 flex-1 flex-col items-center">
      <div
        className="min-h-0 w-full flex-1 px-4 pt-10"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const across = ((event.clientX - box.left) / box.width) * 2 - 1;
          const down = ((event.clientY - box.top) / box.height) * 2 - 1;
          puppeteer.character?.look(across, down);
        }}
        onPointerLeave={() => puppeteer.character?.look(0, 0)}
      >
        {status.welcome && (
          <Character
            drawing={drawingOf(status.welcome.character.drawing)}
            handle={puppeteer.attach}
            className="mx-auto block h-full max-w-full animate-rise"
            label={character}
          />
        )}
      </div>
      <div className="flex min-h-24 w-full shrink-0 items-center justify-center px-4 pb-4">
        <Words talk={talk} character={character} disabled={disabled} watching={watching} />
      </div>
      <Seen talk={talk} character={character} />
      {talk.sound === "blocked" && (
        <p className="absolute top-16 right-4 left-4 mx-auto w-fit rounded-full border border-line bg-raised/90 px-3 py-1 text-xs text-quiet">
          {words.soundBlocked}
        </p>
      )}
    </House>
  );
}

/** The board under the character: its words, else the partner's, else how to begin. */
function Words({ talk, character, disabled, watching }: SceneProps) {
  const { puppeteer, conversation, speaking } = talk;
  const frame = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.frame);
  const words = useText();
  if (frame.line) {
    return (
      <Placard>
        <Subtitles
          puppeteer={puppeteer}
          className="text-xl leading-snug font-semibold sm:text-2xl"
          unlit="text-quiet/80"
          lit="text-ink"
        />
        <SecondSubtitles puppeteer={puppeteer} className="mt-1 text-sm text-quiet sm:text-base" />
      </Placard>
    );
  }
  if (speaking.held || conversation.partial) {
    return (
      <Placard>
        <p className="text-lg">
          {conversation.partial ? (
            <Partial {...conversation.partial} />
          ) : (
            <span className="text-quiet">{words.listening}…</span>
          )}
        </p>
      </Placard>
    );
  }
  if (watching) {
    return (
      <Placard>
        <p className="text-quiet">{words.watching}</p>
      </Placard>
    );
  }
  if (conversation.entries.length || !talk.status.welcome) return null;
  return (
    <Placard>
      <p className="mb-3 text-lg font-semibold sm:text-xl">{words.greeting(character)}</p>
      <Hints talk={talk} disabled={disabled} />
    </Placard>
  );
}

function Placard({ children }: { children: ReactNode }) {
  return (
    <div className="max-w-2xl animate-rise rounded-2xl border border-line bg-raised/92 px-5 py-3 text-center shadow-card backdrop-blur-sm">
      {children}
    </div>
  );
}

function Hints({ talk, disabled }: { talk: Talking; disabled: boolean }) {
  const words = useText();
  return (
    <ul className="flex max-w-full flex-wrap justify-center gap-2">
      {words.tries.map((text) => (
        <li key={text}>
          <Button small disabled={disabled} onClick={() => talk.send(text)} className="rounded-full">
            {text}
          </Button>
        </li>
      ))}
    </ul>
  );
}
