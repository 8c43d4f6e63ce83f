"""The one hand that writes."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.database import Database, StoreError, explain
from marotte.time import outside

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

GATHER = 0.2
"""Seconds that a write nobody waits for may lie before it is committed."""
GATHER_PASSING = 5.0
"""The same where the database goes with this process."""
AGAIN = 1.0
"""Seconds until such writes are tried again when the database is away."""
MOST = 10_000
"""So many writes may wait; further ones are refused."""
BATCH = 500

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    done: asyncio.Future[Any] | None
    """Told when it is committed; None where nobody waits."""
    flushed: bool = False


class Writer:
    """Commits writes in the order in which they were handed over, as many at once as have gathered."""

    def __init__(self, database: Database, *, lasting: bool = True) -> None:
        """Write to a database; where it is not ``lasting``, nothing is hurried and nothing flushed to the disk."""
        self._database = database
        self._lasting = lasting
        self._jobs: deque[_Job] = deque()
        self._wake = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self._busy = False
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="store writer")

    @property
    def waiting(self) -> int:
        """How many writes wait."""
        return len(self._jobs)

    def soon(self, work: Work[Any], *, at_once: bool = False, flushed: bool = False) -> None:
        """Commit ``work`` within ``GATHER`` seconds, or ``at_once``, with what gathers until then; nobody waits.

        Never blocks and never raises: a failure is logged, and tried again where the database is away.
        """
        if self._closing or len(self._jobs) >= MOST:
            log.error("%s; one write is lost", self._refusal())
            return
        self._jobs.append(_Job(work, None, flushed))
        if at_once and self._lasting:
            self._wake.set()
        elif self._later is None:
            gather = GATHER if self._lasting else GATHER_PASSING
            self._later = asyncio.get_running_loop().call_later(gather, self._wake.set)

    async def now(self, work: Work[T], *, flushed: bool = False) -> T:
        """Commit ``work`` and everything handed over before it, and return its result. Raises StoreError.

        Once it returns the rows survive the death of this process; with ``flushed`` also the loss of power.
        """
        if self._closing or len(self._jobs) >= MOST:
            raise self._refusal()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.append(_Job(work, done, flushed))
        self._wake.set()
        return await done

    async def settle(self) -> None:
        """Wait until everything handed over before is committed, or has had its try."""
        if self._jobs or self._busy:
            try:
                await self.now(_nothing)
            except StoreError:
                log.debug("the store is away; what is read may be older than what waits to be written")

    async def close(self) -> None:
        """Commit what waits, then stop."""
        self._closing = True
        self._wake.set()
        await self._task

    def _refusal(self) -> StoreError:
        why = "the store is closed" if self._closing else f"{MOST} writes wait already, the disk is too slow"
        return StoreError(f"{self._database.where}: {why}")

    async def _run(self) -> None:
        while self._jobs or not self._closing:
            await self._wake.wait()
            if self._later is not None:
                self._later.cancel()
                self._later = None
            batch = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
            if not (self._jobs or self._closing):
                self._wake.clear()
            if batch:
                self._busy = True
                await self._commit(batch)
                self._busy = False

    async def _commit(self, batch: list[_Job]) -> None:
        """Commit a batch in one transaction; where one write is at fault, each alone."""
        flushed = self._lasting and any(job.flushed for job in batch)
        engine = self._database.flushed if flushed else self._database.ordinary
        try:
            async with outside(), engine.begin() as connection:
                results = [await job.work(connection) for job in batch]
        except (OperationalError, InterfaceError) as error:
            self._away(batch, error)
        except Exception as error:
            if len(batch) > 1:
                for job in batch:
                    await self._commit([job])
            else:
                self._refuse(batch[0], error)
        else:
            for job, result in zip(batch, results, strict=True):
                if job.done is not None and not job.done.done():
                    job.done.set_result(result)

    def _away(self, batch: list[_Job], error: DBAPIError) -> None:
        """Tell who waits that the database is away; keep what nobody waits for and try it again."""
        kept = [job for job in batch if job.done is None]
        for job in batch:
            if job.done is not None:
                self._refuse(job, error)
        if self._closing:
            log.error("%s; %d writes are lost", explain(self._database.where, error), len(kept))
        elif kept:
            self._jobs.extendleft(reversed(kept))
            log.warning("%s; %d writes are tried again", explain(self._database.where, error), len(kept))
            if not any(job.done for job in self._jobs):
                self._wake.clear()
            if self._later is not None:
                self._later.cancel()
            self._later = asyncio.get_running_loop().call_later(AGAIN, self._wake.set)

    def _refuse(self, job: _Job, error: Exception) -> None:
        told = error if isinstance(error, StoreError) else explain(self._database.where, error)
        if job.done is None:
            log.error("%s; one write is lost", told)
        elif not job.done.done():
            job.done.set_exception(told)


async def _nothing(_connection: AsyncConnection) -> None:
    """Write nothing: its turn comes when everything before it is committed."""
