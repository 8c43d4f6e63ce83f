"""A window's session: what it may see, what it has seen, and the connection it has at present, if any.

The session outlives its connection for half a minute, so that a window that comes back is told what it missed, and a
private floor does not lose its partner to a lift or a tunnel.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from marotte import events
from marotte.bus import Bus, Subscription
from marotte.gateway.guard import Who
from marotte.gateway.outbox import Outbox

log = logging.getLogger(__name__)

KEPT_EVENTS = 500
KEPT_SECONDS = 30.0

Window = Literal["talk", "stage", "control", "skull"]
Why = Literal["revoked", "replaced", "resumed"]
"""Why a connection is ended: its token is void, another window has come in its place, or its own on another line."""

_FOR_FLOOR = frozenset(
    (
        "onset",
        "speech_end",
        "transcript",
        "turn_started",
        "turn_ended",
        "line_written",
        "line_started",
        "line_timings",
        "line_translated",
        "line_ended",
        "express",
        "wheel_spun",
        "stopped",
        "outlet_changed",
    )
)
"""Events that a window on a floor is told; ``control`` is told all."""


@dataclass(eq=False)
class Session:
    """One window, across its connections."""

    window: Window
    who: Who
    floor: str
    bus: Bus
    name: str = ""
    own: bool = False
    """The floor is private, and this window's partner converses on it."""
    second: Callable[[], str] = str
    """Tells the second language that it reads, or "": it is told of no other."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    """A secret: whoever has it may go on where this window was."""
    seq: int = 0
    outbox: Outbox | None = None
    kept: deque[tuple[int, str]] = field(default_factory=lambda: deque[tuple[int, str]](maxlen=KEPT_EVENTS))
    leaving: asyncio.TimerHandle | None = None
    show_out: Callable[[Why], None] | None = None
    """Ends the present connection, if there is one that does not end already."""
    free: asyncio.Event = field(default_factory=asyncio.Event)
    """No connection has it any more."""
    heed: Callable[[events.Event], None] | None = None
    """Takes events in the place of frames: a skull is told by its light."""
    _watch: Subscription | None = None
    _task: "asyncio.Task[None] | None" = None

    def open(self) -> None:
        """Begin to watch; a connection may have it."""
        self.free.set()
        # What is said on private floors is not for everybody who may look at the show.
        all_floors = self.window == "control" and self.who.rights in ("operator", "moderator")
        pattern = "event.>" if all_floors else f"event.*.{self.floor}"
        self._watch = self.bus.subscribe(pattern, size=2_000)
        self._task = asyncio.create_task(self._follow(self._watch))

    def close(self) -> None:
        """Watch no more."""
        if self._watch is not None and self._task is not None:
            self._watch.close()
            self._task.cancel()

    def missed_since(self, seq: int) -> list[str] | None:
        """Return the events after ``seq``, oldest first; None where some of them are no longer kept."""
        if seq > self.seq or (self.kept and seq < self.kept[0][0] - 1) or (not self.kept and seq < self.seq):
            return None
        return [frame for number, frame in self.kept if number > seq]

    async def _follow(self, watch: Subscription) -> None:
        everything = self.window == "control"
        # What came of a tool may be the operator's calendar, and what is held back is not for everybody.
        hidden = () if self.who.rights in ("operator", "moderator") else ("tool_used", "held")
        while batch := await watch.batch():
            for message in batch:
                kind = events.tag(message.data)
                if kind == "line_translated" and not everything and message.data.language != self.second():
                    continue
                if self.window == "skull":
                    if self.heed is not None:
                        self.heed(message.data)
                elif kind in _FOR_FLOOR or (everything and kind not in hidden):
                    try:
                        self.tell(message.data)
                    except (ValueError, TypeError):
                        # One event that cannot be written must not end all that follow.
                        log.exception("an event is lost to window %s", self.id)

    def tell(self, event: events.Event) -> None:
        """Send an event, now or when the window comes back."""
        self.seq += 1
        frame = f'{{"type":"event","seq":{self.seq},"event":{events.encode(event).decode()}}}'
        self.kept.append((self.seq, frame))
        if self.outbox is not None:
            self.outbox.put(frame)
