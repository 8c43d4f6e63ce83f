"""Rows of memory, looked after by hand: facts of every scope listed, searched and edited; a floor's memory cleared."""

from typing import Any

from sqlalchemy import ColumnElement, column, delete, func, literal_column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.edits import Edits
from marotte.store.rows import Edit, Fact
from marotte.store.tables import edits, facts, percepts, stopped, turns
from marotte.text.normal import words

LONGEST_FACT = 2_000
"""Characters."""
MOST_COUNTED = 10_000
"""So many facts that hold the words of a search are counted."""
_MOST_TERMS = 16
_FACT = tuple(facts.c[name] for name in Fact.__struct_fields__)
_INDEX = table("facts_search", column("rowid"))


class Memories(Edits):
    """Lists, searches, edits and clears what is remembered."""

    async def find_facts(
        self, query: str = "", scope: str = "", viewer: str = "", *, offset: int = 0, limit: int = 50
    ) -> tuple[int, list[Fact]]:
        """Return how many facts hold all words of the query, which may be cut short, and some of them, newest first.

        Where a query is given no more than ``MOST_COUNTED`` are counted. ``scope`` and ``viewer`` narrow it down.
        """
        found = select(*_FACT)
        order: ColumnElement[Any] = facts.c.id
        terms = list(dict.fromkeys(words(query)))[:_MOST_TERMS]
        if query and not terms:
            return 0, []
        for narrowed, wanted in ((facts.c.scope, scope), (facts.c.viewer, viewer)):
            if wanted:
                # SQLite would ask its full-text index once for each fact of the scope: the plus keeps it from that.
                plain: ColumnElement[Any] = narrowed
                if terms and self._database.sqlite:
                    plain = literal_column(f"+{narrowed}")
                found = found.where(plain == wanted)
        if terms and self._database.sqlite:
            found = found.join_from(_INDEX, facts, facts.c.id == _INDEX.c.rowid)
            found = found.where(text("facts_search MATCH :terms"))
            found = found.params(terms=" AND ".join(f'"{term}"*' for term in terms))
            order = _INDEX.c.rowid
        elif terms:
            vector: ColumnElement[Any] = literal_column("facts.facts_search")
            held = func.to_tsquery(literal_column("'simple'"), " & ".join(f"'{term}':*" for term in terms))
            found = found.where(vector.op("@@")(held))
        total = await self._count(found.limit(MOST_COUNTED) if terms else found)
        page = found.order_by(order.desc()).offset(offset).limit(limit)
        return total, [Fact(**row) for row in await self._read(page)]

    async def edit_fact(self, fact: int, said: str, by: str) -> bool:
        """Put other words in the place of a fact's, and keep the old ones; false where there is no such fact."""
        return await self._change(facts, fact, {"text": said}, by)

    async def fact_history(self, fact: int) -> list[Edit]:
        """Return how a fact was edited, the newest first."""
        return await self.edits_of(facts.name, str(fact))

    async def clear_floor(self, floor: str) -> int:
        """Delete what was said on a floor and what was learnt there; return how many rows went.

        What still waits for an answer stays, and the turn that speaks.
        """
        speaking = select(turns.c.id).where(turns.c.floor == floor, turns.c.state == "speaking")
        deletions = (
            delete(facts).where(facts.c.scope == floor),
            delete(stopped).where(stopped.c.floor == floor),
            delete(percepts).where(
                percepts.c.floor == floor, percepts.c.state != "waiting", percepts.c.turn.not_in(speaking)
            ),
            delete(turns).where(turns.c.floor == floor, turns.c.state != "speaking"),
        )

        async def work(connection: AsyncConnection) -> int:
            await connection.execute(delete(edits).where(edits.c.floor == floor))
            return sum([(await connection.execute(statement)).rowcount for statement in deletions])

        return await self._erase(work)
