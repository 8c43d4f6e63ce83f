"""How quickly a link may go: limits that a platform sets, and pauses between attempts."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

from marotte.time import Clock

STABLE = 60.0
"""Seconds after which what was begun again counts as having gone well."""
_MARGIN = 1.05
"""The server counts on its own clock, after the network has had its say."""


class Late(Exception):
    """It could not be done in time: what is late is worse than nothing."""


class Backoff:
    """Waits that double, with full jitter, and begin anew after something has gone well for a while."""

    def __init__(self, rng: Random, first: float, most: float, stable: float = STABLE) -> None:
        """All in seconds; what has lasted for ``stable`` has gone well."""
        self._rng, self._first, self._most, self._stable = rng, first, most, stable
        self._failures = 0

    def next(self, lasted: float) -> float:
        """Return the seconds to wait now that what had lasted so many seconds has failed."""
        self._failures = 1 if lasted >= self._stable else min(self._failures + 1, 32)
        return self._rng.uniform(0, min(self._most, self._first * 2**self._failures))


class Window:
    """A limit: at most ``burst`` in any ``seconds``, wherever one begins to count."""

    def __init__(self, burst: int, seconds: float) -> None:
        self._seconds = seconds * _MARGIN
        self._times: deque[float] = deque(maxlen=burst)

    def delay(self, now: float) -> float:
        """Return the seconds until one more may be sent; 0: now."""
        full = len(self._times) == self._times.maxlen
        return max(0.0, self._times[0] + self._seconds - now) if full else 0.0

    def note(self, now: float) -> None:
        """One is sent now."""
        self._times.append(now)


class Turns:
    """Gives a turn to one after the other, or none to whom it would come too late."""

    def __init__(self, clock: Clock, most: int = 100) -> None:
        """At most ``most`` wait."""
        self._clock = clock
        self._most = most
        self._turn = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def hold(self, until: float) -> AsyncGenerator[None]:
        """Hold the turn. Raises Late where too many wait, or it does not come before ``until`` of the clock."""
        if self._waiting >= self._most:
            raise Late(f"{self._most} wait already")
        self._waiting += 1
        try:
            async with asyncio.timeout(until - self._clock.now()):
                await self._turn.acquire()
        except TimeoutError:
            raise Late("it waited too long, and is stale now") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._turn.release()


class Gate:
    """Lets through in turn what several windows allow together, or nothing that would be late."""

    def __init__(self, clock: Clock, *windows: Window, most: int = 100) -> None:
        """At most ``most`` wait for their turn."""
        self.windows = windows
        self._clock = clock
        self._turns = Turns(clock, most)
        self._closed_until = 0.0

    def close(self, seconds: float) -> None:
        """Let nothing through for so long: the platform says so."""
        self._closed_until = max(self._closed_until, self._clock.now() + seconds)

    async def enter(self, until: float) -> None:
        """Wait until one more is allowed, and count it. Raises Late where that is after ``until`` of the clock."""
        async with self._turns.hold(until):
            while (delay := self._delay(now := self._clock.now())) > 0:
                if now + delay > until:
                    raise Late(f"its limit would be kept only after {delay:.0f} s, and it is stale then")
                await self._clock.sleep(delay)
            for window in self.windows:
                window.note(self._clock.now())

    def _delay(self, now: float) -> float:
        return max(self._closed_until - now, *(window.delay(now) for window in self.windows), 0.0)
