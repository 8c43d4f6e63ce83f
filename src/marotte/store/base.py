"""What the parts of the store share."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import Delete, Executable, Insert, RowMapping, Table, TableValuedAlias, Update, func, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.database import Database, explain
from marotte.store.writer import Work, Writer
from marotte.time import Clock, outside


class Write(NamedTuple):
    """A statement that writes, and its values; one that is built once and given its values costs half as much."""

    statement: Insert | Update | Delete
    values: dict[str, Any] | None = None


class Part:
    """A part of the store: reads from the database, and hands its writes to the one writer."""

    on_forgotten: Callable[[], None] | None = None
    """Called when what somebody said was forgotten: what else holds their words must go too."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock
        self._reading: set[asyncio.Task[Sequence[RowMapping]]] = set()

    async def _read(self, query: Executable, *, settled: bool = True) -> Sequence[RowMapping]:
        """Return all rows of a query. Raises StoreError.

        ``settled``: it sees every write handed over before, and waits for that; else only those already committed.
        """
        if settled:
            await self._writer.settle()
        # A reader who is cancelled leaves; the connection must be given back all the same.
        reading = asyncio.create_task(self._fetch(query))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        return await asyncio.shield(reading)

    async def _fetch(self, query: Executable) -> Sequence[RowMapping]:
        try:
            async with outside(), self._database.readers.connect() as connection:
                return (await connection.execute(query)).mappings().all()
        except DBAPIError as error:
            raise explain(self._database.where, error) from None

    def _soon(self, *writes: Write, at_once: bool = False, flushed: bool = False) -> None:
        """Commit the writes in this order, within 200 ms or ``at_once``; nobody waits. ``flushed``: to the disk."""

        async def work(connection: AsyncConnection) -> None:
            for statement, values in writes:
                await connection.execute(statement, values)

        self._writer.soon(work, at_once=at_once, flushed=flushed)

    async def _now(
        self, statement: Insert | Update | Delete, values: dict[str, Any] | None = None, *, flushed: bool = False
    ) -> int:
        """Commit a write and return how many rows it concerned; ``flushed``: to the disk. Raises StoreError."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(statement, values)).rowcount

        return await self._writer.now(work, flushed=flushed)

    async def _added(self, statement: Insert, values: dict[str, Any], *, flushed: bool = False) -> bool:
        """Commit an insertion that may meet a conflict; return whether there is a new row. Raises StoreError.

        Not every driver counts the rows of an INSERT: what was inserted is asked back.
        """
        asking = statement.returning(*statement.table.primary_key)

        async def work(connection: AsyncConnection) -> bool:
            return (await connection.execute(asking, values)).first() is not None

        return await self._writer.now(work, flushed=flushed)

    async def _erase(self, work: Work[int]) -> int:
        """Commit a deletion of what people said, flushed to the disk, so that the file holds nothing of it any more.

        Returns what ``work`` returns: how many rows went. Raises StoreError.
        """

        async def erased(connection: AsyncConnection) -> int:
            gone = await work(connection)
            if self._database.sqlite:
                # FTS5 only marks words as deleted; to merge its whole index drops them.
                await connection.execute(text("INSERT INTO facts_search (facts_search) VALUES ('optimize')"))
            return gone

        gone = await self._writer.now(erased, flushed=True)
        if self.on_forgotten is not None:
            self.on_forgotten()
        if self._database.sqlite:
            # The log beside the file still holds the old pages until it is written back and cut off; what PostgreSQL
            # deletes its own vacuum clears away.
            async with self._database.readers.connect() as connection:
                await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        return gone

    def _insert(self, table: Table) -> sqlite.Insert:
        """Begin an INSERT that may say what to do on a conflict; both dialects say it in the same words."""
        return sqlite.insert(table) if self._database.sqlite else cast("sqlite.Insert", postgresql.insert(table))

    def _elements(self, array: Any) -> TableValuedAlias:
        """Return the strings of a JSON array column as a table with the column ``value``."""
        if self._database.sqlite:
            return func.json_each(array).table_valued("value")
        return func.jsonb_array_elements_text(sql_cast(array, postgresql.JSONB)).table_valued("value")
