"""Timers: what is due is told on time, once it was heard no more, and again where it was not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from marotte.bus.local import LocalBus
from marotte.events import AnyPercept, Dropped, Due, Ending, Event, Send, TurnEnded, TurnStarted, subject
from marotte.mind.pastimes.appointments import Appointment, due
from marotte.senses import timers
from marotte.senses.timers import Timers
from marotte.time import Clock
from tests.pastimes import ADA, PastimeRows

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class Told:
    """What was told, and what becomes of it: a stand-in for the mind."""

    def __init__(self, rows: PastimeRows, becomes: Callable[[int], str]) -> None:
        self.clock = Clock(epoch=1_000.0)
        self.bus = LocalBus()
        self.percepts: list[tuple[float, Due]] = []
        self._becomes = becomes
        self.timers = Timers(rows, self.bus, self.clock, due, self._perceive)
        self.sent = self.bus.subscribe("event.send.>", size=100)

    async def _perceive(self, percept: AnyPercept) -> bool:
        assert isinstance(percept, Due)
        self.percepts.append((round(self.clock.wall() - 1_000), percept))
        what = self._becomes(len(self.percepts))
        if what == "no floor":
            raise LookupError("there is no floor")
        turn = f"turn {len(self.percepts)}"
        news: list[Event] = [TurnStarted(turn=turn, lane="schedule", percepts=(percept.id,))]
        if what in ("heard", "unheard"):
            ending = Ending(state="done" if what == "heard" else "interrupted", heard="Tea!" if what == "heard" else "")
            news.append(TurnEnded(turn=turn, lane="schedule", ending=ending))
        else:
            news = [Dropped(lane="schedule", reason=what, percept=percept.id)] if what else []  # type: ignore[arg-type]
        for event in news:
            self.bus.publish(subject(event), event)
        return False


@asynccontextmanager
async def telling(rows: PastimeRows, becomes: Callable[[int], str] = lambda _: "heard") -> AsyncIterator[Told]:
    told = Told(rows, becomes)
    task = asyncio.create_task(told.timers.run())
    await asyncio.sleep(0)
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def row(rows: PastimeRows, after: float, told: str = "tea") -> str:
    kept = Appointment(who=ADA.id, viewer=ADA, told=told, written=f"@Ada {told}", link="twitch", channel="#pip")
    return await rows.add_timer(1_000.0 + after, schedule="a reminder", text=kept.text())


async def test_what_is_due_is_told_on_time_and_once() -> None:
    rows = PastimeRows()
    late, soon = await row(rows, 500), await row(rows, 30, "soon")
    async with telling(rows) as told:
        await asyncio.sleep(2_000)
        assert [(at, p.text) for at, p in told.percepts] == [(30, "soon"), (500, "tea")]
        assert rows.done == [soon, late]
        first = told.percepts[0][1]
        assert (first.viewer, first.schedule, first.id) == (ADA, "a reminder", f"timer/{soon}")
        sent: Send = (await told.sent.get()).data
        assert (sent.link, sent.channel, sent.text) == ("twitch", "#pip", "@Ada soon")


async def test_a_new_appointment_is_noticed_at_once() -> None:
    rows = PastimeRows()
    async with telling(rows) as told:
        await asyncio.sleep(5)
        await row(rows, 7)
        told.timers.wake()
        await asyncio.sleep(20)
        assert [at for at, _ in told.percepts] == [7]


async def test_what_was_due_while_nobody_was_there_is_told_at_the_start() -> None:
    rows = PastimeRows()
    await row(rows, -300)
    async with telling(rows) as told:
        await asyncio.sleep(1)
        assert [at for at, _ in told.percepts] == [0]


async def test_what_nobody_heard_is_told_again_but_written_once() -> None:
    rows = PastimeRows()
    timer = await row(rows, 10)
    outcomes = {1: "expired", 2: "unheard", 3: "", 4: "heard"}
    async with telling(rows, lambda n: outcomes[n]) as told:
        await asyncio.sleep(4_000)
        assert [at for at, _ in told.percepts] == [10, 70, 130, 130 + timers.UNHEARD]
        assert rows.done == [timer]
        await told.sent.get()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await told.sent.get()


async def test_it_gives_up_after_a_while_and_on_what_the_operator_skips() -> None:
    rows = PastimeRows()
    timer = await row(rows, 10)
    async with telling(rows, lambda n: "expired") as told:
        await asyncio.sleep(4_000)
        assert len(told.percepts) == timers.MOST_TRIES
        assert rows.done == [timer]
    other = await row(rows, 10)
    async with telling(rows, lambda n: "skipped") as told:
        await asyncio.sleep(4_000)
        assert len(told.percepts) == 1
        assert rows.done == [timer, other]


async def test_a_floor_that_is_not_open_is_no_end() -> None:
    rows = PastimeRows()
    await row(rows, 10)
    async with telling(rows, lambda n: "no floor" if n < 3 else "heard") as told:
        await asyncio.sleep(4_000)
        assert [at for at, _ in told.percepts] == [10, 70, 130]
        async with asyncio.timeout(1.0):
            sent: Send = (await told.sent.get()).data
        assert sent.text == "@Ada tea", "what is written is not lost with the first attempt"


async def test_a_row_of_another_kind_is_told_as_it_stands() -> None:
    rows = PastimeRows()
    await rows.add_timer(1_005.0, schedule="the news", text='{"who": 5}')
    async with telling(rows) as told:
        await asyncio.sleep(10)
        assert [(p.schedule, p.text, p.viewer) for _, p in told.percepts] == [("the news", '{"who": 5}', None)]
