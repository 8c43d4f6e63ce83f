import { MicOff, SlidersHorizontal, Unplug, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { Character } from "../../character/Character";
import { Button, IconButton } from "../../design/Button";
import { cx } from "../../design/cx";
import { Dialog } from "../../design/Dialog";
import { House } from "../../design/House";
import { ThemeSwitch } from "../../design/ThemeSwitch";
import { waits } from "../../protocol/client";
import type { Light } from "../../protocol/frames";
import { ConnectionBadge } from "../ConnectionBadge";
import { Refused } from "../Refused";
import { PushToTalk } from "../talk/PushToTalk";
import { LANGUAGES, TextContext, textFor } from "../talk/text";
import { Waiting } from "../talk/Waiting";
import { Eyes } from "./Eyes";
import { LIGHTS, TEXT } from "./text";
import { type Playing, useSkull } from "./useSkull";
import { Workbench } from "./Workbench";

/** The colour of each light; the word beside it says the same. */
const COLOURS: Record<Light, string> = {
  idle: "var(--edge)",
  listening: "var(--well)",
  thinking: "var(--gilt)",
  speaking: "var(--live)",
  trouble: "var(--trouble)",
};

function languageOf(wish: string | null): string {
  const wanted = [wish ?? "", ...navigator.languages.map((each) => each.slice(0, 2).toLowerCase())];
  return wanted.find((each) => each in LANGUAGES) ?? "en";
}

/** A skull without bones: all that one on the table does, in a page. */
export function SkullWindow() {
  const [query] = useSearchParams();
  const language = languageOf(query.get("language"));
  const playing = useSkull(query.get("name") ?? "simulated", language);
  const { skull, sound, state, status, retry } = playing;
  const [open, setOpen] = useState(false);

  useEffect(() => {
    document.title = `${TEXT.title} – Marotte`;
  }, []);

  if (status.state === "refused") return <Refused status={status} retry={retry} language={language} />;
  if (waits(status)) return <Waiting status={status} language={language} />;
  if (state.replaced) return <Replaced retry={retry} />;
  return (
    <div className="flex h-dvh flex-col overflow-hidden" data-light={state.light} data-sound={sound}>
      <header className="z-10 flex h-14 shrink-0 items-center gap-2 border-b border-line bg-raised px-3 sm:px-4">
        <img src="/favicon.svg" alt="" className="size-8" />
        <h1 className="truncate text-lg font-semibold">{TEXT.title}</h1>
        <div className="ml-2">
          <ConnectionBadge status={status} language={language} />
        </div>
        <div className="ml-auto flex items-center gap-1">
          <div className="lg:hidden">
            <IconButton label={TEXT.workbench} onClick={() => setOpen(true)}>
              <SlidersHorizontal aria-hidden />
            </IconButton>
          </div>
          <ThemeSwitch />
        </div>
      </header>
      <main className="grid min-h-0 flex-1 lg:grid-cols-[minmax(0,1fr)_360px]">
        <div className="flex min-h-0 flex-col">
          <Scene playing={playing} />
          <Dock playing={playing} language={language} />
        </div>
        <aside aria-label={TEXT.workbench} className="hidden min-h-0 overflow-y-auto border-l border-line p-3 lg:block">
          <Workbench skull={skull} state={state} />
        </aside>
      </main>
      <Dialog sheet title={TEXT.workbench} open={open} onClose={() => setOpen(false)}>
        <Workbench skull={skull} state={state} />
      </Dialog>
    </div>
  );
}

/** The dark room with the skull in the light of its own lamp. */
function Scene({ playing: { skull, state, sound } }: { playing: Playing }) {
  return (
    <House className="flex min-h-0 flex-1 flex-col items-center">
      <div
        aria-hidden
        className={cx("absolute inset-0 -z-10 transition", state.light === "thinking" && "animate-breathe")}
        style={{
          opacity: state.light === "idle" ? 0 : 1,
          background: `radial-gradient(ellipse 40% 50% at 50% 50%, color-mix(in srgb, ${COLOURS[state.light]} 45%, transparent), transparent 70%)`,
        }}
      />
      <div className="min-h-0 w-full flex-1 px-4 pt-16 pb-2">
        <Character
          drawing="skull"
          handle={skull.attach}
          className="mx-auto block h-full max-w-full animate-rise"
          label={TEXT.label}
        />
      </div>
      <div className="absolute top-16 right-[max(1rem,9%)] w-28 sm:w-40">
        <Eyes state={state} />
      </div>
      <div
        role="status"
        className="pointer-events-none absolute inset-x-0 bottom-3 flex flex-col items-center gap-2 px-4"
      >
        {state.note && (
          <p className="max-w-xl animate-rise rounded-2xl border border-line bg-raised/95 px-5 py-3 text-center shadow-card">
            {state.note}
          </p>
        )}
        {(sound === "blocked" || sound === "absent") && (
          <p className="rounded-full border border-line bg-raised/95 px-3 py-1 text-xs text-quiet">
            {sound === "blocked" ? TEXT.soundBlocked : TEXT.soundAbsent}
          </p>
        )}
      </div>
    </House>
  );
}

/** The button and its light. */
function Dock({ playing: { skull, state, status }, language }: { playing: Playing; language: string }) {
  return (
    <div className="shrink-0 border-t border-line bg-raised px-4 pt-4 pb-[max(1rem,env(safe-area-inset-bottom))]">
      {state.trouble && (
        <div
          role="alert"
          className="mx-auto mb-4 flex max-w-2xl animate-rise items-start gap-3 rounded-card border border-trouble/50 bg-trouble/8 p-3"
        >
          <MicOff aria-hidden className="mt-0.5 size-5 shrink-0 text-trouble" />
          <p lang={language} className="flex-1 text-sm">
            {textFor(language).troubles[state.trouble].title}
          </p>
          <button
            type="button"
            aria-label={TEXT.dismiss}
            onClick={() => skull.dismiss()}
            className="text-quiet hover:text-ink"
          >
            <X aria-hidden className="size-4" />
          </button>
        </div>
      )}
      <p role="status" className="mb-3 flex items-center justify-center gap-2 text-sm font-medium">
        <span
          aria-hidden
          className={cx("size-3 rounded-full", state.light !== "idle" && "animate-breathe")}
          style={{
            background: COLOURS[state.light],
            boxShadow: state.light === "idle" ? "none" : `0 0 12px ${COLOURS[state.light]}`,
          }}
        />
        {LIGHTS[state.light]}
      </p>
      <div lang={language}>
        <TextContext value={textFor(language)}>
          <PushToTalk speech={skull} held={state.held} disabled={status.state !== "open"} />
        </TextContext>
      </div>
    </div>
  );
}

function Replaced({ retry }: { retry: () => void }) {
  return (
    <House className="grid h-dvh place-items-center p-6">
      <main className="flex w-full max-w-md animate-rise flex-col items-center gap-4 rounded-2xl border border-line bg-raised p-8 text-center shadow-float">
        <Unplug aria-hidden className="size-8 text-gilt" />
        <h1 className="text-xl font-semibold">{TEXT.replacedTitle}</h1>
        <p className="text-balance text-quiet">{TEXT.replacedHelp}</p>
        <Button kind="live" onClick={retry}>
          {TEXT.takeBack}
        </Button>
      </main>
    </House>
  );
}
