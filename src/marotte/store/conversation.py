"""Rows of the conversation: percepts, turns, their lines, and exactly what was heard of them."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Update, delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte import events
from marotte.events import AnyPercept, Ending, LineStarted, LineStopped, Timings, TurnStarted
from marotte.store.base import Part
from marotte.store.rows import Exchange, TurnRow, person
from marotte.store.tables import lines, percepts, stopped, turns
from marotte.text.sentences import joined

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""At most so many percepts are answered after a restart, the oldest first."""


class Conversation(Part):
    """Keeps what was said to the character and exactly what was heard of its answers."""

    # --- percepts ---

    async def keep_percept(self, percept: AnyPercept, lane: str) -> bool:
        """Flush a percept that must survive to the disk, before it is acted on; false where it is kept already."""
        row = _percept_row(percept, lane, "waiting")
        return bool(await self._now(self._insert(percepts).values(row).on_conflict_do_nothing(), flushed=True))

    async def waiting_percepts(self, limit: int = MOST_WAITING) -> list[AnyPercept]:
        """Return the percepts that no line has answered yet, oldest first."""
        waiting = select(percepts.c.body).where(percepts.c.state == "waiting").order_by(percepts.c.at).limit(limit)
        return _decoded(row["body"] for row in await self._read(waiting))

    async def answered(self, ids: Sequence[str], turn: str) -> None:
        """Flush to the disk that a line of ``turn`` that names these percepts was heard to its end."""
        await self._now(_answered(ids, turn), flushed=True)

    async def expired(self, ids: Sequence[str]) -> None:
        """Keep that these percepts will not be answered any more: too old, too many, or skipped."""
        waiting = update(percepts).where(percepts.c.id.in_(ids), percepts.c.state == "waiting")
        self._soon(waiting.values(state="expired"))

    # --- turns ---

    async def begin_turn(self, turn: TurnStarted, reacts_to: Sequence[AnyPercept]) -> None:
        """Keep that a turn begins, and what it reacts to; comes before its first line."""
        begun = self._insert(turns).values(
            id=turn.turn,
            at=turn.at,
            floor=turn.floor,
            lane=turn.lane,
            state="speaking",
            who=turn.who,
            text=turn.text,
            heard="",
            cut=False,
            reason="",
            timings="{}",
            percepts=msgspec.json.encode(turn.percepts).decode(),
        )
        statements = [begun.on_conflict_do_nothing()]
        if reacts_to:
            # A percept that has a row keeps its state: one that waits is answered by a line, not by an attempt.
            given = self._insert(percepts).values(
                [_percept_row(percept, turn.lane, "expired", turn.turn) for percept in reacts_to]
            )
            statements.append(given.on_conflict_do_update(index_elements=["id"], set_={"turn": turn.turn}))
        self._soon(*statements)

    async def end_turn(self, turn: str, ending: Ending) -> None:
        """Keep how a turn ended, exactly what was heard of it, and which percepts it answered."""
        ended = update(turns).where(turns.c.id == turn)
        self._soon(
            ended.values(
                state=ending.state,
                heard=ending.heard,
                cut=ending.cut,
                reason=ending.reason,
                timings=msgspec.json.encode(ending.timings).decode(),
            ),
            _answered(ending.answered, turn),
        )

    async def recent_turns(self, limit: int = 50, floor: str | None = None) -> list[TurnRow]:
        """Return the newest turns, newest first: of one floor, or of all."""
        query = select(turns).order_by(turns.c.at.desc()).limit(limit)
        rows = await self._read(query if floor is None else query.where(turns.c.floor == floor))
        return [_turn_row(row) for row in rows]

    async def history(self, floor: str, limit: int = 50) -> list[Exchange]:
        """Return the last ``limit`` exchanges of a floor, oldest first, without discarded turns: nobody heard them."""
        newest = await self._read(
            select(turns.c.id, turns.c.at, turns.c.heard, turns.c.cut)
            .where(turns.c.floor == floor, turns.c.state.not_in(("speaking", "discarded")))
            .order_by(turns.c.at.desc())
            .limit(limit)
        )
        reacted_to = percepts.c.turn.in_([row["id"] for row in newest])
        said: dict[str, list[str]] = {}
        for row in await self._read(select(percepts.c.turn, percepts.c.body).where(reacted_to).order_by(percepts.c.at)):
            said.setdefault(row["turn"], []).append(row["body"])
        return [
            Exchange(
                turn=row["id"],
                at=row["at"],
                percepts=tuple(_decoded(said.get(row["id"], ()))),
                heard=row["heard"],
                cut=row["cut"],
            )
            for row in reversed(newest)
        ]

    # --- lines ---

    async def begin_line(self, line: LineStarted) -> None:
        """Keep that a line begins to sound; its turn has begun before."""
        ordinal = select(func.coalesce(func.max(lines.c.ordinal) + 1, 0)).where(lines.c.turn == line.turn)
        begun = self._insert(lines).values(
            id=line.line,
            turn=line.turn,
            floor=line.floor,
            at=line.at,
            ordinal=ordinal.scalar_subquery(),
            shown=line.shown,
            spoken=line.spoken,
            language=line.language,
            heard="",
            sample=line.sample,
            cut=False,
            state="speaking",
        )
        self._soon(begun.on_conflict_do_nothing())

    async def heard(self, line: str, text: str, sample: int, cut: bool = False, final: bool = False) -> None:
        """Keep exactly what was heard of a line up to ``sample``; ``final`` at its end. Raises StoreError.

        Once it returns, the death of this process loses nothing of it.
        """
        spoken = update(lines).where(lines.c.id == line)
        await self._now(spoken.values(heard=text, sample=sample, cut=cut, state="ended" if final else "speaking"))

    async def recover(self) -> int:
        """Close the turns that a crash left open, with exactly what was heard of their lines; return how many."""
        return await self._writer.now(_recover)

    # --- moderation ---

    async def note_stopped(self, line: LineStopped) -> None:
        """Keep a line that moderation stopped."""
        row = {
            "line": line.line,
            "turn": line.turn,
            "floor": line.floor,
            "at": line.at,
            "reason": line.reason,
            "shown": line.shown,
            "released": False,
        }
        self._soon(self._insert(stopped).values(row).on_conflict_do_nothing())

    async def note_released(self, line: str) -> None:
        """Keep that the operator released a stopped line."""
        self._soon(update(stopped).where(stopped.c.line == line).values(released=True))

    async def _unsay(self, connection: AsyncConnection, viewer: str) -> int:
        """Delete what a viewer said, and the words of every turn that reacted to it; that it took place stays."""
        theirs = select(percepts.c.id).where(percepts.c.viewer == viewer)
        named = self._elements(turns.c.percepts)
        concerned = select(turns.c.id).join(named, true()).where(named.c.value.in_(theirs))
        await connection.execute(update(lines).where(lines.c.turn.in_(concerned)).values(shown="", spoken="", heard=""))
        await connection.execute(delete(stopped).where(stopped.c.turn.in_(concerned)))
        await connection.execute(
            update(turns).where(turns.c.id.in_(concerned)).values(who="", text="", heard="", reason="")
        )
        return (await connection.execute(delete(percepts).where(percepts.c.viewer == viewer))).rowcount


def _answered(ids: Sequence[str], turn: str) -> Update:
    return update(percepts).where(percepts.c.id.in_(ids)).values(state="answered", turn=turn)


async def _recover(connection: AsyncConnection) -> int:
    unended = list(await connection.scalars(select(turns.c.id).where(turns.c.state == "speaking")))
    for turn in unended:
        heard = await connection.scalars(
            select(lines.c.heard).where(lines.c.turn == turn, lines.c.heard != "").order_by(lines.c.ordinal)
        )
        closed = update(turns).where(turns.c.id == turn)
        await connection.execute(
            closed.values(state="interrupted", heard=joined(*heard), cut=True, reason="the program ended")
        )
    await connection.execute(update(lines).where(lines.c.state == "speaking").values(state="ended", cut=True))
    return len(unended)


def _turn_row(row: RowMapping) -> TurnRow:
    fields: dict[str, Any] = dict(row)
    fields["timings"] = msgspec.json.decode(row["timings"], type=Timings)
    fields["percepts"] = msgspec.json.decode(row["percepts"], type=tuple[str, ...])
    return TurnRow(**fields)


def _percept_row(percept: AnyPercept, lane: str, state: str, turn: str = "") -> dict[str, Any]:
    return {
        "id": percept.id,
        "at": percept.at,
        "floor": percept.floor,
        "kind": events.tag(percept),
        "viewer": person(percept),
        "lane": lane,
        "body": events.encode(percept).decode(),
        "state": state,
        "turn": turn,
    }


def _decoded(bodies: Iterable[str]) -> list[AnyPercept]:
    """Read percepts; one that this version cannot read is logged and left out, so that it stops no start."""
    found: list[AnyPercept] = []
    for body in bodies:
        try:
            found.append(events.decode_percept(body))
        except msgspec.MsgspecError as error:
            log.error("a percept in the store cannot be read and is left out: %s", error)
    return found
