"""Rows of viewers: finding them by name, and what those who look after the show note about them."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.edits import Edits
from marotte.store.rows import ViewerRow
from marotte.store.tables import facts, notes, viewers
from marotte.text.normal import searchable


class Viewers(Edits):
    """Finds viewers, and keeps notes about them."""

    async def find_viewers(
        self, query: str = "", platform: str = "", *, offset: int = 0, limit: int = 50
    ) -> tuple[int, list[ViewerRow]]:
        """Return how many viewers there are whose name holds the query, and some of them.

        Names that begin with it come first, then whoever was here last. An id is found where it is given whole.
        """
        conditions: list[ColumnElement[bool]] = [viewers.c.platform == platform] if platform else []
        order: list[ColumnElement[Any]] = [viewers.c.last_seen.desc(), viewers.c.id]
        if query:
            # What is neither letter nor digit has no terms: it is looked for in the name as it stands.
            terms = searchable(query)
            named = viewers.c.search if terms else viewers.c.name
            held, begun = (f(terms or query, autoescape=True) for f in (named.contains, named.startswith))
            conditions.append(or_(held, viewers.c.id == query))
            order.insert(0, case((begun, 0), else_=1))
        total = await self._count(select(viewers.c.id).where(*conditions))
        page = select(viewers.c.id).where(*conditions).order_by(*order).offset(offset).limit(limit)
        ids = [row["id"] for row in await self._read(page)]
        found = {row["id"]: ViewerRow(**row) for row in await self._read(_rows().where(viewers.c.id.in_(ids)))}
        return total, [found[id] for id in ids if id in found]

    async def viewer(self, viewer: str) -> ViewerRow | None:
        """Return one viewer, or None."""
        found = await self._read(_rows().where(viewers.c.id == viewer))
        return ViewerRow(**found[0]) if found else None

    async def note_viewer(self, viewer: str, text: str, by: str) -> bool:
        """Keep a note about a viewer in the place of an earlier one; "" removes it. False for an unknown viewer."""
        note = {"viewer": viewer, "text": text, "at": self._clock.wall(), "by": by}
        kept = self._insert(notes)
        kept = kept.on_conflict_do_update(index_elements=["viewer"], set_={n: kept.excluded[n] for n in note})

        async def work(connection: AsyncConnection) -> bool:
            if not await connection.scalar(select(viewers.c.id).where(viewers.c.id == viewer)):
                return False
            before = await connection.scalar(select(notes.c.text).where(notes.c.viewer == viewer)) or ""
            if before != text:
                await self._note(connection, notes, note, by, "text", before, text)
            statement = kept.values(note) if text else delete(notes).where(notes.c.viewer == viewer)
            await connection.execute(statement)
            return True

        return await self._writer.now(work)


def _rows() -> Select[Any]:
    known = select(func.count()).select_from(facts).where(facts.c.viewer == viewers.c.id).scalar_subquery()
    note = select(notes.c.text).where(notes.c.viewer == viewers.c.id).scalar_subquery()
    own = (c for c in viewers.c if c.name != "search")
    return select(*own, known.label("facts"), func.coalesce(note, "").label("note"))
