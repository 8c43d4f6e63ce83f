import { Badge } from "../design/Badge";
import { useSeconds } from "../design/RelativeTime";
import type { Status } from "../protocol/client";
import { doorFor } from "./door";

/** Where a window's connection stands, in a word or two. */
export function ConnectionBadge({ status, language = "en" }: { status: Status; language?: string }) {
  const now = useSeconds();
  const words = doorFor(language);
  switch (status.state) {
    case "open":
      return (
        <Badge tone="well" dot>
          {words.open}
        </Badge>
      );
    case "connecting":
      return (
        <Badge tone="gilt" dot="pulse">
          {words.connecting}
        </Badge>
      );
    case "waiting": {
      const left = Math.floor((status.retryAt ?? 0) / 1000 - now);
      return (
        <Badge tone="trouble" dot="pulse">
          {status.refusal ? <span lang="en">{status.refusal.message}</span> : words.again}
          {left > 1 && ` · ${left} s`}
        </Badge>
      );
    }
    default:
      return <Badge tone="trouble">{words[status.state]}</Badge>;
  }
}
