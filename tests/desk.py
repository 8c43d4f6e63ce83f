"""Verdicts with rows in a table, and a link that is told of acts and says what became of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec

from marotte import config
from marotte.bus.local import LocalBus
from marotte.events import ActDone, ChatMessage, Verdict, Viewer, subject
from marotte.mind.verdicts import Verdicts
from marotte.store.database import StoreError
from marotte.store.verdicts import VerdictRow
from marotte.time import Clock
from tests.stand_ins import KeptRows

SPAM = "Best viewers on dogehype .com (remove the space)"
FOR_REAL = "[moderation.people]\non = true\nrehearse = false\n"
NUMBERS = count()


class Rows(KeptRows):
    """Rows of verdicts in a table; the disk may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.table: dict[str, VerdictRow] = {}
        self.away = False
        self.gone: list[str] = []

    def expired(self, ids: Any) -> None:
        self.gone += ids

    def _change(self, verdict: str, states: tuple[str, ...], **changes: Any) -> bool:
        row = self.table.get(verdict)
        if row is None or row.state not in states:
            return False
        self.table[verdict] = msgspec.structs.replace(row, **changes)
        return True

    async def keep_verdicts(self, rows: Any) -> list[VerdictRow]:
        if self.away:
            raise StoreError("the disk is away")
        new = [row for row in rows if row.id not in self.table]
        self.table |= {row.id: row for row in new}
        return new

    async def settle_verdict(self, verdict: str, *, ok: bool, detail: str) -> bool:
        return self._change(verdict, ("waiting",), state="done" if ok else "refused", detail=detail)

    async def waiting_verdicts(self) -> list[VerdictRow]:
        return [row for row in self.table.values() if row.state == "waiting"]

    async def accept_verdict(self, verdict: str, by: str, at: float) -> VerdictRow | None:
        changed = self._change(verdict, ("suggested", "rehearsed"), state="waiting", detail=f"accepted by {by}")
        return self.table[verdict] if changed else None

    async def dismiss_verdict(self, verdict: str, by: str) -> bool:
        return self._change(verdict, ("suggested",), state="undone")

    async def undo_verdict(self, verdict: str, by: str, lift: VerdictRow) -> bool:
        changed = self._change(verdict, ("waiting", "done", "refused"), state="undone")
        if changed:
            self.table[lift.id] = lift
        return changed

    async def verdict(self, verdict: str) -> VerdictRow | None:
        return self.table.get(verdict)

    async def spared_viewers(self) -> list[str]:
        return [row.viewer for row in self.table.values() if row.action == "allow" and not row.source]


class Desk:
    """Verdicts with rows in a table, and a link that is told of acts."""

    def __init__(self, show: str = FOR_REAL, rows: Rows | None = None) -> None:
        self.show = config.parse(show)
        self.rows = rows or Rows()
        self.bus = LocalBus()
        self.acts: list[Verdict] = []
        self.why = ""
        self.verdicts = Verdicts(
            self.show.moderation.people, self.bus, self.publish, Clock(epoch=1_000.0), lambda link: self.why, self.spare
        )

    def spare(self, viewer: str, spared: bool) -> None:
        self.verdicts.judge.spare(viewer, spared)

    def publish(self, event: Any) -> None:
        if isinstance(event, Verdict):
            self.acts.append(event)
        self.bus.publish(subject(event), event)

    def says(self, text: str, who: str = "bob", **more: Any) -> ChatMessage:
        viewer = Viewer(id=f"twitch:{who}", name=who.title(), platform="twitch", roles=more.pop("roles", ()))
        more = {"id": f"twitch/{next(NUMBERS)}", "first": True} | more
        return ChatMessage(viewer=viewer, text=text, link="twitch", channel="#pip", source="m7", **more)

    def done(self, ok: bool = True, detail: str = "") -> None:
        self.publish(ActDone(act=self.acts[-1].id, link="twitch", ok=ok, detail=detail))

    def states(self) -> list[tuple[str, str]]:
        return [(row.action, row.state) for row in self.rows.table.values()]

    async def settled(self) -> None:
        await asyncio.sleep(0.1)


@asynccontextmanager
async def desk(show: str = FOR_REAL, rows: Rows | None = None) -> AsyncIterator[Desk]:
    made = Desk(show, rows)
    await made.verdicts.open(made.rows)
    task = asyncio.create_task(made.verdicts.run())
    await made.settled()
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
