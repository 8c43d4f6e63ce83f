"""Rows of edits: what was changed by hand, when, by whom, and what stood there before."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Table, delete, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.base import Part
from marotte.store.rows import Edit
from marotte.store.tables import edits, facts, notes, percepts, turns, viewers
from marotte.text.normal import searchable, words

MOST_EDITS = 10_000
"""So many edits are kept; then the oldest go."""
_LONGEST = 20_000
_EDIT = tuple(edits.c[name] for name in Edit.__struct_fields__)


class Edits(Part):
    """Changes rows by hand, and keeps what they were."""

    async def edits(self, limit: int = 100, offset: int = 0) -> list[Edit]:
        """Return the newest edits first."""
        found = select(*_EDIT).order_by(edits.c.id.desc()).limit(limit).offset(offset)
        return [Edit(**row) for row in await self._read(found)]

    async def edits_of(self, table: str, key: str) -> list[Edit]:
        """Return how one row was edited, the newest first."""
        one = select(*_EDIT).where(edits.c["table"] == table, edits.c["key"] == key).order_by(edits.c.id.desc())
        return [Edit(**row) for row in await self._read(one.limit(MOST_EDITS))]

    async def _change(self, table: Table, key: str | int, changes: Mapping[str, Any], by: str) -> bool:
        """Change columns of a row and keep what they were; false where there is no such row. Raises StoreError."""
        (primary,) = table.primary_key

        async def work(connection: AsyncConnection) -> bool:
            row = (await connection.execute(select(table).where(primary == key))).mappings().one_or_none()
            if row is None:
                return False
            new = {name: value for name, value in changes.items() if row[name] != value}
            for name, value in new.items():
                await self._note(connection, table, row, by, name, _written(row[name]), _written(value))
            if new:
                changed = table.update().where(primary == key)
                await connection.execute(changed.values(**new, **_found_by(table, row, new)))
            return True

        return await self._writer.now(work)

    async def _note(
        self,
        connection: AsyncConnection,
        table: Table,
        row: Mapping[Any, Any],
        by: str,
        column: str,
        before: str,
        after: str = "",
    ) -> None:
        """Write an edit down, with whom and which floor the row concerned, so that it is forgotten with them."""
        (primary,) = table.primary_key
        edit = {
            "at": self._clock.wall(),
            "by": by,
            "table": table.name,
            "key": str(row[primary.name]),
            "column": column,
            "before": before[:_LONGEST],
            "after": after[:_LONGEST],
            "viewers": msgspec.json.encode(await self._concerned(connection, table, row)).decode(),
            "floor": row.get("floor", row.get("scope", "")),
        }
        kept = (await connection.execute(edits.insert().values(edit).returning(edits.c.id))).scalar_one()
        await connection.execute(delete(edits).where(edits.c.id <= kept - MOST_EDITS))

    async def _concerned(self, connection: AsyncConnection, table: Table, row: Mapping[Any, Any]) -> list[str]:
        """Return the ids of the viewers whom a row concerns: its own, or those behind the turn that it belongs to."""
        if table in (facts, notes, percepts):
            return [row["viewer"]]
        if table is viewers:
            return [row["id"]]
        turn = row["id"] if table is turns else row.get("turn")
        if not turn:
            return []
        named = self._elements(turns.c.percepts)
        reacted_to = select(named.c.value).select_from(turns).join(named, true()).where(turns.c.id == turn)
        theirs = select(percepts.c.viewer).where(percepts.c.id.in_(reacted_to), percepts.c.viewer != "").distinct()
        return list(await connection.scalars(theirs))

    async def _count(self, query: Any) -> int:
        (row,) = await self._read(select(func.count().label("rows")).select_from(query.subquery()))
        return row["rows"]


def _found_by(table: Table, row: Mapping[Any, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """Return the column by which a changed row is found: a fact keeps the further words that it was found by."""
    if table is viewers and "name" in new:
        return {"search": searchable(new["name"])}
    if table is facts and "text" in new:
        old = set(words(row["text"]))
        further = [term for term in row["search"].split() if term not in old]
        return {"search": " ".join(dict.fromkeys([*words(new["text"]), *further]))}
    return {}


def _written(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
