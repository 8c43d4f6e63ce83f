import { useMutation } from "@tanstack/react-query";
import { Cpu, FlaskConical, Volume2 } from "lucide-react";
import { useEffect, useRef } from "react";
import { Badge, type Tone } from "../../../design/Badge";
import { Button, IconButton } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { seconds } from "../../../design/StackedBar";
import { useToast } from "../../../design/Toast";
import type { EngineRow } from "../../../protocol/rest";
import { useMay } from "../desk";
import { Listing } from "../Listing";
import { type Tried, tryEngine, wav } from "./api";
import { TEXT } from "./text";

const TONES: Record<EngineRow["state"], Tone> = {
  ready: "well",
  resting: "trouble",
  probing: "gilt",
  missing: "quiet",
};
const amount = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** The engines of each chain, in the order in which they are asked. */
export function Engines() {
  return (
    <Card title={TEXT.engines} icon={<Cpu aria-hidden />}>
      <Listing
        topic="engines"
        empty={{ icon: <Cpu aria-hidden />, title: TEXT.enginesEmpty, help: TEXT.enginesEmptyHelp }}
      >
        {(rows) => (
          <div className="flex flex-col gap-6">
            {chains(rows).map(([kind, chain]) => (
              <section key={kind} aria-label={TEXT.kinds[kind] ?? kind}>
                <h3 className="mb-1 text-xs font-semibold tracking-wide text-quiet uppercase">
                  {TEXT.kinds[kind] ?? kind}
                </h3>
                <ol className="divide-y divide-line">
                  {chain.map((row, index) => (
                    <Engine key={row.name} row={row} place={index} />
                  ))}
                </ol>
              </section>
            ))}
          </div>
        )}
      </Listing>
    </Card>
  );
}

/** The rows by kind; kinds and rows stay in their order. */
function chains(rows: EngineRow[]): [string, EngineRow[]][] {
  const kinds = [...new Set(rows.map((row) => row.kind))];
  return kinds.map((kind) => [kind, rows.filter((row) => row.kind === kind)]);
}

function Engine({ row, place }: { row: EngineRow; place: number }) {
  const toast = useToast();
  const mayTry = useMay("operator");
  const attempt = useMutation({
    mutationFn: () => tryEngine(row.kind, row.name),
    onError: (error) => toast(error.message, true),
  });
  const facts = [
    row.calls > 0 ? TEXT.calls(row.calls) : TEXT.neverAsked,
    row.failures > 0 && TEXT.failures(row.failures),
    row.last_ms !== null && row.last_ms >= 0 && `${TEXT.last} ${seconds(row.last_ms / 1000)}`,
    row.kept && row.kept.hits > 0 && TEXT.kept(row.kept.hits, row.kept.hits + row.kept.misses),
    ...Object.entries(row.used).map(([unit, much]) => `${amount.format(much)} ${unit}`),
  ];
  return (
    <li className="flex flex-col gap-2 py-3 text-sm">
      <div className="flex items-center gap-x-3 gap-y-1 max-sm:flex-wrap">
        <div className="min-w-0 flex-1 max-sm:basis-full">
          <p className="flex flex-wrap items-center gap-x-2">
            <span className="font-medium">{row.name}</span>
            <span className="text-xs text-quiet">{place === 0 ? TEXT.first : TEXT.understudy(place)}</span>
          </p>
          <p className="text-xs text-quiet tabular-nums">{facts.filter(Boolean).join(" · ")}</p>
        </div>
        <span title={TEXT.statesHelp[row.state]}>
          <Badge tone={TONES[row.state]} dot={row.state === "probing" ? "pulse" : true}>
            {TEXT.states[row.state]}
          </Badge>
        </span>
        {mayTry && (
          <Button small disabled={attempt.isPending} onClick={() => attempt.mutate()}>
            <FlaskConical aria-hidden className="size-4" />
            {attempt.isPending ? TEXT.trying : TEXT.try}
            <span className="sr-only">{row.name}</span>
          </Button>
        )}
      </div>
      {row.detail && <p className="text-ink">{row.detail}</p>}
      {row.state !== "ready" && <p className="text-xs text-quiet">{TEXT.statesHelp[row.state]}</p>}
      {attempt.data && <Outcome tried={attempt.data} />}
    </li>
  );
}

/** How a try went; what a voice said is played. */
function Outcome({ tried }: { tried: Tried }) {
  const toast = useToast();
  const player = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (!tried.sound) return;
    const url = URL.createObjectURL(wav(tried.sound));
    const audio = new Audio(url);
    player.current = audio;
    audio.play().catch(() => toast(TEXT.silent));
    return () => {
      audio.pause();
      URL.revokeObjectURL(url);
    };
  }, [tried, toast]);
  const facts = [
    tried.first_ms !== null && tried.first_ms >= 0 && `${TEXT.firstAfter} ${seconds(tried.first_ms / 1000)}`,
    tried.ok && `${seconds(tried.seconds)} ${TEXT.inAll}`,
    typeof tried.realtime === "number" && TEXT.realtime(seconds(tried.realtime)),
  ];
  return (
    <div role="status" className="flex items-center gap-3 rounded-card bg-house px-3 py-2">
      <Badge tone={tried.ok ? "well" : "trouble"} dot>
        {tried.ok ? TEXT.works : TEXT.fails}
      </Badge>
      <div className="min-w-0 flex-1">
        {tried.text && <p className="break-words">“{tried.text}”</p>}
        {tried.detail && <p className="break-words">{tried.detail}</p>}
        <p className="text-xs text-quiet tabular-nums">{facts.filter(Boolean).join(" · ")}</p>
      </div>
      {tried.sound && (
        <IconButton label={TEXT.playAgain} onClick={() => void player.current?.play().catch(() => toast(TEXT.silent))}>
          <Volume2 aria-hidden />
        </IconButton>
      )}
    </div>
  );
}
