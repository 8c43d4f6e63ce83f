"""Rows of verdicts: what was decided on viewers, on disk before it is acted on, and what became of it."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte.events import Verdict, Viewer
from marotte.store.edits import Edits
from marotte.store.tables import verdicts

State = Literal["rehearsed", "suggested", "waiting", "done", "refused", "undone"]
STATES: tuple[State, ...] = ("rehearsed", "suggested", "waiting", "done", "refused", "undone")
MOST_VERDICTS = 50_000
"""So many verdicts are kept; then the oldest go."""
MOST_WAITING = 1_000
LONGEST_APPEAL = 2_000
_LASTING = ("timeout", "ban")


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict as it is kept."""

    id: str
    """That of its act."""
    at: float
    link: str
    channel: str
    viewer: str
    name: str
    action: str
    seconds: float
    reason: str
    source: str
    evidence: str
    """As JSON: what counted, how much, and what was written."""
    by: str
    """``program``, ``character``, or an operator's name."""
    state: State
    detail: str = ""
    """What became of it, in words."""
    appeal: str = ""

    def act(self) -> Verdict:
        """Return the act of this verdict, with its id."""
        platform = self.viewer.partition(":")[0]
        return Verdict(
            id=self.id,
            at=self.at,
            link=self.link,
            viewer=Viewer(id=self.viewer, name=self.name, platform=platform),
            action=self.action,  # pyright: ignore[reportArgumentType]
            reason=self.reason,
            seconds=self.seconds,
            source=self.source,
            channel=self.channel,
        )


class Verdicts(Edits):
    """Keeps verdicts; one that waits is acted on again after a restart, under the same id."""

    async def keep_verdicts(self, rows: Sequence[VerdictRow]) -> list[VerdictRow]:
        """Flush verdicts to the disk before they are acted on; return those that were not kept before."""
        kept = self._insert(verdicts).on_conflict_do_nothing()
        values = [msgspec.to_builtins(row) for row in rows]

        async def work(connection: AsyncConnection) -> list[VerdictRow]:
            added = {await connection.scalar(kept.values(value).returning(verdicts.c.id)) for value in values}
            return [row for row in rows if row.id in added]

        return await self._writer.now(work, flushed=True)

    async def settle_verdict(self, verdict: str, *, ok: bool, detail: str) -> bool:
        """Keep what became of an act; false where its verdict does not wait, for it was undone meanwhile."""
        state = "done" if ok else "refused"
        settled = update(verdicts).where(verdicts.c.id == verdict, verdicts.c.state == "waiting")
        return bool(await self._now(settled.values(state=state, detail=detail[:500]), flushed=True))

    async def waiting_verdicts(self, limit: int = MOST_WAITING) -> list[VerdictRow]:
        """Return the verdicts of which it is not known what became, oldest first."""
        waiting = select(verdicts).where(verdicts.c.state == "waiting").order_by(verdicts.c.at).limit(limit)
        return [VerdictRow(**row) for row in await self._read(waiting)]

    async def accept_verdict(self, verdict: str, by: str, at: float) -> VerdictRow | None:
        """Let a suggestion, or what was only rehearsed, wait to be acted on; None where it is neither."""
        accepted = update(verdicts).where(verdicts.c.id == verdict, verdicts.c.state.in_(("suggested", "rehearsed")))
        changed = accepted.values(state="waiting", at=at, detail=f"accepted by {by}"[:500])
        return await self.verdict(verdict) if await self._now(changed, flushed=True) else None

    async def dismiss_verdict(self, verdict: str, by: str) -> bool:
        """Do nothing about a suggestion; false where there is none that waits for an answer."""
        open_one = update(verdicts).where(verdicts.c.id == verdict, verdicts.c.state == "suggested")
        return bool(await self._now(open_one.values(state="undone", detail=f"dismissed by {by}"[:500])))

    async def undo_verdict(self, verdict: str, by: str, lift: VerdictRow) -> bool:
        """Mark a verdict as undone, and keep the one that lifts it; false where there is nothing to undo."""
        undone = update(verdicts).where(verdicts.c.id == verdict, verdicts.c.state.in_(("waiting", "done", "refused")))
        marked = undone.values(state="undone", detail=f"undone by {by}"[:500])

        async def work(connection: AsyncConnection) -> bool:
            if not (await connection.execute(marked)).rowcount:
                return False
            await connection.execute(self._insert(verdicts).values(msgspec.to_builtins(lift)))
            return True

        return await self._writer.now(work, flushed=True)

    async def note_appeal(self, verdict: str, text: str) -> bool:
        """Keep what somebody says against a verdict; "" removes it. False for an unknown verdict."""
        noted = update(verdicts).where(verdicts.c.id == verdict).values(appeal=text[:LONGEST_APPEAL])
        return bool(await self._now(noted))

    async def verdict(self, verdict: str) -> VerdictRow | None:
        """Return one verdict, or None."""
        found = await self._read(select(verdicts).where(verdicts.c.id == verdict))
        return VerdictRow(**found[0]) if found else None

    async def find_verdicts(
        self,
        *,
        state: str = "",
        action: str = "",
        viewer: str = "",
        by: str = "",
        appealed: bool = False,
        offset: int = 0,
        limit: int = 50,
    ) -> tuple[int, list[VerdictRow]]:
        """Return how many verdicts there are of this kind, and some of them, newest first.

        ``viewer`` is an id, or any part of a name.
        """
        asked: Iterable[tuple[str, ColumnElement[bool]]] = (
            (state, verdicts.c.state == state),
            (action, verdicts.c.action == action),
            (by, verdicts.c.by == by),
            (viewer, or_(verdicts.c.viewer == viewer, verdicts.c.name.icontains(viewer, autoescape=True))),
            ("appeal" if appealed else "", verdicts.c.appeal != ""),
        )
        wanted = [condition for value, condition in asked if value]
        total = await self._count(select(verdicts.c.id).where(*wanted))
        newest = select(verdicts).where(*wanted).order_by(verdicts.c.at.desc(), verdicts.c.id.desc())
        return total, [VerdictRow(**row) for row in await self._read(newest.offset(offset).limit(limit))]

    async def verdict_counts(self) -> dict[str, int]:
        """Return how many verdicts are in each state."""
        counted = select(verdicts.c.state, func.count().label("rows")).group_by(verdicts.c.state)
        return dict.fromkeys(STATES, 0) | {row["state"]: row["rows"] for row in await self._read(counted)}

    async def spared_viewers(self, limit: int = 1_000) -> list[str]:
        """Return the viewers on whom a verdict was lifted by hand and none laid by hand since, the oldest first."""
        # Where a message is named, that one alone was let through.
        lifted = func.max(verdicts.c.at).filter(verdicts.c.action == "allow", verdicts.c.source == "")
        laid = func.max(verdicts.c.at).filter(
            verdicts.c.action.in_(_LASTING), verdicts.c.by.not_in(("program", "character")), verdicts.c.state == "done"
        )
        found = select(verdicts.c.viewer, lifted.label("lifted"), laid.label("laid")).group_by(verdicts.c.viewer)
        spared = found.having(lifted.is_not(None)).order_by(lifted.desc()).limit(limit)
        rows = await self._read(spared)
        return [row["viewer"] for row in reversed(rows) if row["laid"] is None or row["laid"] < row["lifted"]]

    async def prune_verdicts(self, before: float) -> int:
        """Delete verdicts older than ``before``, and those beyond the most that are kept; none that waits."""
        newest = select(verdicts.c.at).order_by(verdicts.c.at.desc()).offset(MOST_VERDICTS).limit(1).scalar_subquery()
        old = or_(verdicts.c.at < before, verdicts.c.at <= newest)
        return await self._now(delete(verdicts).where(verdicts.c.state != "waiting", old))


async def unname(connection: AsyncConnection, viewer: str) -> int:
    """Forget who was meant: what was decided stays, so that it can be lifted; what has no effect goes."""
    theirs = verdicts.c.viewer == viewer
    await connection.execute(update(verdicts).where(theirs).values(name="", evidence="", appeal=""))
    gone: Any = await connection.execute(delete(verdicts).where(theirs, verdicts.c.state.not_in(("waiting", "done"))))
    return gone.rowcount
