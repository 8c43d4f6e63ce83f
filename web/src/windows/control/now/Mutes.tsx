import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Volume2, VolumeX } from "lucide-react";
import { useState } from "react";
import { Badge } from "../../../design/Badge";
import { Button, IconButton } from "../../../design/Button";
import { Card } from "../../../design/Card";
import { useSeconds } from "../../../design/RelativeTime";
import { Select } from "../../../design/Select";
import { useToast } from "../../../design/Toast";
import { type Mute, type MuteRow, rest, type ShowInfo } from "../../../protocol/rest";
import { useMay } from "../desk";
import { Listing } from "../Listing";
import { useTopic } from "../useControl";
import { DURATIONS, left, nameOf, useMute } from "./muting";
import { TEXT } from "./text";

/** What is not answered for a while, and the means to mute a lane, a sense or a link. */
export function Mutes() {
  const moderator = useMay("moderator");
  const { dataUpdatedAt } = useTopic("mutes");
  const { data: show } = useTopic("show");
  return (
    <Card title={TEXT.mutes} icon={<VolumeX aria-hidden />}>
      <Listing
        topic="mutes"
        empty={{ icon: <Volume2 aria-hidden />, title: TEXT.mutesEmpty, help: TEXT.mutesEmptyHelp }}
      >
        {(rows) => (
          <ul className="-my-2 divide-y divide-line text-sm">
            {rows.map((row) => (
              <Muted key={`${row.what}/${row.name}`} row={row} asked={dataUpdatedAt / 1000} />
            ))}
          </ul>
        )}
      </Listing>
      {moderator && show && <MuteForm lanes={show.lanes} />}
    </Card>
  );
}

function Muted({ row, asked }: { row: MuteRow; asked: number }) {
  const moderator = useMay("moderator");
  const queries = useQueryClient();
  const toast = useToast();
  const now = useSeconds();
  const unmute = useMutation({
    mutationFn: () => rest.unmute(row),
    onError: (error) => toast(error.message, true),
    onSettled: () => queries.invalidateQueries({ queryKey: ["mutes"] }),
  });
  return (
    <li className="flex items-center gap-2 py-2">
      <Badge tone="trouble">{TEXT.whats[row.what]}</Badge>
      <span className="min-w-0 flex-1 truncate">{nameOf(row)}</span>
      <span className="text-quiet tabular-nums">
        {row.seconds === null ? TEXT.untilUnmuted : TEXT.leftOf(left(row.seconds - Math.max(0, now - asked)))}
      </span>
      {moderator && (
        <IconButton label={TEXT.unmute(nameOf(row))} onClick={() => unmute.mutate()} disabled={unmute.isPending}>
          <Volume2 aria-hidden />
        </IconButton>
      )}
    </li>
  );
}

const CALLED = { lane: TEXT.laneCalled, sense: TEXT.senseCalled, link: TEXT.linkCalled, viewer: TEXT.viewerCalled };

/** Mutes a whole lane, sense or link; a viewer is muted where they are seen. */
function MuteForm({ lanes }: { lanes: ShowInfo["lanes"] }) {
  const { data: links = [] } = useTopic("connections");
  const choices = [
    ...lanes.map(({ name }): Mute => ({ what: "lane", name })),
    ...[...new Set(lanes.flatMap((lane) => lane.percepts))].map((name): Mute => ({ what: "sense", name })),
    ...links.map(({ name }): Mute => ({ what: "link", name })),
  ];
  const [chosen, setChosen] = useState("0");
  const [duration, setDuration] = useState("600");
  const mute = useMute();
  const what = choices[Number(chosen)];
  if (!what) return null;
  return (
    <form
      className="mt-4 flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        mute.mutate({ what, seconds: Number(duration) });
      }}
    >
      <Select
        label={TEXT.muteWhat}
        value={chosen}
        options={choices.map((each, index) => ({
          value: String(index),
          text: CALLED[each.what](nameOf(each)),
        }))}
        onChange={setChosen}
        small
      />
      <Select
        label={TEXT.muteFor}
        value={duration}
        options={DURATIONS.map(({ text, seconds }) => ({ value: String(seconds), text }))}
        onChange={setDuration}
        small
      />
      <Button small type="submit" disabled={mute.isPending} className="ml-auto">
        {TEXT.mute}
      </Button>
    </form>
  );
}
