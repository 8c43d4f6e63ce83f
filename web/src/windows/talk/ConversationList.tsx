import { MessageCircle, Scissors } from "lucide-react";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { Badge } from "../../design/Badge";
import { cx } from "../../design/cx";
import { Empty } from "../../design/Empty";
import { Tooltip } from "../../design/Tooltip";
import { Emoted } from "../../emotes/Emoted";
import type { Puppeteer } from "../../stage/puppeteer";
import { type Conversation, type Entry, heardOf, languageOf, type Reply, type Yours } from "./conversation";
import { useText } from "./text";

interface ListProps {
  conversation: Conversation;
  puppeteer: Puppeteer;
  character: string;
}

/** What both have said, newest below; of the character only what was heard. */
export function ConversationList({ conversation, puppeteer, character }: ListProps) {
  const words = useText();
  const end = useRef<HTMLDivElement>(null);
  const { entries, partial } = conversation;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows whatever is added
  useEffect(() => {
    end.current?.scrollIntoView({ block: "nearest" });
  }, [entries, partial]);
  if (!entries.length && !partial) {
    return (
      <Empty icon={<MessageCircle aria-hidden />} title={words.empty}>
        {words.emptyHelp}
      </Empty>
    );
  }
  return (
    <>
      <ol className="flex flex-col gap-3" aria-label={words.conversation}>
        {entries.map((entry) => (
          <Row key={entry.key} entry={entry} puppeteer={puppeteer} character={character} />
        ))}
        {partial && (
          <li className="flex justify-end">
            <Bubble mine dim>
              <Partial {...partial} />
            </Bubble>
          </li>
        )}
      </ol>
      <div ref={end} />
    </>
  );
}

/** What is being understood, before it is certain. */
export function Partial({ text, uncertain }: { text: string; uncertain: boolean }) {
  return (
    <span className={cx("text-quiet", uncertain && "underline decoration-gilt decoration-dotted underline-offset-4")}>
      {text || "…"}
    </span>
  );
}

function Row({ entry, puppeteer, character }: { entry: Entry; puppeteer: Puppeteer; character: string }) {
  if (entry.who === "you") return <Mine entry={entry} />;
  return <Theirs reply={entry} puppeteer={puppeteer} character={character} />;
}

function Mine({ entry }: { entry: Yours }) {
  const words = useText();
  return (
    <li className="flex justify-end">
      <Bubble mine dim={entry.sending}>
        {entry.from ? (
          <span className="mr-1 text-sm text-quiet">{entry.from}:</span>
        ) : (
          <span className="sr-only">{words.you}: </span>
        )}
        <span lang={entry.language || undefined} dir="auto">
          <Emoted text={entry.text} said={entry.key.startsWith("said-")} />
        </span>
        {entry.uncertain && (
          <Tooltip text={words.uncertainWhy}>
            <span className="ml-2 inline-block align-middle">
              <Badge tone="gilt">{words.uncertain}</Badge>
            </span>
          </Tooltip>
        )}
      </Bubble>
    </li>
  );
}

function Theirs({ reply, puppeteer, character }: { reply: Reply; puppeteer: Puppeteer; character: string }) {
  const words = useText();
  const frame = useSyncExternalStore(puppeteer.subscribe, () => puppeteer.frame);
  const mine = frame.line && frame.line.turn === reply.key ? frame.line : null;
  const live = mine && {
    id: mine.id,
    text: mine.phrases
      .flatMap((phrase) => phrase.pieces)
      .slice(0, frame.lit)
      .map((piece) => piece.text)
      .join("")
      .trimEnd(),
  };
  const text = heardOf(reply, live);
  if (!text && reply.state === "discarded") return null;
  return (
    <li className="flex animate-rise">
      <Bubble>
        <span className="sr-only">{character}: </span>
        {text ? (
          <span lang={languageOf(reply) || undefined} dir="auto">
            <Emoted text={text} said />
          </span>
        ) : (
          <span className={cx("text-quiet", reply.state === "live" && "animate-breathe")}>
            {reply.state === "live" ? (
              words.thinking
            ) : reply.reason ? (
              <span lang="en">{reply.reason}</span>
            ) : (
              words.discarded
            )}
          </span>
        )}
        {reply.cut && text && (
          <Tooltip text={words.cutWhy}>
            <span className="ml-2 inline-flex items-center gap-1 rounded-full bg-gilt/12 px-2 py-0.5 align-middle text-xs text-gilt">
              <Scissors aria-hidden className="size-3" />
              {words.cut}
            </span>
          </Tooltip>
        )}
      </Bubble>
    </li>
  );
}

function Bubble({ mine, dim, children }: { mine?: boolean; dim?: boolean; children: React.ReactNode }) {
  return (
    <div
      className={cx(
        "max-w-[85%] rounded-2xl px-4 py-2 text-[15px] leading-relaxed break-words",
        mine ? "rounded-br-sm border border-line bg-hover" : "rounded-bl-sm border border-gilt/25 bg-gilt/8",
        dim && "border-dashed",
      )}
    >
      {children}
    </div>
  );
}
