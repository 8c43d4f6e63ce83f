/** A turn, put together from its events. Pure. */
import type { AnyEvent, Ending } from "../../../protocol/events";

export interface ToldTurn {
  id: string;
  at: number;
  floor: string;
  lane: string;
  who: string;
  text: string;
  lines: {
    id: string;
    shown: string;
    heard: string;
    stopped: string;
    state: "written" | "sounding" | "heard" | "stopped";
  }[];
  ending: Ending | null;
}

/** Put a turn together from events in their order; what the program no longer remembers is missing. */
export function turnOf(id: string, events: AnyEvent[]): ToldTurn {
  const turn: ToldTurn = { id, at: 0, floor: "", lane: "", who: "", text: "", lines: [], ending: null };
  const line = (which: string, shown: string) => {
    let found = turn.lines.find((each) => each.id === which);
    if (!found) {
      found = { id: which, shown, heard: "", stopped: "", state: "written" };
      turn.lines.push(found);
    }
    return found;
  };
  for (const event of events) {
    if (!("turn" in event) || event.turn !== id) continue;
    turn.at ||= event.at;
    turn.floor ||= event.floor;
    switch (event.type) {
      case "turn_started":
        Object.assign(turn, { at: event.at, lane: event.lane, who: event.who, text: event.text });
        break;
      case "line_written":
        line(event.line, event.shown);
        break;
      case "line_stopped":
        Object.assign(line(event.line, event.shown), { state: "stopped", stopped: event.reason });
        break;
      case "line_started":
        line(event.line, event.shown).state = "sounding";
        break;
      case "line_ended":
        Object.assign(line(event.line, event.heard), { state: "heard", heard: event.heard });
        break;
      case "turn_ended":
        turn.lane ||= event.lane;
        turn.ending = event.ending;
    }
  }
  return turn;
}
