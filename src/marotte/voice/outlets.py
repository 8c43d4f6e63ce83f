"""The outlets of one floor: what is handed to them and when, what they report, and which of them holds the truth."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from marotte.events import SAMPLE_RATE, Event, OutletChanged
from marotte.ports import Outlet, Rank
from marotte.time import Clock

log = logging.getLogger(__name__)

CLOCK_LEAD = 0.25
"""Seconds that are placed ahead where nothing plays."""
DEAF_AFTER = 2.0
"""An outlet of record that reports nothing for so many seconds while sound is due no longer holds the truth."""
LAST_REPORT = 0.15
"""After a cut, wait at most so many seconds for the outlet of record to say what it played last."""


class Watcher(Protocol):
    """Who is told what outlets do."""

    def attached(self, floor: str, outlet: Outlet) -> None:
        """An outlet plays from now on."""
        ...

    def detached(self, floor: str, outlet: Outlet) -> None:
        """An outlet is gone."""
        ...

    def played(self, floor: str, outlet: Outlet, sample: int, gaps: int, *, everything: bool) -> None:
        """An outlet reports the sample that it played last; whether that is all it was given."""
        ...


@dataclass(eq=False)
class _Feed:
    """An outlet, what waits to be handed to it, and what it reported."""

    outlet: Outlet
    waiting: deque[tuple[int, str, str, bytes]] = field(default_factory=deque[tuple[int, str, str, bytes]])
    sent: int = 0
    """The place on the clock behind the last sample handed over."""
    played: int = 0
    reported: float = 0.0
    deaf: bool = False


class Outlets:
    """Feeds what plays a floor's sound, and knows what was played."""

    def __init__(self, floor: str, publish: Callable[[Event], None], clock: Clock, began: float) -> None:
        """``began`` is the run's start on the clock."""
        self.watched_by: Watcher | None = None
        self.of_record = ""
        """The name of the outlet that holds the truth; "" where none is attached that can."""
        self._floor = floor
        self._publish = publish
        self._clock = clock
        self._began = began
        self._feeds: dict[str, _Feed] = {}
        self._given = 0
        """The place on the clock behind the last sample that whoever played then was given."""
        self._report = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._feeds)

    def __iter__(self) -> Iterator[Outlet]:
        return (feed.outlet for feed in self._feeds.values())

    def now(self) -> int:
        """Return the present place on the floor's clock, in samples."""
        return round((self._clock.now() - self._began) * SAMPLE_RATE)

    @property
    def leads(self) -> tuple[float, float]:
        """The shortest and the longest lead of what plays, in seconds."""
        leads = [feed.outlet.lead for feed in self._feeds.values()] or [CLOCK_LEAD]
        return min(leads), max(leads)

    # --- who plays

    def attach(self, outlet: Outlet) -> None:
        """Let an outlet play from now on."""
        if self.watched_by is not None:
            self.watched_by.attached(self._floor, outlet)
        # What was given before it came it will not report: of that the clock tells.
        since = max(self.now(), self._given)
        self._feeds[outlet.name] = _Feed(outlet, sent=since, played=since, reported=self._clock.now())
        self._choose_record()

    def detach(self, outlet: Outlet) -> None:
        """An outlet is gone; what it reported last stays what was heard of it."""
        if self._feeds.get(outlet.name) and self._feeds[outlet.name].outlet is outlet:
            if self.watched_by is not None:
                self.watched_by.detached(self._floor, outlet)
            del self._feeds[outlet.name]
            self._choose_record()

    def _choose_record(self) -> None:
        able = [f for f in self._feeds.values() if not f.deaf and f.outlet.rank < Rank.CLOCK]
        best = min(able, key=lambda f: f.outlet.rank, default=None)
        name = best.outlet.name if best else ""
        if name != self.of_record:
            self.of_record = name
            self._publish(OutletChanged(at=self._clock.wall(), floor=self._floor, outlet=name or "clock"))

    # --- what was played

    def played(self, outlet: Outlet, sample: int, gaps: int = 0) -> int:
        """Take an outlet's report of what it played last, held to what was sent and to wall time; returns that."""
        feed = self._feeds.get(outlet.name)
        if feed is None or feed.outlet is not outlet:
            return 0
        if self.watched_by is not None:
            self.watched_by.played(self._floor, outlet, sample, gaps, everything=sample >= feed.sent)
        played = min(sample, feed.sent, self.now())
        if played > feed.played:
            feed.played = played
            feed.reported = self._clock.now()
            if feed.deaf:
                feed.deaf = False
                self._choose_record()
        self._report.set()
        return feed.played

    def heard_until(self, placed: int) -> int:
        """Return the place up to which sound was heard; ``placed`` is the place behind the last that there is."""
        feed = self._feeds.get(self.of_record)
        return min(self.now(), feed.played if feed else placed)

    def notice_deaf(self) -> None:
        """Where the outlet of record plays and reports nothing, let another hold the truth."""
        feed = self._feeds.get(self.of_record)
        if feed is None or feed.played >= feed.sent:
            return
        silent = self._clock.now() - max(feed.reported, self._began + feed.played / SAMPLE_RATE)
        if silent > DEAF_AFTER:
            log.warning(
                "outlet %s reports nothing: what is heard on %s follows the clock", feed.outlet.name, self._floor
            )
            feed.deaf = True
            self._choose_record()

    async def last_report(self) -> None:
        """Wait for what the outlet of record says after it was stopped, but not for long."""
        if self.of_record:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_REPORT):
                    await self._report.wait()

    def owe_nothing(self) -> None:
        """What outlets have thrown away they need not report."""
        for feed in self._feeds.values():
            feed.sent = feed.played

    # --- what is to be played

    def give(self, start: int, turn: str, line: str, pcm: bytes) -> None:
        """Let sound wait until it is due within each outlet's lead."""
        self._given = start + len(pcm) // 2
        for feed in self._feeds.values():
            feed.waiting.append((start, turn, line, pcm))

    def hand_over(self, mark: Callable[[str], None]) -> None:
        """Feed every outlet what is due within its lead; ``mark`` is told the turn of each piece."""
        now = self.now()
        for feed in self._feeds.values():
            horizon = now + feed.outlet.lead * SAMPLE_RATE
            while feed.waiting and feed.waiting[0][0] < horizon:
                start, turn, line, pcm = feed.waiting.popleft()
                if start > feed.sent:
                    feed.reported = self._clock.now()  # after a silence, nothing was owed until now
                feed.outlet.play(turn, line, start, pcm)
                feed.sent = start + len(pcm) // 2
                mark(turn)

    def stop(self, turn: str, at: int) -> None:
        """Void everything that outlets hold."""
        self._report.clear()
        self._given = at
        for feed in self._feeds.values():
            feed.waiting.clear()
            feed.played = min(feed.played, at)
            feed.outlet.stop(turn, at)
