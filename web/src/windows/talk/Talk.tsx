import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";
import { Dialog } from "../../design/Dialog";
import { useEmotes } from "../../emotes/names";
import { waits } from "../../protocol/client";
import { Refused } from "../Refused";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { ConversationList } from "./ConversationList";
import { Dock } from "./Dock";
import { Header, Settings } from "./Header";
import { Scene } from "./Scene";
import { TextContext, textFor } from "./text";
import { useTalk } from "./useTalk";
import { Waiting } from "./Waiting";

/** The first thing that a newcomer sees: the character, and one big button to talk to it. */
export function Talk() {
  const [query] = useSearchParams();
  const talk = useTalk(query.get("floor") ?? "private", query.get("subtitles"));
  const [listOpen, setListOpen] = useState(false);
  const [settingsOpen, setSettingsOpen] = useState(false);
  const { welcome, state } = talk.status;
  const words = textFor(talk.language);
  const character = welcome?.character.name ?? "Marotte";
  const watching = welcome !== null && welcome.floor === "public" && welcome.rights !== "operator";
  const disabled = state !== "open" || watching;

  useEmotes(state === "open");
  useEffect(() => {
    document.title = welcome ? `${welcome.character.name} – Marotte` : "Marotte";
  }, [welcome]);
  useEffect(() => {
    document.documentElement.lang = talk.language;
    return () => {
      document.documentElement.lang = "en";
    };
  }, [talk.language]);

  if (state === "refused") return <Refused status={talk.status} retry={talk.retry} language={talk.language} />;
  if (waits(talk.status)) return <Waiting status={talk.status} language={talk.language} />;
  const list = <ConversationList conversation={talk.conversation} puppeteer={talk.puppeteer} character={character} />;
  const composer = <Composer disabled={watching} open={state === "open"} send={talk.send} />;
  return (
    <TextContext value={words}>
      <div className="flex h-dvh flex-col overflow-hidden">
        <Header talk={talk} character={character} openSettings={() => setSettingsOpen(true)} />
        <main className="grid min-h-0 flex-1 lg:grid-cols-[minmax(0,1fr)_384px]">
          <div className="flex min-h-0 flex-col">
            <Scene talk={talk} character={character} disabled={disabled} watching={watching} />
            <Dock talk={talk} disabled={disabled} openList={() => setListOpen(true)}>
              {composer}
            </Dock>
          </div>
          <aside className="hidden min-h-0 flex-col border-l border-line bg-raised lg:flex">
            <h2 className="border-b border-line px-4 py-3 text-sm font-semibold">{words.conversation}</h2>
            <div className="min-h-0 flex-1 overflow-y-auto p-4">{list}</div>
            <div className="border-t border-line p-4">{composer}</div>
          </aside>
        </main>
        <Announcer conversation={talk.conversation} character={character} />
        <Dialog
          sheet
          close={words.dismiss}
          title={words.conversation}
          open={listOpen}
          onClose={() => setListOpen(false)}
        >
          {list}
        </Dialog>
        <Dialog close={words.dismiss} title={words.settings} open={settingsOpen} onClose={() => setSettingsOpen(false)}>
          <Settings talk={talk} />
        </Dialog>
      </div>
    </TextContext>
  );
}
