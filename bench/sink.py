"""An outlet without a device, for the voice figures."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from marotte.events import SAMPLE_RATE
from marotte.ports import Rank


class Sink:
    """Writes each piece of sound when it is due, as a device would, and reports it; a stop empties it.

    A sink that swallowed sound at once would hide what comes late after a cut.
    """

    name, rank, lead = "sink", Rank.LOCAL, 0.25

    def __init__(self, report: Callable[[int], None], now: Callable[[], int] | None = None) -> None:
        """``report`` is told the sample that was written last; ``now`` is the clock on which samples are due."""
        self.now = now or (lambda: round(time.monotonic() * SAMPLE_RATE))
        self.came: list[float] = []
        """When pieces were handed over, since ``expect``."""
        self.written: list[float] = []
        """When pieces were written, likewise."""
        self._report = report
        self._first = asyncio.Event()
        self._waiting: deque[tuple[int, int]] = deque()
        self._changed = asyncio.Event()
        self._end = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._write())

    def close(self) -> None:
        """Write no more."""
        if self._task is not None:
            self._task.cancel()

    def expect(self) -> None:
        """Forget what came before."""
        self.came, self.written = [], []
        self._first.clear()

    async def first(self, within: float = 10.0) -> float:
        """Wait for the first piece since ``expect``; returns when it came."""
        async with asyncio.timeout(within):
            await self._first.wait()
        return self.came[0]

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        self.came.append(time.monotonic())
        self._first.set()
        self._waiting.append((sample, len(pcm) // 2))
        self._changed.set()

    def stop(self, turn: str, sample: int) -> None:
        self._waiting.clear()
        self._changed.set()
        asyncio.get_running_loop().call_soon(self._report, self._end)

    async def _write(self) -> None:
        while True:
            self._changed.clear()
            while self._waiting and self._waiting[0][0] <= self.now():
                sample, length = self._waiting.popleft()
                self.written.append(time.monotonic())
                self._end = sample + length
                self._report(self._end)
            wait = (self._waiting[0][0] - self.now()) / SAMPLE_RATE if self._waiting else None
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass
