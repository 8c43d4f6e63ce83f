import { cut } from "./cut";
import { useNames } from "./names";

interface EmotedProps {
  text: string;
  /** Whether the character says it, and nobody in a chat. */
  said?: boolean;
}

/** Text whose emotes are drawn as pictures; each has its name for those who do not see it. */
export function Emoted({ text, said = false }: EmotedProps) {
  const parts = cut(text, useNames(), said);
  return parts.map((part, index) =>
    typeof part === "string" ? (
      part
    ) : (
      <img
        // biome-ignore lint/suspicious/noArrayIndexKey: the text never changes its order
        key={index}
        src={part.picture}
        alt={part.name}
        title={part.name}
        className="inline-block h-[1.35em] w-auto max-w-[4em] align-middle"
        draggable={false}
      />
    ),
  );
}
