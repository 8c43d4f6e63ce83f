"""The store: every row that lasts, behind one door."""

import asyncio
import logging

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.exc import DBAPIError

from marotte.events import PUBLIC, fresh_id
from marotte.store.accounts import Accounts
from marotte.store.backup import take
from marotte.store.browser import Browser
from marotte.store.database import Database, explain
from marotte.store.memories import Memories
from marotte.store.newcomers import Newcomers
from marotte.store.people import People
from marotte.store.rows import TimerRow
from marotte.store.schema import bring_to_head
from marotte.store.snapshot import Snapshots
from marotte.store.tables import facts, metadata, notes, percepts, stopped, timers, turns, viewers
from marotte.store.tallies import Tallies
from marotte.store.verdicts import Verdicts
from marotte.store.viewers import Viewers
from marotte.store.writer import Writer
from marotte.time import Clock

log = logging.getLogger(__name__)

MOST_FACTS_IN_ALL = 100_000
"""Facts stay until they are forgotten, but never more than this: then the oldest go."""
_CHUNK = 1_000


class Store(People, Viewers, Verdicts, Accounts, Memories, Tallies, Newcomers, Browser, Snapshots):
    """Keeps what must last; one writer in this process, and readers that never wait for it to finish."""

    recovered = 0
    """How many turns a crash had left open, and ``open`` closed."""

    @classmethod
    async def open(cls, url: str, clock: Clock, *, lasting: bool = True) -> "Store":
        """Open the database at an SQLAlchemy URL, migrate it where needed, and close what a crash left open.

        One that is not ``lasting`` goes with this process, as that of a replay: its writes take their time.
        Raises StoreError, which names the database and the remedy.
        """
        if (file := Database.file_of(url)) is not None:
            take(file)
        database = Database(url)
        store = cls(database, Writer(database, lasting=lasting), clock)
        try:
            await bring_to_head(database)
            store.recovered = await store.recover()
            if store.recovered:
                log.warning("%s: %d turns were cut by a crash and are closed", database.where, store.recovered)
        except DBAPIError as error:
            await store.close()
            raise explain(database.where, error) from None
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Commit what waits and close every connection."""
        await self._writer.close()
        if self._reading:
            await asyncio.wait(self._reading)
        await self._database.close()

    async def flush(self) -> None:
        """Wait until every write handed over before is committed."""
        await self._writer.settle()

    # --- timers ---

    async def add_timer(self, due: float, *, schedule: str = "", text: str = "", floor: str = PUBLIC) -> str:
        """Flush an appointment at ``due`` (seconds since the epoch) to the disk, and return its id."""
        timer = fresh_id()
        row = {"id": timer, "due": due, "floor": floor, "schedule": schedule, "text": text, "done": False}
        await self._now(timers.insert().values(row), flushed=True)
        return timer

    async def due_timers(self, until: float | None = None, limit: int = 1_000) -> list[TimerRow]:
        """Return the appointments not yet done that are due by ``until``, or by now; the earliest first."""
        until = self._clock.wall() if until is None else until
        query = select(*(c for c in timers.c if c.name != "done")).where(~timers.c.done, timers.c.due <= until)
        return [TimerRow(**row) for row in await self._read(query.order_by(timers.c.due).limit(limit))]

    async def done_timer(self, timer: str) -> None:
        """Flush to the disk that an appointment was kept."""
        await self._now(update(timers).where(timers.c.id == timer).values(done=True), flushed=True)

    # --- upkeep ---

    async def prune(self, before: float) -> int:
        """Delete what is older than ``before`` (seconds since the epoch), a thousand rows at a time; return how many.

        Facts stay, and viewers of whom something is known or noted; turns take their lines with them.
        """
        known = select(facts.c.viewer).where(facts.c.viewer == viewers.c.id).exists()
        noted = select(notes.c.viewer).where(notes.c.viewer == viewers.c.id).exists()
        oldest_kept = select(facts.c.id).order_by(facts.c.id.desc()).offset(MOST_FACTS_IN_ALL).limit(1)
        olds: tuple[tuple[ColumnElement[str] | ColumnElement[int], ColumnElement[bool]], ...] = (
            (percepts.c.id, percepts.c.at < before),
            (turns.c.id, turns.c.at < before),
            (stopped.c.line, stopped.c.at < before),
            (timers.c.id, and_(timers.c.done, timers.c.due < before)),
            (viewers.c.id, and_(viewers.c.last_seen < before, ~known, ~noted)),
            (facts.c.id, facts.c.id <= oldest_kept.scalar_subquery()),
        )
        gone = 0
        for key, old in olds:
            some = select(key).where(old).limit(_CHUNK)
            chunk = _CHUNK
            while chunk == _CHUNK:
                chunk = await self._now(delete(key.table).where(key.in_(some)))
                gone += chunk
        return gone + await self.prune_decisions() + await self.prune_verdicts(before)

    async def counts(self) -> dict[str, int]:
        """Return how many rows each table has, how many percepts wait for an answer, and how many writes wait."""
        waiting = self._writer.waiting
        counted = {name: select(func.count()).select_from(table) for name, table in metadata.tables.items()}
        counted["waiting"] = select(func.count()).where(percepts.c.state == "waiting")
        (row,) = await self._read(select(*(count.scalar_subquery().label(name) for name, count in counted.items())))
        return {**row, "writes": waiting}
