"""What the parts of the store share."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Delete, Executable, Insert, RowMapping, Table, TableValuedAlias, Update, func
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.database import Database, explain
from marotte.store.writer import Writer
from marotte.time import Clock


class Part:
    """A part of the store: reads from the database, and hands its writes to the one writer."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock

    async def _read(self, query: Executable, *, settled: bool = True) -> Sequence[RowMapping]:
        """Return all rows of a query. Raises StoreError.

        ``settled``: it sees every write handed over before, and waits for that; else only those already committed.
        """
        if settled:
            await self._writer.settle()
        try:
            async with self._database.readers.connect() as connection:
                return (await connection.execute(query)).mappings().all()
        except DBAPIError as error:
            raise explain(self._database.where, error) from None

    def _soon(self, *statements: Insert | Update | Delete) -> None:
        """Commit the statements in this order, within 200 ms; nobody waits."""

        async def work(connection: AsyncConnection) -> None:
            for statement in statements:
                await connection.execute(statement)

        self._writer.soon(work)

    async def _now(self, statement: Insert | Update | Delete, *, flushed: bool = False) -> int:
        """Commit a statement and return how many rows it concerned; ``flushed``: to the disk. Raises StoreError."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self._writer.now(work, flushed=flushed)

    def _insert(self, table: Table) -> sqlite.Insert:
        """Begin an INSERT that may say what to do on a conflict; both dialects say it in the same words."""
        return sqlite.insert(table) if self._database.sqlite else cast("sqlite.Insert", postgresql.insert(table))

    def _elements(self, array: Any) -> TableValuedAlias:
        """Return the strings of a JSON array column as a table with the column ``value``."""
        if self._database.sqlite:
            return func.json_each(array).table_valued("value")
        return func.jsonb_array_elements_text(sql_cast(array, postgresql.JSONB)).table_valued("value")
