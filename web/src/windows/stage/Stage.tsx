import { Volume2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { Character } from "../../character/Character";
import { cx } from "../../design/cx";
import { House } from "../../design/House";
import { useEmotes } from "../../emotes/names";
import { token } from "../../protocol/token";
import { useConnection, useStatus } from "../../protocol/useConnection";
import { drawingOf } from "../../stage/drawing";
import { SecondSubtitles } from "../../stage/SecondSubtitles";
import { Subtitles } from "../../stage/Subtitles";
import { usePuppeteer } from "../../stage/usePuppeteer";
import { Wheel } from "../../stage/Wheel";
import { Refused } from "../Refused";
import { stageOptions } from "./options";

/** Words can be read before any picture. */
const OUTLINE = "[-webkit-text-stroke:0.14em_rgb(21_17_29/0.85)]";
const TEXT = { sound: "Click for sound", title: "Stage", refused: "Not let in" };

/** The character alone, for a capture: nothing to be seen but it, its words and, if wanted, the house. */
export function Stage() {
  const [query] = useSearchParams();
  const options = stageOptions(query);
  const root = useRef<HTMLElement>(null);
  const [entrance, setEntrance] = useState(0);
  const connection = useConnection(
    { window: "stage", token: token(), floor: options.floor, subtitles: options.second },
    `${options.floor}/${entrance}`,
  );
  const status = useStatus(connection);
  const { welcome } = status;
  const refused = status.state === "refused" || (!welcome && status.refusal !== null);
  const { puppeteer, playback, sound } = usePuppeteer(connection);
  const [asked, setAsked] = useState(false);
  useEmotes(status.state === "open");

  useEffect(() => {
    if (!options.sound) return;
    void playback.start();
    // Where a click is wanted, the hint comes only after the browser had time to allow it by itself.
    const hint = setTimeout(() => setAsked(true), 1500);
    return () => clearTimeout(hint);
  }, [playback, options.sound]);

  useEffect(() => {
    puppeteer.onPicture = (frame, sample) => {
      if (!root.current) return;
      root.current.dataset.mouth = frame.shape;
      root.current.dataset.speaking = String(frame.speaking);
      root.current.dataset.sample = String(Math.round(sample));
    };
  }, [puppeteer]);

  useEffect(() => {
    const { documentElement: page } = document;
    const known = welcome ? `${welcome.character.name} – stage` : `${TEXT.title} – Marotte`;
    document.title = refused ? `${TEXT.refused} – Marotte` : known;
    if (refused && !options.captured) return;
    if (options.background === "transparent") page.style.background = "transparent";
    // The house is dark by day too; a dark page without a house may not be seen through.
    page.style.colorScheme = options.background === "house" ? "dark" : "light";
    return () => {
      page.style.background = "";
      page.style.colorScheme = "";
    };
  }, [options.background, options.captured, welcome, refused]);

  // Viewers of a capture are not told of keys.
  if (refused) return options.captured ? null : <Refused status={status} retry={() => setEntrance(entrance + 1)} />;

  const scene = (
    <main
      ref={root}
      data-mouth="rest"
      data-speaking="false"
      data-sample="0"
      data-sound={sound}
      className="flex h-dvh flex-col items-center justify-end overflow-hidden"
      style={{ "--size": options.size } as React.CSSProperties}
    >
      <h1 className="sr-only">{welcome?.character.name ?? TEXT.title}</h1>
      {options.character && welcome && (
        <div className="min-h-0 w-full flex-1" style={{ paddingTop: `calc((1 - var(--size)) * 60vh + 3vh)` }}>
          <Character
            drawing={drawingOf(welcome.character.drawing)}
            handle={puppeteer.attach}
            className="mx-auto block h-full max-w-full"
            label={welcome.character.name}
          />
        </div>
      )}
      {options.subtitles && (
        <div
          className={cx(
            "z-10 mb-[5vh] flex-none w-[min(84vw,23em)] px-4 text-center text-[clamp(20px,min(5.2vh,4.6vw),64px)] leading-[1.3] [paint-order:stroke_fill]",
            // Room for both from the start, so that the character does not move when words come.
            welcome?.subtitles ? "min-h-[4.6em]" : "min-h-[2.6em]",
          )}
        >
          <Subtitles
            puppeteer={puppeteer}
            className={cx("font-semibold", OUTLINE)}
            unlit="text-[#cfc6da]"
            lit="text-[#ffffff]"
          />
          <SecondSubtitles
            puppeteer={puppeteer}
            className={cx("mt-[0.3em] text-[0.68em] font-medium text-[#cfc6da]", OUTLINE)}
          />
        </div>
      )}
      {options.wheel && <Wheel connection={connection} />}
      {sound === "blocked" && asked && (
        <button
          type="button"
          onClick={() => void playback.start()}
          className="fixed right-3 bottom-3 inline-flex items-center gap-2 rounded-full bg-black/50 px-3 py-1.5 text-xs text-white/80 hover:text-white"
        >
          <Volume2 aria-hidden className="size-4" />
          {TEXT.sound}
        </button>
      )}
    </main>
  );
  return options.background === "house" ? <House className="h-dvh">{scene}</House> : scene;
}
