import { Mic } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { cx } from "../../design/cx";
import { Meter } from "../../design/Meter";
import type { Speech } from "./speech";
import { useText } from "./text";

/** A touch shorter than this is a tap, and a tap keeps the button down until the next. */
const TAP = 300;
/** Where the space bar has a meaning of its own. */
const TYPING = "input, textarea, button, a, [role], [contenteditable]";

interface PushToTalkProps {
  speech: Pick<Speech, "press" | "release" | "level">;
  held: boolean;
  disabled: boolean;
}

/** The one big button: hold it, or the space bar, and speak; or tap it to begin and again to end. */
export function PushToTalk({ speech, held, disabled }: PushToTalkProps) {
  const words = useText();
  const { latched, down, up, tap, cancel } = useHold(speech, held);
  useSpaceBar(speech, disabled);
  const keyed = useRef(false);
  const key = (event: KeyboardEvent, then: () => void) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    keyed.current = event.type === "keydown";
    if (!event.repeat) then();
  };
  const blur = () => {
    // Where the key comes up elsewhere, nobody would tell.
    if (keyed.current) cancel();
    keyed.current = false;
  };
  const caption = held ? (latched ? words.tapToEnd : words.release) : words.hold;
  return (
    <div className="flex flex-col items-center gap-2">
      <button
        type="button"
        disabled={disabled}
        aria-pressed={held}
        aria-label={caption}
        data-held={held}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          down();
        }}
        onPointerUp={up}
        onPointerCancel={cancel}
        // What clicks without a pointer, a voice or a switch, can hold nothing down; keys have been taken before.
        onClick={(event) => event.detail === 0 && tap()}
        onKeyDown={(event) => key(event, down)}
        onKeyUp={(event) => key(event, up)}
        onBlur={blur}
        onContextMenu={(event) => event.preventDefault()}
        className={cx(
          "relative grid size-22 touch-none place-items-center rounded-full border-4 transition select-none disabled:opacity-40",
          held
            ? "scale-105 border-live bg-live text-on-live shadow-[0_0_0_8px_color-mix(in_srgb,var(--live)_25%,transparent)]"
            : "border-live/35 bg-live text-on-live shadow-card hover:brightness-110 active:scale-95",
        )}
      >
        {held ? (
          <Meter label={words.level} bars={7} connect={speech.level} />
        ) : (
          <Mic aria-hidden className="size-9" strokeWidth={2.2} />
        )}
      </button>
      <p className="flex items-center gap-2 text-sm font-medium" aria-live="polite">
        {caption}
        {!held && (
          <kbd className="hidden rounded-md border border-line bg-house px-1.5 py-0.5 font-sans text-xs text-quiet lg:inline">
            {words.space}
          </kbd>
        )}
      </p>
    </div>
  );
}

/** Tells a hold from a tap. */
function useHold(speech: PushToTalkProps["speech"], held: boolean) {
  const since = useRef(0);
  const [latched, setLatched] = useState(false);
  // Whatever else ended it, for example a microphone that is not allowed, the next touch begins anew.
  useEffect(() => {
    if (!held) setLatched(false);
  }, [held]);
  const cancel = () => {
    setLatched(false);
    speech.release();
  };
  const begin = () => {
    if (!latched || !held) void speech.press();
  };
  return {
    latched,
    cancel,
    tap: () => {
      if (held) return cancel();
      begin();
      setLatched(true);
    },
    down: () => {
      since.current = performance.now();
      begin();
    },
    up: () => {
      // A microphone that is not allowed may have ended it already.
      if (held && !latched && performance.now() - since.current < TAP) setLatched(true);
      else cancel();
    },
  };
}

/** The space bar holds the button wherever it means nothing else. */
function useSpaceBar(speech: PushToTalkProps["speech"], disabled: boolean): void {
  useEffect(() => {
    if (disabled) return;
    let held = false;
    const meant = (event: globalThis.KeyboardEvent) =>
      event.code === "Space" && !(event.target instanceof Element && event.target.closest(TYPING));
    const down = (event: globalThis.KeyboardEvent) => {
      if (!meant(event) || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      held = true;
      void speech.press();
    };
    const up = (event: globalThis.KeyboardEvent) => {
      if (meant(event)) lose();
    };
    const lose = () => {
      // What is held by another button, perhaps far from this page, goes on.
      if (held) speech.release();
      held = false;
    };
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", lose);
    return () => {
      lose();
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
      removeEventListener("blur", lose);
    };
  }, [speech, disabled]);
}
