"""What platforms' own filters hold back of late, and what became of it: for whoever looks after the show."""

from typing import Literal

import msgspec

from marotte.bus import Bus
from marotte.events import ActDone, Held, Verdict, Viewer

MOST = 50
"""So many messages are kept; those that somebody may still decide on go last."""


class Order(msgspec.Struct, kw_only=True):
    """What somebody here decided on a message."""

    act: str
    action: str
    """``allow``: it is let through; ``delete``: it is kept out."""
    state: Literal["waiting", "done", "refused"] = "waiting"
    detail: str = ""
    """What became of it, in the link's words."""


class HeldMessage(msgspec.Struct, kw_only=True):
    """One message that is held back, or was."""

    link: str
    source: str
    """The message as its platform names it."""
    viewer: Viewer | None
    text: str
    reason: str
    at: float
    state: Literal["held", "approved", "denied", "expired"] = "held"
    by: str = ""
    """Who decided, as the platform says."""
    decided: float | None = None
    order: Order | None = None


class HeldMessages:
    """Keeps the last messages that were held back since the run began, and how each was decided."""

    def __init__(self, bus: Bus) -> None:
        """Listen from now on; ``watch`` takes in what was heard."""
        self._news = bus.subscribe("event.held.>", "event.verdict.>", "event.act_done.>", size=1_000)
        self._held: dict[tuple[str, str], HeldMessage] = {}

    async def watch(self) -> None:
        """Take in what happens, until cancelled."""
        async for message in self._news:
            self._take(message.data)

    def newest(self) -> list[HeldMessage]:
        """Return them, newest first."""
        self._catch_up()
        return list(reversed(self._held.values()))

    def undecided(self, link: str, source: str) -> bool:
        """Whether a message is held back, as far as is known, and nobody has decided on it."""
        self._catch_up()
        found = self._held.get((link, source))
        return found is not None and found.state == "held"

    def forget(self) -> None:
        """Forget everything: it holds the words of somebody who was forgotten."""
        self._news.take()
        self._held.clear()

    def _catch_up(self) -> None:
        for message in self._news.take():
            self._take(message.data)

    def _take(self, event: Held | Verdict | ActDone) -> None:
        match event:
            case Held():
                self._note(event)
            case Verdict(action="allow" | "delete"):
                if found := self._held.get((event.link, event.source)):
                    found.order = Order(act=event.id, action=event.action)
            case ActDone():
                for found in self._held.values():
                    if found.order is not None and found.order.act == event.act:
                        found.order.state = "done" if event.ok else "refused"
                        found.order.detail = event.detail
            case _:
                pass

    def _note(self, event: Held) -> None:
        key = (event.link, event.source)
        if key not in self._held:
            self._held[key] = HeldMessage(
                link=event.link,
                source=event.source,
                viewer=event.viewer,
                text=event.text,
                reason=event.reason,
                at=event.at,
            )
        found = self._held[key]
        if event.state != "held":
            found.state, found.by, found.decided = event.state, event.by, event.at
        if len(self._held) > MOST:
            decided = (key for key, one in self._held.items() if one.state != "held")
            del self._held[next(decided, next(iter(self._held)))]
