"""Timers: appointments that are rows; each is told when it is due, and again until it was heard."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from marotte.bus import Bus, Subscription
from marotte.events import AnyPercept, Dropped, Due, Event, TurnEnded, TurnStarted, subject
from marotte.store.database import StoreError
from marotte.store.rows import TimerRow
from marotte.time import Clock

log = logging.getLogger(__name__)

LOOK = 60.0
"""Seconds between two looks at what is due next, at most."""
AGAIN = 60.0
"""Seconds until something that was not heard is told again."""
UNHEARD = 900.0
"""Seconds after which something of which nothing was heard at all is told again."""
MOST_TRIES = 5
_ID = "timer/"

Read = Callable[[TimerRow, float], tuple[Due, Sequence[Event]]]
"""Returns what comes due with a row at a time, and what is published besides."""


class Rows(Protocol):
    """Where appointments are kept. Raises StoreError."""

    async def due_timers(self, until: float | None = None, limit: int = 1_000) -> list[TimerRow]: ...

    async def done_timer(self, timer: str) -> None: ...


@dataclass
class _Told:
    tries: int = 0
    again: float = 0.0
    """When it is told again, if nobody has heard it by then."""
    besides: bool = True
    """Whether what is published besides is still to be."""


class Timers:
    """Tells what is due."""

    def __init__(
        self,
        rows: Rows,
        bus: Bus,
        clock: Clock,
        read: Read,
        perceive: Callable[[AnyPercept], Awaitable[object]],
    ) -> None:
        """``perceive`` takes in a percept from outside; it raises LookupError for a floor that is not open."""
        self._rows = rows
        self._bus = bus
        self._clock = clock
        self._read = read
        self._perceive = perceive
        self._woken = asyncio.Event()
        self._told: dict[str, _Told] = {}
        self._turns: dict[str, list[str]] = {}

    def wake(self) -> None:
        """There may be a new appointment."""
        self._woken.set()

    async def run(self) -> None:
        """Tell what is due, until cancelled."""
        kinds = ("turn_started", "turn_ended", "dropped")
        news = self._bus.subscribe(*(f"event.{kind}.>" for kind in kinds), size=10_000)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow(news))
                tasks.create_task(self._tell())
        finally:
            news.close()

    async def _tell(self) -> None:
        while True:
            self._woken.clear()
            now = self._clock.wall()
            until = now + LOOK
            try:
                for row in await self._rows.due_timers(until=now + LOOK):
                    when = max(row.due, self._told[row.id].again if row.id in self._told else 0.0)
                    if when <= now:
                        await self._give(row)
                    else:
                        until = min(until, when)
            except StoreError as error:
                log.error("what is due is not known: %s", error)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.01, until - self._clock.wall())):
                    await self._woken.wait()

    async def _give(self, row: TimerRow) -> None:
        told = self._told.setdefault(row.id, _Told())
        if told.tries >= MOST_TRIES:
            log.error("%s that was due is not told: nobody heard it %d times", row.schedule, MOST_TRIES)
            await self._done(row.id)
            return
        told.tries += 1
        told.again = self._clock.wall() + UNHEARD
        percept, besides = self._read(row, self._clock.wall())
        try:
            await self._perceive(percept)
        except (LookupError, StoreError) as error:
            log.warning("%s that is due is told later: %s", row.schedule, error)
            told.again = self._clock.wall() + AGAIN
            return
        if told.besides:
            told.besides = False
            for event in besides:
                self._bus.publish(subject(event), event)

    async def _follow(self, news: Subscription) -> None:
        """Follow what becomes of what was told."""
        while True:
            message = await news.get()
            match message.data:
                case TurnStarted(turn=turn, percepts=percepts):
                    if ours := [p.removeprefix(_ID) for p in percepts if p.startswith(_ID)]:
                        self._turns[turn] = ours
                case TurnEnded(turn=turn, ending=ending):
                    for timer in self._turns.pop(turn, ()):
                        await (self._done(timer) if ending.heard else self._later(timer))
                case Dropped(percept=percept, reason=reason) if percept.startswith(_ID):
                    timer = percept.removeprefix(_ID)
                    await (self._done(timer) if reason == "skipped" else self._later(timer))
                case _:
                    pass

    async def _done(self, timer: str) -> None:
        try:
            await self._rows.done_timer(timer)
            self._told.pop(timer, None)
        except StoreError as error:
            log.error("that an appointment was kept is not kept: %s", error)

    async def _later(self, timer: str) -> None:
        if timer in self._told:
            self._told[timer].again = self._clock.wall() + AGAIN
            self.wake()
