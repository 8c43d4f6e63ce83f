import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { AudioLines } from "lucide-react";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { useToast } from "../../../design/Toast";
import { useMay } from "../desk";
import { Loaded } from "../Loaded";
import { clearSounds, type Sounds as Kept, sounds } from "./api";
import { TEXT } from "./text";

/** Milliseconds after which it is asked for again. */
const EVERY = 15_000;
const megabytes = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const size = (bytes: number) => megabytes.format(bytes / 1e6);

/** The sound that is kept, how much it saves, and the means to clear it. */
export function Sounds() {
  const query = useQuery({ queryKey: ["sounds"], queryFn: sounds, refetchInterval: EVERY });
  return (
    <Card title={TEXT.sounds} icon={<AudioLines aria-hidden />}>
      <Loaded query={query}>
        {(kept) => (kept.most > 0 ? <Held kept={kept} /> : <p className="text-sm text-quiet">{TEXT.soundsOff}</p>)}
      </Loaded>
    </Card>
  );
}

function Held({ kept }: { kept: Kept }) {
  const toast = useToast();
  const queries = useQueryClient();
  const mayClear = useMay("operator");
  const clear = useMutation({
    mutationFn: clearSounds,
    onSuccess: ({ deleted }) => {
      toast(TEXT.cleared(deleted));
      return queries.invalidateQueries({ queryKey: ["sounds"] });
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <div className="flex flex-col gap-2 text-sm">
      <div className="flex items-center gap-3">
        <p className="min-w-0 flex-1 tabular-nums">
          {TEXT.soundsHeld(kept.lines, size(kept.bytes), size(kept.most))}
          <span className="block text-xs text-quiet">{TEXT.soundsUsed(kept.hits, kept.hits + kept.misses)}</span>
        </p>
        {mayClear && (
          <Button small disabled={kept.lines === 0 || clear.isPending} onClick={() => clear.mutate()}>
            {TEXT.clear}
            <span className="sr-only">{TEXT.sounds}</span>
          </Button>
        )}
      </div>
      <p className="text-xs text-quiet">{TEXT.soundsHelp}</p>
    </div>
  );
}
