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
    work: Callable[[], Awaitable[object]]
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

    def start(self, name: str, work: Callable[[], Awaitable[object]]) -> Watched:
        """Run ``work()`` until it returns or is stopped; a crash starts it again."""
        watched = Watched(name, work)
        self.tasks[name] = watched
        watched.task = asyncio.create_task(self._watch(watched), name=name)
        return watched

    async def stop_all(self, within: float = 2.0) -> None:
        """Cancel every task, and wait for them at most ``within`` seconds."""
        await self.stop(*self.tasks.values(), within=within)

    async def stop(self, *which: Watched, within: float = 2.0) -> None:
        """Cancel these tasks, and wait for them at most ``within`` seconds."""
        for watched in which:
            if self.tasks.get(watched.name) is watched:
                del self.tasks[watched.name]
        tasks = [watched.task for watched in which if watched.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                log.warning("%s did not stop within %.1f s", task.get_name(), within)

    async def restart(self, watched: Watched, within: float = 10.0) -> bool:
        """End what a task does and begin it anew; returns False where it has not ended ``within`` so many seconds.

        It never runs twice at once: what has not ended then is begun anew by asking again.
        """
        old = watched.task
        await self.stop(watched, within=within)
        if watched.task is not old:
            return True  # somebody else was quicker
        if old is not None and not old.done():
            return False
        self.tasks[watched.name] = watched
        watched.task = asyncio.create_task(self._watch(watched), name=watched.name)
        return True

    def _stopped(self, watched: Watched) -> bool:
        """Whether a cancellation is meant for the task itself; what a library cancels inside it is a crash."""
        assert watched.task is not None
        return watched.task.cancelling() > 0

    async def _watch(self, watched: Watched) -> None:
        delay = SHORTEST
        while True:
            began = self._clock.now()
            watched.failing = ""
            try:
                await watched.work()
            except (Exception, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and self._stopped(watched):
                    raise
                if self._clock.now() - began > STABLE:
                    delay = SHORTEST
                watched.crashes += 1
                watched.failing = f"{type(error).__name__}: {error}"
                log.exception("%s crashed and starts again in %.1f s", watched.name, delay)
                self._publish(TaskFailed(at=self._clock.wall(), task=watched.name, detail=watched.failing, delay=delay))
            else:
                if self.tasks.get(watched.name) is watched:
                    del self.tasks[watched.name]
                return
            await self._clock.sleep(delay)
            delay = min(LONGEST, delay * 2)
