import { useSyncExternalStore } from "react";
import { cx } from "../design/cx";
import { Emoted } from "../emotes/Emoted";
import type { Puppeteer } from "./puppeteer";

interface SubtitlesProps {
  puppeteer: Puppeteer;
  className?: string;
  /** How words look before and after they sound. */
  unlit: string;
  lit: string;
}

/** The phrase that is spoken now; each word lights up as it sounds. */
export function Subtitles({ puppeteer, className, unlit, lit }: SubtitlesProps) {
  const frame = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.frame);
  const phrase = frame.line?.phrases[frame.phrase];
  if (!frame.line || !phrase) return <p className={className} data-subtitles="" />;
  return (
    <p lang={frame.line.language} dir="auto" className={cx("text-balance", className)} data-subtitles="">
      {phrase.pieces.map((piece, index) => (
        <span
          key={piece.offset}
          data-lit={phrase.from + index < frame.lit}
          className={cx("transition-colors duration-100", phrase.from + index < frame.lit ? lit : unlit)}
        >
          <Emoted text={piece.text} said />
        </span>
      ))}
    </p>
  );
}
