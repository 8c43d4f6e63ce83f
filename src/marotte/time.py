"""Time, injected: everything that waits or stamps asks a ``Clock``, so that tests and replays run on virtual time.

The clock follows the running event loop. On an ordinary loop that is the machine's monotonic clock; on a
``VirtualLoop`` the time jumps to the next timer whenever nothing is left to do, so that a show of ten minutes takes
as long as its work and no test ever sleeps.
"""

import asyncio
import selectors
import time as _time
from typing import Any


class Clock:
    """Seconds of the running loop, and the wall time they correspond to."""

    def __init__(self, epoch: float | None = None) -> None:
        """Join loop time to wall time at this moment; ``epoch`` sets the wall time, in seconds, for tests."""
        self._offset = (_time.time() if epoch is None else epoch) - self.now()

    def now(self) -> float:
        """Seconds that only ever go forward; the start is arbitrary."""
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return _time.monotonic()

    def wall(self) -> float:
        """Seconds since the epoch, as events are stamped."""
        return self.now() + self._offset

    async def sleep(self, seconds: float) -> None:
        """Wait; returns at once, after one round of the loop, where ``seconds`` is not positive."""
        await asyncio.sleep(max(0.0, seconds))


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that, instead of waiting for a timer, reports how long it would have waited."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps from timer to timer. For tests and replays that do no real input or output."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return 1_000.0 + self._jumping.skipped
