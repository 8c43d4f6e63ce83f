"""A deadline for one wait after another."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """Ends waits of one task that take too long, as ``asyncio.timeout`` does, with one timer for all of them.

    From wait to wait the timer is left alone; when it goes off, it looks whether the present wait has had its time. One
    for each piece of a stream would take longer than the piece.
    """

    def __init__(self) -> None:
        """Belong to the loop that runs."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._looks = 0.0
        """When the timer goes off."""
        self._waiting: asyncio.Task[object] | None = None
        self._due = 0.0
        """When what is waited for is late."""
        self._late = False

    async def wait(self, wanted: Awaitable[T], limit: float) -> T:
        """Return what is ``wanted``; raises TimeoutError after ``limit`` seconds."""
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        self._due, self._waiting = self._loop.time() + limit, task
        if self._timer is None or self._looks > self._due:
            self._set()
        try:
            return await wanted
        except asyncio.CancelledError:
            if self._late and task.uncancel() <= cancelled_before:
                raise TimeoutError from None
            raise
        finally:
            self._waiting, self._late = None, False

    def close(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        self.close()
        self._looks = self._due
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() < self._due:
            self._set()
        else:
            self._late = True
            self._waiting.cancel()
