/** What an event tells, in one line. Pure. */
import type { Tone } from "../../../design/Badge";
import type { AnyEvent } from "../../../protocol/events";

type Kind = AnyEvent["type"];

/** Kinds that the history holds, in the order of a turn; the very frequent ones are left out by the program. */
export const KINDS: readonly Kind[] = [
  "chat_message",
  "utterance",
  "gift",
  "subscription",
  "redemption",
  "follow",
  "raid",
  "happening",
  "sighting",
  "due",
  "lull",
  "asked",
  "game_context",
  "onset",
  "speech_end",
  "transcript",
  "queued",
  "dropped",
  "turn_started",
  "line_written",
  "line_stopped",
  "line_started",
  "line_ended",
  "stopped",
  "turn_ended",
  "tool_used",
  "express",
  "followed",
  "verdict",
  "send",
  "announce",
  "fulfil",
  "shout_out",
  "clip",
  "act_done",
  "removed",
  "held",
  "moderated",
  "gap",
  "stream_started",
  "stream_ended",
  "link_state",
  "engine_state",
  "outlet_changed",
  "floor_opened",
  "floor_closed",
  "task_failed",
];

/** A kind as people say it. */
export const spoken = (kind: string) => kind.replaceAll("_", " ");

const TROUBLE = new Set<Kind>(["task_failed", "line_stopped", "gap"]);
const LIVE = new Set<Kind>(["turn_started", "line_started", "line_written", "line_ended", "turn_ended"]);
/** Kinds whose words are the character's. */
export const SAID = new Set<Kind>(["line_written", "line_started", "line_stopped", "line_ended", "turn_ended", "send"]);
const GIFTS = new Set<Kind>(["gift", "subscription", "redemption", "raid", "follow"]);

export function tone(event: AnyEvent): Tone {
  if (TROUBLE.has(event.type)) return "trouble";
  if ((event.type === "act_done" || event.type === "tool_used") && !event.ok) return "trouble";
  if (event.type === "engine_state" || event.type === "link_state")
    return event.state === "ready" || event.state === "up" ? "well" : "trouble";
  if (event.type === "turn_ended" && event.ending.state === "failed") return "trouble";
  if (LIVE.has(event.type)) return "live";
  return GIFTS.has(event.type) ? "gilt" : "quiet";
}

const joined = (...parts: (string | false | undefined)[]) => parts.filter(Boolean).join(" · ");
const quoted = (text: string) => text && `“${text}”`;

/** Who it came from, where somebody is behind it. */
function who(event: AnyEvent): string {
  if ("viewer" in event && event.viewer) return event.viewer.name || event.viewer.id;
  return "who" in event ? event.who : "";
}

/** What an event tells, in one line; empty where its kind says it all. */
export function told(event: AnyEvent): string {
  const from = who(event);
  switch (event.type) {
    case "gift":
      return joined(from, `${event.amount} ${event.unit || event.what}`, quoted(event.message));
    case "subscription":
      return joined(from, event.tier, event.months > 0 && `${event.months} months`, quoted(event.message));
    case "redemption":
      return joined(from, event.reward, quoted(event.text));
    case "raid":
      return joined(from, `${event.party} viewers`);
    case "lull":
    case "speech_end":
      return joined(`${event.seconds.toFixed(1)} s`, "why" in event && event.why);
    case "dropped":
      return joined(event.lane, event.reason, event.count > 1 && `${event.count} percepts`);
    case "queued":
    case "turn_started":
      return joined(event.lane, from, quoted(event.text));
    case "line_written":
    case "line_started":
      return joined(quoted(event.shown), event.language, event.feeling);
    case "line_stopped":
      return joined(quoted(event.shown), event.reason, event.substitute && `instead: ${quoted(event.substitute)}`);
    case "line_ended":
      return joined(quoted(event.heard) || "nothing was heard", event.cut && "cut");
    case "turn_ended":
      return joined(event.ending.state, quoted(event.ending.heard), event.ending.reason);
    case "stopped":
      return event.why;
    case "tool_used":
      return joined(event.tool, event.arguments, event.result, `${event.seconds.toFixed(1)} s`);
    case "express":
      return event.cue.name;
    case "verdict":
      return joined(event.action, from, event.reason, event.seconds > 0 && `${event.seconds} s`);
    case "send":
      return joined(event.link, event.channel, quoted(event.text));
    case "announce":
      return joined(event.link, quoted(event.text));
    case "fulfil":
      return joined(event.link, event.reward, event.refund ? "refunded" : "fulfilled");
    case "shout_out":
      return joined(event.link, from);
    case "removed":
      return joined(event.link, event.what, event.reason);
    case "held":
      return joined(event.link, event.state, from, quoted(event.text), event.reason, event.by && `by ${event.by}`);
    case "moderated":
      return joined(event.link, event.what, event.text);
    case "gap":
      return joined(event.link, `${event.seconds.toFixed(0)} s unheard`, event.detail);
    case "stream_started":
      return joined(event.link, quoted(event.title));
    case "stream_ended":
    case "clip":
      return event.link;
    case "followed":
      return event.by;
    case "act_done":
      return joined(event.link, event.ok ? "done" : "not done", event.detail);
    case "link_state":
      return joined(event.link, event.state, event.detail);
    case "engine_state":
      return joined(event.kind, event.engine, event.state, event.detail);
    case "outlet_changed":
      return event.outlet;
    case "task_failed":
      return joined(event.task, event.detail, `again in ${event.delay.toFixed(0)} s`);
    default:
      return joined(from, "text" in event && quoted(event.text));
  }
}
