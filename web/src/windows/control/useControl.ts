import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { AnyEvent, TurnStarted } from "../../protocol/events";
import { rest } from "../../protocol/rest";
import { token } from "../../protocol/token";
import { useConnection, useStatus } from "../../protocol/useConnection";
import { Puppeteer } from "../../stage/puppeteer";
import { atMostEvery, atNextPicture } from "./burst";

export type Topic =
  | "show"
  | "queue"
  | "mutes"
  | "dropped"
  | "stopped"
  | "engines"
  | "connections"
  | "found"
  | "held"
  | "floors"
  | "waiting"
  | "turns";

/** Which state an event makes old. */
const STALES: Partial<Record<AnyEvent["type"], Topic[]>> = {
  queued: ["queue"],
  turn_started: ["queue", "floors"],
  turn_ended: ["turns", "engines", "floors"],
  dropped: ["queue", "dropped"],
  line_stopped: ["stopped"],
  engine_state: ["engines"],
  used: ["engines"],
  link_state: ["connections"],
  gap: ["connections"],
  held: ["held"],
  verdict: ["held"],
  act_done: ["held"],
  stream_started: ["connections"],
  stream_ended: ["connections"],
  floor_opened: ["floors", "waiting"],
  floor_closed: ["floors", "waiting"],
  outlet_changed: ["floors"],
};

/** Events come in bursts; what they make old is asked for at most this often, in milliseconds. */
const TOGETHER = 400;
/** The few events that `followTurns` reads; chat, of which there may be thousands a second, is not among them. */
const FOLLOWED = new Set<AnyEvent["type"]>(["turn_started", "line_written", "turn_ended", "floor_closed"]);

/** Nothing is believed for longer than this without asking again, in milliseconds. */
const NET = 15_000;

/** The socket of the control window; it keeps what REST told fresh. */
export function useControl(entrance: number) {
  const queries = useQueryClient();
  const connection = useConnection({ window: "control", token: token(), floor: "public" }, String(entrance));
  const status = useStatus(connection);
  const [turns, setTurns] = useState<Record<string, Going | null>>({});

  useEffect(() => {
    const stale = new Set<Topic>();
    const refresh = atMostEvery(TOGETHER, () => {
      for (const topic of stale) void queries.invalidateQueries({ queryKey: [topic] });
      stale.clear();
    });
    let told: AnyEvent[] = [];
    const follow = atNextPicture(() => {
      const events = told;
      told = [];
      setTurns((before) => events.reduce(followTurns, before));
    });
    const ends = [
      refresh.end,
      follow.end,
      connection.on("event", (event) => {
        if (FOLLOWED.has(event.type)) {
          told.push(event);
          follow.ask();
        }
        const topics = STALES[event.type];
        if (!topics) return;
        for (const topic of topics) stale.add(topic);
        refresh.ask();
      }),
      connection.on("missed", () => {
        // The end of a turn may be among what was missed: what the program tells now counts.
        told = [];
        setTurns({});
        for (const topic of TOPICS) stale.add(topic);
        refresh.ask();
      }),
      connection.on("status", ({ state }) => state === "open" && void queries.invalidateQueries()),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [connection, queries]);

  return { connection, status, turns };
}

/** A turn that goes on. */
export interface Going extends TurnStarted {
  /** Its words are the operator's own. */
  verbatim: boolean;
}

/** The turn that goes on, by floor. */
export function followTurns(before: Record<string, Going | null>, event: AnyEvent): Record<string, Going | null> {
  if (event.type === "turn_started") return { ...before, [event.floor]: { ...event, verbatim: false } };
  if (event.type === "floor_closed") {
    const { [event.floor]: _, ...others } = before;
    return others;
  }
  const turn = before[event.floor];
  if (!turn || !("turn" in event) || event.turn !== turn.turn) return before;
  if (event.type === "turn_ended") return { ...before, [event.floor]: null };
  if (event.type === "line_written" && isVerbatim(turn.lane, turn.text, event.shown))
    return { ...before, [event.floor]: { ...turn, verbatim: true } };
  return before;
}

/** Whether the operator's words are said as they stand; no event tells it, but then what was asked for is what is said. */
export function isVerbatim(lane: string, asked: string, said: string): boolean {
  return lane === "operator" && said !== "" && (asked.startsWith(said) || said.startsWith(asked));
}

/** What is said on one floor, word by word. */
export function useFloorPuppeteer(connection: ReturnType<typeof useConnection>, floor: string): Puppeteer {
  const puppeteer = useMemo(() => new Puppeteer(connection, null, floor), [connection, floor]);
  useEffect(() => puppeteer.start(), [puppeteer]);
  return puppeteer;
}

const ASK = {
  show: rest.show,
  queue: rest.queue,
  mutes: rest.mutes,
  dropped: rest.dropped,
  stopped: rest.stopped,
  engines: rest.engines,
  connections: rest.connections,
  found: rest.found,
  held: rest.held,
  floors: rest.floors,
  waiting: rest.waiting,
  turns: () => rest.turns(),
};
const TOPICS = Object.keys(ASK) as Topic[];

/** One part of the program's state. */
export function useTopic<T extends Topic>(topic: T) {
  const queryFn = ASK[topic] as () => ReturnType<(typeof ASK)[T]>;
  return useQuery<Awaited<ReturnType<(typeof ASK)[T]>>>({
    queryKey: [topic],
    queryFn: queryFn as () => Promise<Awaited<ReturnType<(typeof ASK)[T]>>>,
    refetchInterval: NET,
  });
}
