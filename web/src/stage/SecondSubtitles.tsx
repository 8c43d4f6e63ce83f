import { useSyncExternalStore } from "react";
import { cx } from "../design/cx";
import { Emoted } from "../emotes/Emoted";
import type { Puppeteer } from "./puppeteer";

interface SecondSubtitlesProps {
  puppeteer: Puppeteer;
  className?: string;
}

/** What is spoken now in a second language, where somebody has translated it; it does not light up. */
export function SecondSubtitles({ puppeteer, className }: SecondSubtitlesProps) {
  const { second } = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.frame);
  return (
    <p
      lang={second?.language}
      dir="auto"
      className={cx("text-balance empty:hidden", className)}
      data-second-subtitles=""
    >
      {second && <Emoted text={second.text} said />}
    </p>
  );
}
