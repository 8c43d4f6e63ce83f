"""When nobody has spoken for a while, one ``Lull`` starts idle talk; the longer nobody answers, the rarer."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from marotte.bus import Bus, Subscription
from marotte.events import Lull, subject
from marotte.time import Clock

MOST_PATIENCE = 16
"""Each lull that nobody answers doubles the wait, up to so many times the first."""


class Lulls:
    """Notices that a floor has fallen silent."""

    def __init__(self, floor: str, after: float, bus: Bus, clock: Clock, somebody_is_there: Callable[[], bool]) -> None:
        """``after`` seconds of quiet make a lull; 0 never."""
        self._floor = floor
        self._after = after
        self._bus = bus
        self._clock = clock
        self._somebody_is_there = somebody_is_there

    async def run(self) -> None:
        """Publish lulls until cancelled."""
        if not self._after:
            return
        percepts = self._bus.subscribe(f"percept.*.{self._floor}", size=1, overflow="latest")
        endings = self._bus.subscribe(f"event.turn_ended.{self._floor}", size=1, overflow="latest")
        try:
            patience = 1
            while True:
                if await self._stirs(percepts, self._after * patience):
                    patience = 1
                elif self._somebody_is_there():
                    lull = Lull(at=self._clock.wall(), floor=self._floor, seconds=self._after * patience)
                    self._bus.publish(subject(lull), lull)
                    await endings.get()
                    patience = min(MOST_PATIENCE, patience * 2)
        finally:
            percepts.close()
            endings.close()

    async def _stirs(self, percepts: Subscription, seconds: float) -> bool:
        """Wait; returns whether anybody stirred within ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    message = await percepts.get()
                    if not isinstance(message.data, Lull):
                        return True
        return False
