import { useQuery } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Area } from "../../../design/Field";
import { Select } from "../../../design/Select";
import { Loaded } from "../Loaded";
import { useRested } from "../useRested";
import { moderation } from "./api";
import { TEXT } from "./text";

const LANGUAGES = ["en", "es", "fr", "zh", "ja"];
/** Milliseconds of rest after the last key before a text is judged. */
const REST = 250;

/** A sentence to try: what moderation would make of it, said or read. */
export function TryIt() {
  const [text, setText] = useState("");
  const [language, setLanguage] = useState("en");
  const tried = useRested(text.trim(), REST);
  const judged = useQuery({
    queryKey: ["moderation", "try", tried, language],
    queryFn: () => moderation.judge(tried, language),
    enabled: tried !== "",
    gcTime: 0,
    placeholderData: (before) => before,
  });
  return (
    <Card
      title={TEXT.try}
      icon={<FlaskConical aria-hidden />}
      aside={
        <Select
          small
          label={TEXT.language}
          value={language}
          options={LANGUAGES.map((value) => ({ value, text: TEXT.names[value] ?? value }))}
          onChange={setLanguage}
        />
      }
    >
      <div className="flex flex-col gap-3">
        <Area
          label={TEXT.tryText}
          placeholder={TEXT.tryPlaceholder}
          rows={2}
          maxLength={2000}
          lang={language}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {tried === "" ? (
          <p className="text-sm text-quiet">{TEXT.tryEmpty}</p>
        ) : (
          <Loaded query={judged}>
            {({ said, read }) => (
              <dl aria-live="polite" className="grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2 text-sm">
                <dt className="text-quiet">{TEXT.said}</dt>
                <Result reason={said.reason} />
                <dt className="text-quiet">{TEXT.read}</dt>
                <Result reason={read.reason} />
              </dl>
            )}
          </Loaded>
        )}
      </div>
    </Card>
  );
}

function Result({ reason }: { reason: string }) {
  return (
    <dd className="flex flex-wrap items-center gap-2">
      <Badge tone={reason ? "trouble" : "well"} dot>
        {reason ? TEXT.isStopped : TEXT.passes}
      </Badge>
      {reason}
    </dd>
  );
}
