import { Captions } from "lucide-react";
import { Select } from "../../design/Select";
import { LANGUAGES, SECOND_LANGUAGES, useText } from "./text";
import type { Talking } from "./useTalk";

/** Radix takes an empty value for no choice at all. */
const SHOW = "show";
const NONE = "none";

/** In which language the subtitles are shown once more. */
export function SecondLanguage({ talk }: { talk: Pick<Talking, "status" | "second" | "setSecond"> }) {
  const words = useText();
  const known = { ...LANGUAGES, ...SECOND_LANGUAGES };
  const { second } = talk;
  const options = [
    { value: SHOW, text: words.secondAsShow },
    { value: NONE, text: words.secondNone },
    ...Object.entries(known).map(([value, text]) => ({ value, text, lang: value })),
  ];
  // The address may ask for any.
  if (second && !(second in known)) options.push({ value: second, text: second });
  return (
    <div>
      <p aria-hidden className="mb-1 text-sm">
        {words.second}
      </p>
      <Select
        label={words.second}
        icon={<Captions aria-hidden />}
        value={second === "" ? NONE : (second ?? SHOW)}
        options={options}
        onChange={(value) => talk.setSecond(value === SHOW ? null : value === NONE ? "" : value)}
        className="w-full"
      />
      <p className="mt-1 text-sm text-quiet">
        {talk.status.welcome?.translates === false ? words.secondAbsent : words.secondHelp}
      </p>
    </div>
  );
}
