"""Time, injected: everything that waits or stamps asks a ``Clock``, so that tests and replays run on virtual time.

The clock follows the running event loop. On an ordinary loop that is the machine's monotonic clock; on a
``VirtualLoop`` the time jumps to the next timer whenever nothing is left to do, so that a show of ten minutes takes
as long as its work and no test ever sleeps.
"""

import asyncio
import logging
import selectors
import time as _time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

log = logging.getLogger(__name__)

_LOOK = 5.0
"""Seconds between two looks at the machine's own clock."""
_SET = 1.0
"""Seconds by which that must differ before it is followed: less is no news, and a replay counts to the microsecond."""


class Clock:
    """Seconds of the running loop, and the wall time they correspond to."""

    def __init__(self, epoch: float | None = None) -> None:
        """Join loop time to wall time at this moment; ``epoch`` sets the wall time, in seconds, for tests.

        The loop that runs now is the one followed, in every thread; without one it is the machine's monotonic clock.
        """
        # Asked tens of thousands of times a second: which loop runs costs a system call in Python 3.11.
        self._time = _time_of_loop()
        self._machines = epoch is None and self._time is _time.monotonic
        """Whether it shows the machine's own time, and not one that was given or that jumps."""
        self._offset = (_time.time() if epoch is None else epoch) - self.now()

    def now(self) -> float:
        """Seconds that only ever go forward; the start is arbitrary."""
        return self._time()

    def wall(self) -> float:
        """Seconds since the epoch, as events are stamped."""
        return self.now() + self._offset

    async def sleep(self, seconds: float) -> None:
        """Wait; returns at once, after one round of the loop, where ``seconds`` is not positive."""
        await asyncio.sleep(max(0.0, seconds))

    async def keep(self) -> None:
        """Follow the machine's own clock where it is set, or goes on while the machine sleeps, until cancelled."""
        while True:
            await self.sleep(_LOOK)
            if seconds := self.catch_up():
                log.warning("the clock of this machine went on by %+.0f s: it slept, or was set", seconds)

    def catch_up(self) -> float:
        """Join loop time to wall time anew where they have come apart; return by how many seconds they had.

        Where the epoch was given, and on a ``VirtualLoop``, they never do.
        """
        apart = _time.time() - self.wall() if self._machines else 0.0
        if abs(apart) < _SET:
            return 0.0
        self._offset += apart
        return apart


def _time_of_loop() -> Callable[[], float]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _time.monotonic
    return loop.time if isinstance(loop, VirtualLoop) else _time.monotonic


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop for a show that is live: uvloop's, which asks less of the processor, where there is one."""
    try:
        import uvloop
    except ModuleNotFoundError:  # on Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@asynccontextmanager
async def outside() -> AsyncGenerator[None]:
    """Await, within, work that is done outside of the event loop.

    On a ``VirtualLoop`` time stands still meanwhile, and one such work comes after another, so that a replay does not
    depend on how long a disk takes. On an ordinary loop it means nothing.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        yield
        return
    async with loop.outside:
        loop.jumping.held = True
        try:
            yield
        finally:
            loop.jumping.held = False


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that, instead of waiting for a timer, reports how long it would have waited."""

    held = False
    called = False
    """Another thread has something for the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.stalls: deque[tuple[float, float]] = deque()
        """From and to when nothing happens, in the order of time."""

    def select(self, timeout: float | None = None) -> Any:
        if self.held:
            return super().select(timeout and None)
        if timeout == 0:
            return []  # there is work to do first
        if timeout is not None and not self.called and len(self.get_map()) == 1:
            # Nothing but the loop's own alarm could be ready: the system need not be asked.
            self._jump(timeout)
            return []
        self.called = False
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self._jump(timeout)
        return ready

    def _jump(self, seconds: float) -> None:
        self.skipped += seconds
        while self.stalls and self.skipped >= self.stalls[0][0]:
            self.skipped = max(self.skipped, self.stalls.popleft()[1])


_BEGINNING = 1_000.0


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps from timer to timer. For tests and replays that do no real input or output."""

    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        self.outside = asyncio.Lock()
        super().__init__(self.jumping)

    def time(self) -> float:
        return _BEGINNING + self.jumping.skipped

    def stall(self, stalls: Iterable[tuple[float, float]]) -> None:
        """Let nothing happen from and to these times, as on a machine that stalls: what is due comes at their end."""
        self.jumping.stalls = deque(sorted((since - _BEGINNING, until - _BEGINNING) for since, until in stalls))

    def _write_to_self(self) -> None:
        self.jumping.called = True
        super()._write_to_self()  # type: ignore[misc]  # pyright: ignore
