"""Rows of turns: percepts, turns, their lines, and exactly what was heard of them."""

import logging
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Insert, RowMapping, bindparam, delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from marotte import events
from marotte.events import AnyPercept, Ending, Line, LineStarted, LineStopped, Timings, TurnStarted
from marotte.store.base import Part, Write
from marotte.store.rows import Exchange, TurnRow, person
from marotte.store.tables import lines, percepts, stopped, turns
from marotte.text.sentences import joined

log = logging.getLogger(__name__)

MOST_WAITING = 1_000
"""At most so many percepts are answered after a restart, the oldest first."""

# What every turn writes is built once; the values come with each write.
_NEXT_ORDINAL = select(func.coalesce(func.max(lines.c.ordinal) + 1, 0)).where(lines.c.turn == bindparam("of"))
_LINE = update(lines).where(lines.c.id == bindparam("of"))
_TURN = update(turns).where(turns.c.id == bindparam("of"))
_ANSWERED = update(percepts).where(percepts.c.id.in_(bindparam("ids", expanding=True))).values(state="answered")


class Turns(Part):
    """Keeps what was said to the character and exactly what was heard of its answers."""

    @cached_property
    def _new_percept(self) -> Insert:
        return self._insert(percepts).on_conflict_do_nothing()

    @cached_property
    def _percept_of_a_turn(self) -> Insert:
        # A percept that has a row keeps its state: one that waits is answered by a line, not by an attempt.
        begun = self._insert(percepts)
        return begun.on_conflict_do_update(index_elements=["id"], set_={"turn": begun.excluded.turn})

    @cached_property
    def _new_turn(self) -> Insert:
        return self._insert(turns).on_conflict_do_nothing()

    @cached_property
    def _new_line(self) -> Insert:
        return self._insert(lines).values(ordinal=_NEXT_ORDINAL.scalar_subquery()).on_conflict_do_nothing()

    # --- percepts ---

    async def keep_percept(self, percept: AnyPercept, lane: str) -> bool:
        """Flush a percept that must survive to the disk, before it is acted on; false where it is kept already."""
        return await self._added(self._new_percept, _percept_row(percept, lane, "waiting"), flushed=True)

    async def waiting_percepts(self, limit: int = MOST_WAITING) -> list[AnyPercept]:
        """Return the percepts that no line has answered yet, oldest first."""
        waiting = select(percepts.c.body).where(percepts.c.state == "waiting").order_by(percepts.c.at).limit(limit)
        return decoded(row["body"] for row in await self._read(waiting))

    def expired(self, ids: Sequence[str]) -> None:
        """Keep that these percepts will not be answered any more: too old, too many, or skipped."""
        waiting = update(percepts).where(percepts.c.id.in_(ids), percepts.c.state == "waiting")
        self._soon(Write(waiting.values(state="expired")))

    # --- turns ---

    def begin_turn(self, turn: TurnStarted, reacts_to: Sequence[AnyPercept]) -> None:
        """Keep that a turn begins, and what it reacts to; comes before its first line."""
        begun = {
            "id": turn.turn,
            "at": turn.at,
            "floor": turn.floor,
            "lane": turn.lane,
            "state": "speaking",
            "who": turn.who,
            "text": turn.text,
            "heard": "",
            "cut": False,
            "reason": "",
            "timings": "{}",
            "percepts": msgspec.json.encode(turn.percepts).decode(),
        }
        given = [_percept_row(percept, turn.lane, "expired", turn.turn) for percept in reacts_to]
        self._soon(Write(self._new_turn, begun), *(Write(self._percept_of_a_turn, row) for row in given))

    def end_turn(self, turn: str, ending: Ending) -> None:
        """Keep how a turn ended, exactly what was heard of it, and which percepts it answered."""
        ended = {
            "of": turn,
            "state": ending.state,
            "heard": ending.heard,
            "cut": ending.cut,
            "reason": ending.reason,
            "timings": msgspec.json.encode(ending.timings).decode(),
        }
        answered = [Write(_ANSWERED, {"ids": list(ending.answered), "turn": turn})] if ending.answered else []
        self._soon(Write(_TURN, ended), *answered)

    async def recent_turns(self, limit: int = 50, floor: str | None = None) -> list[TurnRow]:
        """Return the newest turns, newest first: of one floor, or of all."""
        query = select(turns).order_by(turns.c.at.desc()).limit(limit)
        rows = await self._read(query if floor is None else query.where(turns.c.floor == floor))
        return [_turn_row(row) for row in rows]

    async def history(self, floor: str, limit: int = 50) -> list[Exchange]:
        """Return the last ``limit`` exchanges of a floor, oldest first, without discarded turns: nobody heard them."""
        return await self._exchanges(turns.c.floor == floor, limit, true())

    async def exchanges_with(self, viewer: str, limit: int = 20) -> list[Exchange]:
        """Return the last exchanges with a viewer on every floor, oldest first, with what they alone said."""
        theirs = percepts.c.viewer == viewer
        return await self._exchanges(turns.c.id.in_(select(percepts.c.turn).where(theirs)), limit, theirs)

    async def _exchanges(self, which: ColumnElement[bool], limit: int, whose: ColumnElement[bool]) -> list[Exchange]:
        newest = await self._read(
            select(turns.c.id, turns.c.at, turns.c.heard, turns.c.cut)
            .where(which, turns.c.state.not_in(("speaking", "discarded")))
            .order_by(turns.c.at.desc())
            .limit(limit)
        )
        reacted_to = percepts.c.turn.in_([row["id"] for row in newest])
        bodies = select(percepts.c.turn, percepts.c.body).where(reacted_to, whose).order_by(percepts.c.at)
        said: dict[str, list[str]] = {}
        for row in await self._read(bodies):
            said.setdefault(row["turn"], []).append(row["body"])
        return [
            Exchange(
                turn=row["id"],
                at=row["at"],
                percepts=tuple(decoded(said.get(row["id"], ()))),
                heard=row["heard"],
                cut=row["cut"],
            )
            for row in reversed(newest)
        ]

    # --- lines ---

    def began(self, line: LineStarted) -> None:
        """Keep that a line begins to sound; its turn has begun before."""
        begun = {
            "id": line.line,
            "turn": line.turn,
            "of": line.turn,
            "floor": line.floor,
            "at": line.at,
            "shown": line.shown,
            "spoken": line.spoken,
            "language": line.language,
            "heard": "",
            "sample": line.sample,
            "cut": False,
            "state": "speaking",
        }
        self._soon(Write(self._new_line, begun))

    def heard(self, line: Line, text: str, sample: int, *, cut: bool, final: bool) -> None:
        """Keep exactly what was heard of a line up to ``sample``, at once; ``final`` at its end.

        A line heard to its end (``final`` and not ``cut``) has answered the percepts that it names: that is flushed to
        the disk. Once committed, the death of this process loses nothing of it.
        """
        state = "ended" if final else "speaking"
        writes = [Write(_LINE, {"of": line.id, "heard": text, "sample": sample, "cut": cut, "state": state})]
        answers = line.answers if final and not cut else ()
        if answers:
            writes.append(Write(_ANSWERED, {"ids": list(answers), "turn": line.turn}))
        self._soon(*writes, at_once=True, flushed=bool(answers))

    async def recover(self) -> int:
        """Close the turns that a crash left open, with exactly what was heard of their lines; return how many."""
        return await self._writer.now(_recover)

    # --- moderation ---

    def note_stopped(self, line: LineStopped) -> None:
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
        self._soon(Write(self._insert(stopped).on_conflict_do_nothing(), row))

    def note_released(self, line: str) -> None:
        """Keep that the operator released a stopped line."""
        self._soon(Write(update(stopped).where(stopped.c.line == line).values(released=True)))

    async def stopped_lines(self, offset: int = 0, limit: int = 50) -> tuple[int, list[dict[str, Any]]]:
        """Return how many stopped lines are kept, and some of them, newest first."""
        (count,) = await self._read(select(func.count().label("total")).select_from(stopped))
        newest = select(stopped).order_by(stopped.c.at.desc(), stopped.c.line.desc())
        rows = await self._read(newest.offset(offset).limit(limit))
        return count["total"], [dict(row) for row in rows]

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


def decoded(bodies: Iterable[str]) -> list[AnyPercept]:
    """Read percepts; one that this version cannot read is logged and left out, so that it stops no start."""
    found: list[AnyPercept] = []
    for body in bodies:
        try:
            found.append(events.decode_percept(body))
        except msgspec.MsgspecError as error:
            log.error("a percept in the store cannot be read and is left out: %s", error)
    return found
