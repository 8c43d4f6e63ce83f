import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowLeft, UserRound, UserRoundX, VolumeX } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Button } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { Confirm } from "../../../design/Confirm";
import { Menu } from "../../../design/Menu";
import { RelativeTime } from "../../../design/RelativeTime";
import { useToast } from "../../../design/Toast";
import { Loaded } from "../Loaded";
import { DURATIONS, useMute } from "../now/muting";
import { Accounts } from "./Accounts";
import { people, type ViewerDetail } from "./api";
import { Exchanges, Known } from "./Known";
import { Note } from "./Note";
import { TEXT } from "./text";

interface ViewerProps {
  id: string;
  onLeave: () => void;
}

/** One viewer: who they are, what is noted and known of them, and what was said. */
export function Viewer({ id, onLeave }: ViewerProps) {
  const viewer = useQuery({ queryKey: ["viewer", id], queryFn: () => people.viewer(id) });
  return (
    <>
      <Button small onClick={onLeave} className="self-start lg:hidden">
        <ArrowLeft aria-hidden className="size-4" />
        {TEXT.back}
      </Button>
      <Loaded query={viewer}>
        {(found) => (
          <>
            <Who viewer={found} onForgotten={onLeave} />
            <Accounts viewer={found} />
            <Note viewer={found} />
            <Known id={id} />
            <Exchanges rows={found.exchanges} />
          </>
        )}
      </Loaded>
    </>
  );
}

const languages = new Intl.DisplayNames("en", { type: "language", fallback: "code" });

/** The language in words; a tag that is none, as a device may send, as it is. */
function languageOf(tag: string): string {
  try {
    return languages.of(tag) ?? tag;
  } catch {
    return tag;
  }
}

function Who({ viewer, onForgotten }: { viewer: ViewerDetail; onForgotten: () => void }) {
  const [asked, setAsked] = useState(false);
  const queries = useQueryClient();
  const toast = useToast();
  const mute = useMute();
  const forget = useMutation({
    mutationFn: () => people.forget(viewer.id),
    onSuccess: async ({ deleted }) => {
      toast(TEXT.forgotten(viewer.name, deleted));
      onForgotten();
      queries.removeQueries({ queryKey: ["viewer", viewer.id] });
      await queries.invalidateQueries({ queryKey: ["viewers"] });
      await queries.invalidateQueries({ queryKey: ["facts"] });
    },
    onError: (error) => toast(error.message, true),
  });
  return (
    <Card
      title={viewer.name}
      icon={<UserRound aria-hidden />}
      aside={
        <>
          <Menu
            label={TEXT.mute}
            icon={<VolumeX aria-hidden />}
            groups={[
              {
                title: TEXT.answerNoMore,
                items: DURATIONS.map(({ text, seconds }) => ({
                  text,
                  onSelect: () => mute.mutate({ what: { what: "viewer", name: viewer.id }, seconds }),
                })),
              },
            ]}
          />
          <Button small kind="danger" onClick={() => setAsked(true)} disabled={forget.isPending}>
            <UserRoundX aria-hidden className="size-4" />
            {TEXT.forget}
          </Button>
        </>
      }
    >
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm">
        <Badge tone="gilt">{viewer.platform}</Badge>
        <code className="min-w-0 truncate text-xs text-quiet">{viewer.id}</code>
        <span className="text-quiet">
          {TEXT.first} <RelativeTime at={viewer.first_seen} /> · {TEXT.last} <RelativeTime at={viewer.last_seen} /> ·{" "}
          {TEXT.seen(viewer.count)}
          {viewer.language && ` · ${languageOf(viewer.language)}`}
        </span>
      </div>
      <Confirm
        open={asked}
        title={TEXT.forgetTitle(viewer.name)}
        description={TEXT.forgetHelp}
        action={TEXT.forget}
        onConfirm={() => forget.mutate()}
        onClose={() => setAsked(false)}
      />
    </Card>
  );
}
