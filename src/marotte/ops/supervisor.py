"""A crashed task is started again with a growing pause, and shown; the rest of the show goes on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from marotte.events import Event, TaskFailed
from marotte.time import Clock

log = logging.getLogger(__name__)

SHORTEST, LONGEST = 0.5, 30.0
STABLE = 60.0
"""A task that lived so long has recovered: its next pause is the shortest again."""


@dataclass
class Watched:
    """A task and how it fares."""

    name: str
    work: Callable[[], Awaitable[None]]
    task: "asyncio.Task[None] | None" = None
    crashes: int = 0
    failing: str = ""
    """Why it crashed last, while it waits to be started again."""


class Supervisor:
    """Keeps the show's tasks alive."""

    def __init__(self, publish: Callable[[Event], None], clock: Clock) -> None:
        self.tasks: dict[str, Watched] = {}
        self._publish = publish
        self._clock = clock

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work()`` until it returns or is stopped; a crash starts it again."""
        watched = Watched(name, work)
        self.tasks[name] = watched
        watched.task = asyncio.create_task(self._watch(watched), name=name)

    async def stop(self, *names: str, within: float = 2.0) -> None:
        """Cancel tasks, all where none is named, and wait for them at most ``within`` seconds."""
        stopped = [self.tasks.pop(name) for name in (names or tuple(self.tasks)) if name in self.tasks]
        tasks = [watched.task for watched in stopped if watched.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                log.warning("%s did not stop within %.1f s", task.get_name(), within)

    async def _watch(self, watched: Watched) -> None:
        delay = SHORTEST
        while True:
            began = self._clock.now()
            watched.failing = ""
            try:
                await watched.work()
            except Exception as error:
                if self._clock.now() - began > STABLE:
                    delay = SHORTEST
                watched.crashes += 1
                watched.failing = f"{type(error).__name__}: {error}"
                log.exception("%s crashed and starts again in %.1f s", watched.name, delay)
                self._publish(TaskFailed(at=self._clock.wall(), task=watched.name, detail=watched.failing, delay=delay))
            else:
                self.tasks.pop(watched.name, None)
                return
            await self._clock.sleep(delay)
            delay = min(LONGEST, delay * 2)
