import { Languages, Settings2 } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../design/Badge";
import { IconButton } from "../../design/Button";
import { endsComposition } from "../../design/composition";
import { Field } from "../../design/Field";
import { Select } from "../../design/Select";
import { Switch } from "../../design/Switch";
import { ThemeSwitch } from "../../design/ThemeSwitch";
import { recognitionOffered } from "../../sound/recognition";
import { ConnectionBadge } from "../ConnectionBadge";
import { Devices } from "./Devices";
import { LetItSee } from "./LetItSee";
import { SecondLanguage } from "./SecondLanguage";
import { LANGUAGES, useText } from "./text";
import type { Talking } from "./useTalk";

/** Who speaks here, in which language, and whether the line stands. */
export function Header({
  talk,
  character,
  openSettings,
}: {
  talk: Talking;
  character: string;
  openSettings: () => void;
}) {
  const words = useText();
  const { welcome } = talk.status;
  const offered = welcome?.character.languages.filter((each) => each in LANGUAGES) ?? Object.keys(LANGUAGES);
  const languages = offered.includes(talk.language) ? offered : [talk.language, ...offered];
  return (
    <header className="z-10 flex h-14 shrink-0 items-center gap-2 border-b border-line bg-raised px-3 sm:px-4">
      <img src="/favicon.svg" alt="" className="size-8" />
      <h1 className="truncate text-lg font-semibold">{character}</h1>
      <div className="ml-2 flex min-w-0 items-center gap-2">
        <ConnectionBadge status={talk.status} language={talk.language} />
        {welcome?.floor === "public" && welcome.rights === "operator" && (
          <Badge tone="live" dot="pulse">
            {words.onStage}
          </Badge>
        )}
      </div>
      <div className="ml-auto flex items-center gap-1 sm:gap-2">
        <div className="hidden w-40 md:block">
          <NameField talk={talk} quiet />
        </div>
        <Select
          label={words.language}
          icon={<Languages aria-hidden />}
          value={talk.language}
          options={languages.map((value) => ({ value, text: LANGUAGES[value] ?? value, lang: value }))}
          onChange={talk.setLanguage}
        />
        <IconButton label={words.settings} onClick={openSettings}>
          <Settings2 aria-hidden />
        </IconButton>
        <div className="hidden sm:block">
          <ThemeSwitch daylight={words.daylight} dark={words.darkHouse} />
        </div>
      </div>
    </header>
  );
}

/** What is chosen once: a name, devices, what it may see, a second language to read, and whose recognition listens. */
export function Settings({ talk }: { talk: Talking }) {
  const words = useText();
  return (
    <div className="flex flex-col gap-5">
      <NameField talk={talk} />
      <Devices talk={talk} />
      <LetItSee talk={talk} />
      <SecondLanguage talk={talk} />
      <div>
        <Switch
          label={words.recognition}
          checked={talk.speaking.browser}
          onChange={(on) => talk.speech.setBrowser(on)}
          disabled={!recognitionOffered()}
        />
        <p className="text-sm text-quiet">{recognitionOffered() ? words.recognitionHelp : words.recognitionAbsent}</p>
      </div>
      <div className="flex items-center justify-between sm:hidden">
        <span className="text-sm">{words.light}</span>
        <ThemeSwitch daylight={words.daylight} dark={words.darkHouse} />
      </div>
    </div>
  );
}

/** What the partner is called. */
export function NameField({ talk, quiet }: { talk: Pick<Talking, "name" | "setName">; quiet?: boolean }) {
  const words = useText();
  // Two of these may stand in the window: only what is being written here is this one's own.
  const [draft, setDraft] = useState<string | null>(null);
  const keep = () => {
    if (draft !== null && draft.trim() !== talk.name) talk.setName(draft.trim());
    setDraft(null);
  };
  return (
    <Field
      quiet={quiet}
      label={words.name}
      placeholder={words.name}
      value={draft ?? talk.name}
      maxLength={40}
      autoComplete="nickname"
      onChange={(event) => setDraft(event.target.value)}
      onBlur={keep}
      onKeyDown={(event) => event.key === "Enter" && !endsComposition(event) && keep()}
      className="text-sm"
    />
  );
}
