import { useQuery } from "@tanstack/react-query";
import { FlaskConical } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Card } from "../../../design/Card";
import { Area } from "../../../design/Field";
import { Switch } from "../../../design/Switch";
import { Loaded } from "../Loaded";
import { useRested } from "../useRested";
import { Proof } from "./Proof";
import { PEOPLE as TEXT } from "./text";
import { verdicts } from "./verdictApi";

/** Milliseconds of rest after the last key before a text is judged. */
const REST = 250;

/** A message to try: what would be done about who wrote it. Nothing is done. */
export function TryPerson() {
  const [text, setText] = useState("");
  const [first, setFirst] = useState(true);
  const tried = useRested(text.trim(), REST);
  const judged = useQuery({
    queryKey: ["verdict try", tried, first],
    queryFn: () => verdicts.judge(tried, first),
    enabled: tried !== "",
    gcTime: 0,
    placeholderData: (before) => before,
  });
  return (
    <Card title={TEXT.try} icon={<FlaskConical aria-hidden />}>
      <div className="flex flex-col gap-3">
        <Area
          label={TEXT.tryText}
          placeholder={TEXT.tryPlaceholder}
          rows={2}
          maxLength={2000}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Switch label={TEXT.tryFirst} checked={first} onChange={setFirst} />
        {tried === "" ? (
          <p className="text-sm text-quiet">{TEXT.tryEmpty}</p>
        ) : (
          <Loaded query={judged}>
            {({ action, seconds, evidence, score }) => (
              <div aria-live="polite" className="flex flex-col gap-2 text-sm">
                <p>
                  <Badge tone={action ? "trouble" : "well"} dot>
                    {action ? TEXT.what(action, seconds) : TEXT.nothing}
                  </Badge>
                </p>
                {evidence.length > 0 && <Proof found={evidence} score={score} />}
              </div>
            )}
          </Loaded>
        )}
      </div>
    </Card>
  );
}
