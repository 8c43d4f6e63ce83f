import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useReducer } from "react";
import type { AnyEvent, TurnStarted } from "../../protocol/events";
import { rest } from "../../protocol/rest";
import { token } from "../../protocol/token";
import { useConnection, useStatus } from "../../protocol/useConnection";
import { Puppeteer } from "../../stage/puppeteer";

export type Topic = "show" | "queue" | "dropped" | "stopped" | "engines" | "links" | "found" | "floors" | "turns";

/** Which state an event makes old. */
const STALES: Partial<Record<AnyEvent["type"], Topic[]>> = {
  queued: ["queue", "floors"],
  turn_started: ["queue", "floors"],
  turn_ended: ["turns", "engines", "floors"],
  dropped: ["queue", "dropped"],
  line_stopped: ["stopped"],
  engine_state: ["engines"],
  used: ["engines"],
  link_state: ["links"],
  floor_opened: ["floors"],
  floor_closed: ["floors"],
  outlet_changed: ["floors"],
};

/** Events come in bursts; what they make old is asked for at most this often, in milliseconds. */
const TOGETHER = 250;
/** Nothing is believed for longer than this without asking again, in milliseconds. */
const NET = 15_000;

/** The socket of the control window; it keeps what REST told fresh. */
export function useControl(entrance: number) {
  const queries = useQueryClient();
  const connection = useConnection({ window: "control", token: token(), floor: "public" }, String(entrance));
  const status = useStatus(connection);
  const [turns, take] = useReducer(followTurns, {});

  useEffect(() => {
    const stale = new Set<Topic>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      for (const topic of stale) void queries.invalidateQueries({ queryKey: [topic] });
      stale.clear();
    };
    const ends = [
      connection.on("event", (event) => {
        take(event);
        for (const topic of STALES[event.type] ?? []) stale.add(topic);
        if (stale.size) timer ??= setTimeout(refresh, TOGETHER);
      }),
      connection.on("missed", () => void queries.invalidateQueries()),
      connection.on("status", ({ state }) => state === "open" && void queries.invalidateQueries()),
    ];
    return () => {
      clearTimeout(timer);
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
  dropped: rest.dropped,
  stopped: rest.stopped,
  engines: rest.engines,
  links: rest.links,
  found: rest.found,
  floors: rest.floors,
  turns: () => rest.turns(),
};

/** One part of the program's state. */
export function useTopic<T extends Topic>(topic: T) {
  const queryFn = ASK[topic] as () => ReturnType<(typeof ASK)[T]>;
  return useQuery<Awaited<ReturnType<(typeof ASK)[T]>>>({
    queryKey: [topic],
    queryFn: queryFn as () => Promise<Awaited<ReturnType<(typeof ASK)[T]>>>,
    refetchInterval: NET,
  });
}
