"""Rows of who has ever written on which link."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.base import Part
from marotte.store.tables import wrote

PAGE = 1_000


class Newcomers(Part):
    """Keeps who has ever written on a link: nothing but their id, and when that was for the first time."""

    async def wrote(self, after: int = 0) -> Mapping[int, tuple[str, str]]:
        """Return the next ``PAGE`` pairs of a link and a viewer by their numbers; none: all have been given."""
        query = select(wrote.c.id, wrote.c.link, wrote.c.viewer).where(wrote.c.id > after)
        rows = await self._read(query.order_by(wrote.c.id).limit(PAGE), settled=False)
        return {row["id"]: (row["link"], row["viewer"]) for row in rows}

    async def listening_since(self) -> Mapping[str, float]:
        """Return when somebody was first kept of each link, in seconds since the epoch."""
        query = select(wrote.c.link, func.min(wrote.c.at).label("at")).group_by(wrote.c.link)
        return {row["link"]: row["at"] for row in await self._read(query)}

    def keep_wrote(self, people: Sequence[tuple[str, str, float]]) -> None:
        """Keep who has written: link, viewer and time; who is kept already stays as they are. Nobody waits."""
        rows = [{"link": link, "viewer": viewer, "at": at} for link, viewer, at in people]
        kept = self._insert(wrote).on_conflict_do_nothing()

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(kept, rows)

        if rows:
            self._writer.soon(work)
