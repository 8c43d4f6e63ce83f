"""Rows of accounts: which of them are one person's, as an operator says, or a code given on both; never a name."""

from collections.abc import Mapping

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.store.base import Part
from marotte.store.rows import AccountRow, Person
from marotte.store.tables import accounts, viewers

MOST = 100_000
MOST_AT_ONCE = 5_000


class Accounts(Part):
    """Joins accounts, and knows under which one each person is remembered."""

    async def known_as(self) -> Mapping[str, str]:
        """Return the account under which each further account's owner is remembered."""
        return {row["viewer"]: row["main"] for row in await self._read(select(accounts).limit(MOST))}

    async def accounts(self, viewer: str = "", *, offset: int = 0, limit: int = 200) -> list[Person]:
        """Return whose accounts are joined, and which: of everybody, or of the owner of one account."""
        mains = select(accounts.c.main).distinct().order_by(accounts.c.main).offset(offset).limit(limit)
        if viewer:
            mains = mains.where(or_(accounts.c.viewer == viewer, accounts.c.main == viewer))
        rows = await self._read(
            select(accounts)
            .where(accounts.c.main.in_(select(mains.subquery())))
            .order_by(accounts.c.main, accounts.c.at, accounts.c.viewer)
            .limit(MOST_AT_ONCE)
        )
        ids = {row["main"] for row in rows} | {row["viewer"] for row in rows}
        theirs = select(viewers.c.id, viewers.c.name, viewers.c.platform).where(viewers.c.id.in_(ids))
        seen = {row["id"]: row for row in await self._read(theirs, settled=False)}

        def account(id: str, at: float = 0.0, by: str = "") -> AccountRow:
            name, platform = (seen[id]["name"], seen[id]["platform"]) if id in seen else ("", "")
            return AccountRow(id=id, name=name, platform=platform, at=at, by=by)

        found: dict[str, list[AccountRow]] = {}
        for row in rows:
            found.setdefault(row["main"], [account(row["main"])]).append(account(row["viewer"], row["at"], row["by"]))
        return [Person(main=main, accounts=tuple(theirs)) for main, theirs in found.items()]

    async def join(self, main: str, viewer: str, by: str) -> None:
        """Remember the owner of two accounts, and of all that were joined to either, under ``main`` from now on.

        Raises ValueError where both are one. What was known under the other account stays there, and is found again
        where they are parted.
        """
        if main == viewer:
            raise ValueError("an account cannot be joined to itself")
        now = self._clock.wall()

        async def work(connection: AsyncConnection) -> None:
            theirs = select(accounts.c.main).where(accounts.c.viewer == main)
            root = await connection.scalar(theirs) or main
            old = await connection.scalar(select(accounts.c.main).where(accounts.c.viewer == viewer)) or viewer
            group = set(await connection.scalars(select(accounts.c.viewer).where(accounts.c.main == old)))
            for one in (group | {old, viewer}) - {root}:
                await connection.execute(delete(accounts).where(accounts.c.viewer == one))
                await connection.execute(accounts.insert().values(viewer=one, main=root, at=now, by=by))
            await connection.execute(delete(accounts).where(accounts.c.viewer == root))

        await self._writer.now(work)

    async def part(self, viewer: str) -> bool:
        """Remember the owner of an account under it alone again; returns whether it had been joined to any."""
        gone = delete(accounts).where(or_(accounts.c.viewer == viewer, accounts.c.main == viewer))
        return bool(await self._now(gone))
