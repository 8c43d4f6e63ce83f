"""Keeps what was heard, in the order in which it was heard, without ever making the speaker wait."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from marotte.events import Line, LineStarted
from marotte.store.database import StoreError
from marotte.store.store import Store

log = logging.getLogger(__name__)

MOST = 10_000


class Keeper:
    """The record of what was heard (``ports.Record``), as rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._work: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(MOST)

    def began(self, line: LineStarted) -> None:
        """Keep that a line begins to sound."""
        self._add(lambda: self._store.begin_line(line))

    def heard(self, line: Line, text: str, sample: int, *, cut: bool, final: bool) -> None:
        """Keep what was heard of a line, and which percepts it has answered by being heard to its end."""
        self._add(lambda: self._store.heard(line.id, text, sample, cut=cut, final=final))
        if final and not cut and line.answers:
            self._add(lambda: self._store.answered(line.answers, line.turn))

    def _add(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            self._work.put_nowait(work)
        except asyncio.QueueFull:
            log.error("the store is so slow that what was heard can no longer be kept")

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            work = await self._work.get()
            try:
                await work()
            except StoreError as error:
                log.error("what was heard is not kept: %s", error)
            finally:
                self._work.task_done()

    async def settle(self) -> None:
        """Wait until all is written."""
        await self._work.join()
