import type { Conversation } from "./conversation";
import { useText } from "./text";

/** Lines that stay for a screen reader to finish. */
const KEPT = 4;

/** Tells a screen reader each line once it was said, and not every word on its way. */
export function Announcer({ conversation, character }: { conversation: Conversation; character: string }) {
  const words = useText();
  return (
    <div role="log" aria-live="polite" aria-label={words.said} className="sr-only">
      {finished(conversation, character, words.you).map(({ key, text, language }) => (
        <p key={key} lang={language || undefined}>
          {text}
        </p>
      ))}
    </div>
  );
}

/** What was said to its end lately; what the partner typed here they know. */
function finished({ entries }: Conversation, character: string, you: string) {
  const lines = entries.slice(-KEPT).flatMap((entry) => {
    if (entry.who === "you") {
      const text = `${entry.from || you}: ${entry.text}`;
      return entry.key.startsWith("typed-") ? [] : [{ key: entry.key, text, language: entry.language }];
    }
    return entry.lines
      .filter((line) => line.heard)
      .map((line, index) => ({
        key: line.id,
        text: index ? `${line.heard}` : `${character}: ${line.heard}`,
        language: line.language,
      }));
  });
  return lines.slice(-KEPT);
}
