import { Badge } from "../design/Badge";
import { useSeconds } from "../design/RelativeTime";
import type { Status } from "../protocol/client";

const TEXT = {
  open: "connected",
  connecting: "connecting…",
  again: "trying again",
  queued: "waiting for a place",
  closed: "closed",
  refused: "not let in",
};

/** Where a window's connection stands, in a word or two. */
export function ConnectionBadge({ status }: { status: Status }) {
  const now = useSeconds();
  switch (status.state) {
    case "open":
      return (
        <Badge tone="well" dot>
          {TEXT.open}
        </Badge>
      );
    case "connecting":
      return (
        <Badge tone="gilt" dot="pulse">
          {TEXT.connecting}
        </Badge>
      );
    case "waiting": {
      const left = Math.floor((status.retryAt ?? 0) / 1000 - now);
      return (
        <Badge tone="trouble" dot="pulse">
          {status.refusal ? status.refusal.message : TEXT.again}
          {left > 1 && ` · ${left} s`}
        </Badge>
      );
    }
    default:
      return <Badge tone="trouble">{TEXT[status.state]}</Badge>;
  }
}
