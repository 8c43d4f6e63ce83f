"""The tables as they are, for people who know what they do: browsed, searched, edited and cleaned by hand."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    RowMapping,
    Table,
    Text,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.edits import Edits
from marotte.store.memories import LONGEST_FACT
from marotte.store.tables import Words, clean, metadata, stopped, turns
from marotte.store.verdicts import LONGEST_APPEAL

_LATEST = 1e11
_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*|")
MOST_SEARCHED = 10_000
"""Rows that one search looks through."""
_HIDDEN = "search"
"""A column of terms, made from another one."""


class Stays(Exception):
    """This row cannot be deleted; the message says why."""


class ColumnInfo(msgspec.Struct, frozen=True):
    """A column, and whether it may be edited by hand."""

    name: str
    type: str
    editable: bool


class TableInfo(msgspec.Struct, frozen=True):
    """A table; ``key`` is the column that names a row."""

    name: str
    rows: int
    columns: list[ColumnInfo]
    key: str
    deletable: bool


class Page(msgspec.Struct, frozen=True):
    """Some rows of a table."""

    total: int
    """How many there are, or how many of those looked through hold what was searched for."""
    rows: list[dict[str, Any]]
    older: float | None = None
    """Where a search goes on, as some rows are older than those that it looked through; None where it saw all."""


class _Rule(NamedTuple):
    """What may be done to the rows of a table by hand."""

    editable: Mapping[str, Callable[[Any], Any]]
    """What checks a new value and returns it as it is kept; raises ValueError."""
    stays: str = ""
    """Why its rows cannot be deleted."""


def _words(longest: int, shortest: int = 1) -> Callable[[Any], str]:
    def checked(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        kept = clean(value)
        if len(kept.strip()) < shortest or len(kept) > longest:
            raise ValueError(f"must have {shortest} to {longest} characters")
        return kept

    return checked


def _tag(value: Any) -> str:
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise ValueError("must be a language tag such as en or pt-BR, or empty")
    return value


def _moment(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number of seconds since the epoch")
    if not 0 <= value <= _LATEST:
        raise ValueError(f"must lie between 0 and {_LATEST:g} seconds since the epoch")
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError("must be a whole number from 0 on")
    return value


# What was said and heard is never edited: it is the truth. Primary and foreign keys hold rows together.
_RULES = {
    "viewers": _Rule(
        {"name": _words(200), "language": _tag}, "forget the viewer instead: all that is known of them goes along"
    ),
    "facts": _Rule({"text": _words(LONGEST_FACT)}),
    "notes": _Rule({"text": _words(LONGEST_FACT)}),
    "timers": _Rule({"due": _moment, "text": _words(2_000, 0), "done": _flag}),
    "percepts": _Rule({}),
    "turns": _Rule({}),
    "lines": _Rule({}, "delete its turn instead: a turn takes its lines along"),
    "stopped": _Rule({}),
    "edits": _Rule({}, "the history of edits is kept as it is"),
    "accounts": _Rule({}, "part the account from its viewer instead, on the page People"),
    "tallies": _Rule({"count": _whole}),
    "quotes": _Rule({"text": _words(500)}),
    "wrote": _Rule({}, "forget the viewer instead: all that is known of them goes along"),
    "verdicts": _Rule({"appeal": _words(LONGEST_APPEAL, 0)}, "the log of verdicts is kept as it is: undo one instead"),
}
_NOW = {("percepts", "waiting"): "it waits for an answer: skip it first", ("turns", "speaking"): "it speaks: stop it"}


class Browser(Edits):
    """Shows every table, and changes what may be changed by hand; each change is kept with what stood there before.

    Names of tables and columns are looked up in our own model and never taken from whoever asks.
    """

    @property
    def where(self) -> str:
        """The file, or the URL without its password."""
        return self._database.where

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database; None on PostgreSQL."""
        return self._database.file

    async def size(self) -> int:
        """Return how many bytes the database takes."""
        if self.file is not None:
            files = (self.file, self.file.with_name(self.file.name + "-wal"))
            return sum(file.stat().st_size for file in files if file.exists())
        (row,) = await self._read(text("SELECT pg_database_size(current_database()) AS size"), settled=False)
        return row["size"]

    async def tables(self) -> list[TableInfo]:
        """Return every table with its columns and how many rows it has."""
        counted = (select(func.count()).select_from(t).scalar_subquery().label(t.name) for t in _tables())
        (rows,) = await self._read(select(*counted))
        return [
            TableInfo(
                str(table.name),  # SQLAlchemy's names are a kind of text that no encoder knows
                rows[table.name],
                [ColumnInfo(str(c.name), _kind(c), c.name in _RULES[table.name].editable) for c in _shown(table)],
                str(_key(table).name),
                not _RULES[table.name].stays,
            )
            for table in _tables()
        ]

    async def rows(self, table: str, order: str = "", *, offset: int = 0, limit: int = 50) -> Page:
        """Return some rows of a table.

        ``order`` names a column, with a minus before it from the greatest to the least; the newest come first without.
        Raises LookupError for an unknown table, ValueError for an unknown column.
        """
        known = _table(table)
        found = select(*_shown(known))
        total = await self._count(found)
        return Page(total, _plain(await self._read(found.order_by(*_order(known, order)).offset(offset).limit(limit))))

    async def search_rows(
        self, table: str, query: str, order: str = "", *, before: float | None = None, offset: int = 0, limit: int = 50
    ) -> Page:
        """Return those among a table's newest rows that hold the query in any column of text; otherwise as ``rows``.

        No index holds parts of words, so that every row is looked at: the newest ``MOST_SEARCHED``, and those of the
        same moment as the last of these. ``before`` goes on where another search ended.
        """
        known = _table(table)
        age = _age(known)
        ages = select(age)
        columns = [column for column in _shown(known) if isinstance(column.type, Text | Words)]
        like = "contains" if self._database.sqlite else "icontains"  # LIKE ignores the case in SQLite
        found = select(*_shown(known)).where(or_(*(getattr(each, like)(query, autoescape=True) for each in columns)))
        if before is not None:
            younger = age < (int(before) if isinstance(age.type, Integer) else before)
            ages, found = ages.where(younger), found.where(younger)
        older = None
        for last in await self._read(ages.order_by(age.desc()).offset(MOST_SEARCHED - 1).limit(1)):
            if await self._read(select(age).where(age < last[age.name]).limit(1)):
                older = last[age.name]
                found = found.where(age >= older)
        rows = _plain(await self._read(found.order_by(*_order(known, order)).offset(offset).limit(limit)))
        whole = len(rows) < limit and (rows or not offset)
        total = offset + len(rows) if whole else await self._count(found)
        return Page(total, rows, older)

    async def edit_row(self, table: str, key: str, changes: Mapping[str, Any], by: str) -> bool:
        """Change columns of a row; false where there is none of this key.

        Raises LookupError for an unknown table, ValueError that names the column and what is wrong, StoreError.
        """
        known = _table(table)
        wanted: dict[str, Any] = {}
        for name, value in changes.items():
            if name not in known.c:
                raise ValueError(f"{table}: there is no column {name[:50]!r}")
            check = _RULES[table].editable.get(name)
            if check is None:
                raise ValueError(f"{table}.{name}: cannot be edited by hand")
            try:
                wanted[name] = check(value)
            except ValueError as error:
                raise ValueError(f"{table}.{name}: {error}") from None
        number = _typed(known, key)
        return number is not None and await self._change(known, number, wanted, by)

    async def delete_row(self, table: str, key: str, by: str) -> dict[str, Any] | None:
        """Delete a row, keep what it was, and return that; None where there is none of this key.

        Raises LookupError for an unknown table, Stays, StoreError.
        """
        known = _table(table)
        if _RULES[table].stays:
            raise Stays(_RULES[table].stays)
        typed = _typed(known, key)
        if typed is None:
            return None
        one = _key(known) == typed

        async def work(connection: AsyncConnection) -> tuple[dict[str, Any] | None, str]:
            row = (await connection.execute(select(known).where(one))).mappings().one_or_none()
            if row is None:
                return None, ""
            if why := _NOW.get((table, row.get("state", ""))):
                return None, why
            shown = {str(column.name): row[column.name] for column in _shown(known)}
            await self._note(connection, known, row, by, "", msgspec.json.encode(shown).decode())
            await connection.execute(delete(known).where(one))
            if known is turns:
                # Only through their turn is it known whose words made them.
                await connection.execute(delete(stopped).where(stopped.c.turn == key))
            return shown, ""

        row, why = await self._writer.now(work)
        if why:
            raise Stays(why)
        return row


def _tables() -> list[Table]:
    return [metadata.tables[name] for name in _RULES]


def _table(name: str) -> Table:
    if name not in _RULES:
        raise LookupError(f"there is no table {name[:50]!r}; there are {', '.join(_RULES)}")
    return metadata.tables[name]


def _shown(table: Table) -> list[Column[Any]]:
    return [column for column in table.c if column.name != _HIDDEN]


def _key(table: Table) -> Column[Any]:
    (column,) = table.primary_key
    return column


def _typed(table: Table, key: str) -> str | int | None:
    """Return a key in the type of its column; None where it cannot be one."""
    if not isinstance(_key(table).type, Integer):
        return key
    return int(key) if re.fullmatch(r"[0-9]{1,18}", key) else None


def _plain(rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows]


def _age(table: Table) -> Column[Any]:
    """Return the column that says which rows are newer."""
    moments = (table.c[name] for name in ("at", "last_seen", "due") if name in table.c)
    counted = isinstance(_key(table).type, Integer)
    return _key(table) if counted else next(moments, _key(table))


def _order(table: Table, order: str) -> list[Any]:
    key = _key(table)
    if not order:
        return [_age(table).desc(), key.desc()]
    column = table.c.get(order.removeprefix("-"))
    if column is None or column.name == _HIDDEN:
        raise ValueError(f"order: {table.name} has no column {order.removeprefix('-')[:50]!r}")
    return [column.desc(), key.desc()] if order.startswith("-") else [column, key]


def _kind(column: Column[Any]) -> str:
    kinds = ((Boolean, "boolean"), (Integer, "integer"), (Float, "float"))
    return next((name for kind, name in kinds if isinstance(column.type, kind)), "text")
