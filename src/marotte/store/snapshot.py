"""What memory holds, as plain rows: for the log of a run, and for the replay that begins with them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Executable, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.base import Part
from marotte.store.database import StoreError
from marotte.store.tables import facts, percepts, quotes, tallies, timers, turns, viewers
from marotte.store.tallies import DECIDED, MOST_QUOTES, OWED

MOST_FACTS = 20_000
MOST_TURNS = 2_000
MOST_PERCEPTS = 5_000
MOST_VIEWERS = 5_000
MOST_OTHERS = 20_000
_TABLES = {table.name: table for table in (viewers, facts, turns, percepts, timers, tallies, quotes)}


class Snapshots(Part):
    """Copies what a show can recall out of the store, and into a fresh one."""

    async def snapshot(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the newest facts and turns, and the percepts that belong to them or still wait, oldest first."""
        newest = select(turns).order_by(turns.c.at.desc()).limit(MOST_TURNS)
        recent = select(turns.c.id).order_by(turns.c.at.desc()).limit(MOST_TURNS)
        queries: dict[str, Executable] = {
            "viewers": select(viewers).order_by(viewers.c.last_seen.desc()).limit(MOST_VIEWERS),
            "facts": select(facts).order_by(facts.c.id.desc()).limit(MOST_FACTS),
            "turns": newest,
            "percepts": select(percepts)
            .where(or_(percepts.c.turn.in_(recent), percepts.c.state == "waiting"))
            .order_by(percepts.c.at.desc())
            .limit(MOST_PERCEPTS),
            "timers": select(timers).where(~timers.c.done).order_by(timers.c.due.desc()).limit(MOST_OTHERS),
            # What is owed in mid-run is settled by the run itself, not by whoever opens its rows again.
            "tallies": select(tallies).where(tallies.c.kind.not_in((DECIDED, OWED))).limit(MOST_OTHERS),
            "quotes": select(quotes).order_by(quotes.c.id.desc()).limit(MOST_QUOTES),
        }
        return [(name, dict(row)) for name, query in queries.items() for row in reversed(await self._read(query))]

    async def put_back(self, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Write rows of a snapshot into this store. Raises StoreError for what is no row of ours."""
        statements: list[tuple[Any, dict[str, Any]]] = []
        for name, values in rows:
            table = _TABLES.get(name)
            if table is None or set(values) != set(table.c.keys()):
                raise StoreError(f"a snapshot holds a row of {name!r} that is none of this version")
            statements.append((table.insert(), values))

        async def work(connection: AsyncConnection) -> None:
            for statement, values in statements:
                await connection.execute(statement, values)

        await self._writer.now(work)
