"""Rows of what is counted and quoted: counters, tickets of a raffle, quotes, what became of redemptions."""

from collections.abc import Mapping
from typing import Literal

from sqlalchemy import Insert, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.events import AnyPercept
from marotte.store.base import Part, Write
from marotte.store.tables import percepts, quotes, tallies
from marotte.store.turns import decoded

MOST = 20_000
"""So many tallies of one kind are read."""
MOST_QUOTES = 2_000
REDEEMED = "redeemed"
"""How often each reward was redeemed; under ``redeemed: OUTCOME``, how often that became of it."""
DECIDED = "redemption decided"
"""What becomes of each redemption, by its percept: ``FULFIL`` or ``REFUND``, and ``CLOSED`` more once that is done."""
FULFIL, REFUND, CLOSED = 1, 2, 10
OWED = "owed"
"""What each use of a command was paid, by who paid and its message, until what was asked for it has been heard."""
Outcome = Literal["fulfilled", "refunded", "unfollowed", "left"]
"""unfollowed: refunded because nobody followed its cue · left: to people."""


class Tallies(Part):
    """Counts, keeps quotes, and knows what became of every redemption. What it returns from is on the disk."""

    async def tallies(self, kind: str) -> Mapping[str, int]:
        """Return all counts of a kind by name, in the order of their names."""
        query = select(tallies.c.name, tallies.c.count).where(tallies.c.kind == kind).order_by(tallies.c.name)
        return {row["name"]: row["count"] for row in await self._read(query.limit(MOST))}

    async def keep_tally(self, kind: str, name: str, count: int) -> None:
        """Keep a count in the place of what it was before."""
        await self.keep_tallies({(kind, name): count})

    async def keep_tallies(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Keep counts, each by its kind and name, in the place of what they were before: all of them, or none."""
        rows = [{"kind": kind, "name": name, "count": count} for (kind, name), count in counts.items()]

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(self._keeping(), rows)

        await self._writer.now(work, flushed=True)

    def keep_tally_soon(self, kind: str, name: str, count: int) -> None:
        """Keep a count in the place of what it was before, within 200 ms; nobody waits."""
        self._soon(Write(self._keeping(), {"kind": kind, "name": name, "count": count}))

    async def drop_tallies(self, kind: str, *names: str) -> None:
        """Delete counts of a kind: those of these names, or all where none is given."""
        some = (tallies.c.name.in_(names),) if names else ()
        await self._now(delete(tallies).where(tallies.c.kind == kind, *some), flushed=True)

    def _keeping(self) -> Insert:
        kept = self._insert(tallies)
        return kept.on_conflict_do_update(index_elements=["kind", "name"], set_={"count": kept.excluded["count"]})

    # --- quotes ---

    async def quotes(self) -> Mapping[int, str]:
        """Return the newest quotes by their number, the oldest of them first."""
        newest = select(quotes.c.id, quotes.c.text).order_by(quotes.c.id.desc()).limit(MOST_QUOTES)
        return {row["id"]: row["text"] for row in reversed(await self._read(newest))}

    async def keep_quote(self, number: int, text: str, by: str) -> None:
        """Keep a quote under its number."""
        row = {"id": number, "at": self._clock.wall(), "text": text, "by": by}
        await self._now(quotes.insert().values(row), flushed=True)

    async def drop_quote(self, number: int) -> None:
        """Delete a quote."""
        await self._now(delete(quotes).where(quotes.c.id == number), flushed=True)

    # --- redemptions ---

    async def redemptions(self, since: float) -> list[tuple[AnyPercept, str]]:
        """Return the redemptions since a time, each with its state: waiting, answered or expired."""
        query = select(percepts.c.body, percepts.c.state).where(percepts.c.kind == "redemption", percepts.c.at >= since)
        rows = await self._read(query.order_by(percepts.c.at).limit(MOST))
        return [(percept, row["state"]) for row in rows for percept in decoded([row["body"]])]

    async def decide(self, percept: str, reward: str, what: int, outcome: Outcome) -> bool:
        """Keep what becomes of a redemption, and count it by its outcome; false where that was decided before."""
        decided = self._insert(tallies).values(kind=DECIDED, name=percept, count=what).on_conflict_do_nothing()
        decided = decided.returning(tallies.c.name)
        rows = [{"kind": kind, "name": reward, "count": 1} for kind in (REDEEMED, f"{REDEEMED}: {outcome}")]
        counted = self._insert(tallies).values(rows)
        counted = counted.on_conflict_do_update(index_elements=["kind", "name"], set_={"count": tallies.c.count + 1})

        async def work(connection: AsyncConnection) -> bool:
            if (await connection.execute(decided)).first() is None:
                return False
            await connection.execute(counted)
            return True

        return await self._writer.now(work, flushed=True)

    async def closed(self, percept: str) -> None:
        """Keep that a redemption needs no more: the platform has closed it as was decided, or it is left to people."""
        done = update(tallies).where(tallies.c.kind == DECIDED, tallies.c.name == percept, tallies.c.count < CLOSED)
        await self._now(done.values(count=tallies.c.count + CLOSED), flushed=True)

    async def prune_decisions(self) -> int:
        """Delete what became of redemptions that are themselves no longer kept; return how many rows went."""
        known = select(percepts.c.id).where(percepts.c.id == tallies.c.name).exists()
        return await self._now(delete(tallies).where(tallies.c.kind == DECIDED, ~known))
