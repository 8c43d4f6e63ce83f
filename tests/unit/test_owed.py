"""What was paid for and never heard is given back, whatever became of it; what was heard is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from marotte.events import ChatMessage, Due, Ending, LineStarted, Send, TurnEnded, TurnStarted, Viewer
from marotte.mind.pastimes import owed
from marotte.mind.pastimes.owed import PATIENCE, Owed
from marotte.time import Clock
from tests.house import House, house
from tests.pastimes import ADA, BOB, Chat, PastimeRows, chat, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

SHOW = """
[purse]
name = "bells"
begins = 8
earns = 1
every = 86400
[commands.bells]
action = "purse"
cooldown = 0
viewer_cooldown = 0
[commands.song]
prompt = "Sing two lines about {args}."
cost = 4
cooldown = 0
viewer_cooldown = 0
[commands.hi]
reply = "Hello, {user}!"
spoken = true
cost = 4
cooldown = 0
[lanes.schedule]
capacity = 2
expiry = 60
"""
LATER = 3 * PATIENCE


class Stage:
    def __init__(self, h: House, there: Chat) -> None:
        self.h, self.there = h, there
        self._number = 0

    def write(self, text: str, who: Viewer = ADA) -> str:
        """Write into the chat of the floor; returns the message's id."""
        self._number += 1
        message = ChatMessage(id=f"c{self._number}", text=text, viewer=who, link="twitch", channel="#pip", source="s")
        self.h.attention.offer(message)
        return message.id

    def busy(self) -> None:
        """Let what was asked a moment ago wait for a while."""
        self.h.attention._mutes.add("lane", "schedule", self.h.clock.now() + 30)

    def holds(self, who: Viewer = ADA) -> int:
        held = self.there.commands.purses.holds(who.id)
        assert self.there.rows.kinds["purse"][f'"{who.id}"'] == held, "what is held is kept"
        return held

    def told(self) -> list[str]:
        return [e.text for e in self.there.events.of(Send) if "back" in e.text]


@asynccontextmanager
async def stage(show: str = SHOW, rows: PastimeRows | None = None) -> AsyncIterator[Stage]:
    async with house(show=show) as h, chat(show, rows) as there:
        commands = there.commands
        h.attention.taken, commands.offer = commands.take, h.attention.offer
        h.attention.alone = lambda percept: commands.manner(percept) != ()
        h.director.manner = commands.manner
        commands.waiting = lambda: {entry.percept.id for _, _, entry in h.attention.pending()}
        news = h.bus.subscribe("event.turn_started.public", "event.turn_ended.public")
        task = asyncio.create_task(commands.follow(news))
        try:
            yield Stage(h, there)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("command", ["!song the sea", "!hi"])
async def test_what_was_heard_stays_paid(command: str) -> None:
    async with stage() as s:
        s.write(command)
        await s.h.ending()
        await asyncio.sleep(LATER)
        assert s.holds() == 5
        assert not s.told()
        assert not s.there.commands.owed._debts


async def test_what_waits_long_is_not_given_back_and_is_answered() -> None:
    async with stage() as s:
        s.write("!song the sea")
        s.busy()
        await asyncio.sleep(25)
        assert s.holds() == 5
        await s.h.ending()
        await asyncio.sleep(LATER)
        assert s.holds() == 5


async def test_what_is_driven_out_of_a_full_lane_is_given_back_and_told() -> None:
    async with stage() as s:
        for n in range(5):
            s.write(f"!song number {n}", viewer(f"v{n}"))
        s.busy()
        await asyncio.sleep(LATER)
        assert [s.holds(viewer(f"v{n}")) for n in range(5)] == [9, 9, 9, 5, 5], "two may wait"
        assert s.told() == [f"@v{n} !song came to nothing: you have your 4 bells back." for n in range(3)]
        assert s.there.commands.counted["given back"] == 3


async def test_what_stands_for_another_of_the_same_words_is_paid_for_once() -> None:
    async with stage(SHOW + 'merge = "best"\n') as s:
        s.write("!song the sea")
        s.write("!song the sea", BOB)
        s.busy()
        await asyncio.sleep(LATER)
        assert (s.holds(), s.holds(BOB)) == (5, 9)


async def test_what_expires_or_is_skipped_or_muted_is_given_back() -> None:
    async with stage() as s:
        s.write("!song the sea")
        skipped = s.write("!song the sky", BOB)
        s.h.attention._mutes.add("lane", "schedule", s.h.clock.now() + 70)
        assert s.h.attention.skip(f"{skipped}/asked")
        await asyncio.sleep(LATER)
        assert (s.holds(), s.holds(BOB)) == (5, 9)
        await asyncio.sleep(70 + LATER)
        assert s.holds() == 9, "it has expired"
        s.h.attention._mutes.add("sense", "due", s.h.clock.now() + 100)
        s.write("!song the moon")
        assert s.there.commands.purses.holds(ADA.id) == 5
        await asyncio.sleep(LATER)
        assert s.holds() == 9


async def test_what_was_cut_short_is_given_back_once() -> None:
    async with stage() as s:
        s.write("!song the sea")
        while not s.h.events.of(LineStarted):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        s.h.floor.cut("interrupted")
        assert (await s.h.ending()).heard
        await asyncio.sleep(LATER)
        assert s.holds() == 9
        assert len(s.told()) == 1
        await asyncio.sleep(LATER)
        assert s.holds() == 9


async def test_what_was_cut_before_a_word_was_heard_is_asked_again_and_stays_paid() -> None:
    async with stage() as s:
        s.write("!song the sea")
        while not s.h.floor.turn:
            await asyncio.sleep(0.01)
        s.h.floor.cut("interrupted")
        assert (await s.h.ending(2)).state == "done"
        await asyncio.sleep(LATER)
        assert s.holds() == 5
        assert not s.told()


async def test_nothing_is_given_back_twice_where_the_payment_is_not_kept() -> None:
    async with stage() as s:
        s.write("hello")
        s.there.rows.away = True
        song = s.write("!song the sea")
        s.busy()
        await asyncio.sleep(0.1)
        s.there.rows.away = False
        s.h.attention.skip(f"{song}/asked")
        await asyncio.sleep(LATER)
        assert s.there.commands.purses.holds(ADA.id) == 9
        assert not s.told()


async def test_who_is_forgotten_meanwhile_has_no_purse_again() -> None:
    async with stage() as s:
        song = s.write("!song the sea")
        s.busy()
        await asyncio.sleep(0.1)
        s.there.rows.kinds["purse"].clear()
        s.there.commands.forget()
        s.h.attention.skip(f"{song}/asked")
        await asyncio.sleep(LATER)
        assert not s.there.rows.kinds["purse"]
        assert not s.told()


async def test_what_is_owed_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owed, "MOST", 2)
    async with stage() as s:
        for n in range(4):
            s.write(f"!song number {n}", viewer(f"v{n}"))
        s.busy()
        assert s.there.commands.counted["too many"] == 2
        await asyncio.sleep(0.1)
        assert s.holds(viewer("v3")) == 9, "who is not served does not pay"


async def test_a_turn_whose_end_nobody_told_is_over_when_another_begins() -> None:
    async with chat(SHOW) as there:
        there.write("!song the sea")
        (asked,) = there.told
        assert isinstance(asked, Due)
        clock, use = Clock(), object()
        debts = Owed(clock)
        debts.add(asked.id, use)  # type: ignore[arg-type]
        debts.happened(TurnStarted(turn="t1", lane="schedule", percepts=(asked.id,)))
        await asyncio.sleep(LATER)
        assert not debts.lost(())
        debts.happened(TurnStarted(turn="early", lane="speech", percepts=()))
        debts.happened(TurnEnded(turn="other", lane="chat", ending=Ending(state="done", heard="x")))
        assert not debts.lost(())
        debts.happened(TurnStarted(turn="t2", lane="chat", percepts=("c9",)))
        assert not debts.lost(()), "not at once: news may be under way"
        await asyncio.sleep(PATIENCE + 1)
        assert debts.lost(()) == [use]
        assert not debts.lost(())


async def test_what_was_not_heard_when_the_program_ended_is_given_back_by_the_next_run() -> None:
    async with stage() as s:
        s.write("!song the sea")
        s.write("!hi", BOB)
        s.busy()
        await asyncio.sleep(0.1)
        assert (s.holds(), s.holds(BOB)) == (5, 5)
        rows = s.there.rows
    for _ in range(2):  # not twice
        async with stage(rows=rows) as s:
            await s.there.commands.purses.look_back()
            assert (s.holds(), s.holds(BOB)) == (9, 9)
            assert not rows.kinds["owed"]


async def test_what_was_heard_or_given_back_is_not_given_back_by_the_next_run() -> None:
    async with stage() as s:
        s.write("!song the sea")
        await s.h.ending()
        song = s.write("!song the sky", BOB)
        s.busy()
        s.h.attention.skip(f"{song}/asked")
        await asyncio.sleep(LATER)
        rows = s.there.rows
        assert not rows.kinds["owed"]
    async with stage(rows=rows) as s:
        await s.there.commands.purses.look_back()
        assert (s.holds(), s.holds(BOB)) == (5, 9)


async def test_who_is_forgotten_is_given_nothing_back_by_the_next_run() -> None:
    async with stage() as s:
        s.write("!song the sea")
        s.busy()
        await asyncio.sleep(0.1)
        rows = s.there.rows
    rows.kinds["purse"].clear()
    async with stage(rows=rows) as s:
        await s.there.commands.purses.look_back()
        assert not rows.kinds["purse"]
        assert not rows.kinds["owed"]


async def test_a_disk_that_is_away_when_it_is_heard_stops_nobody_from_following() -> None:
    async with stage() as s:
        s.write("!song the sea")
        await asyncio.sleep(0.05)
        s.there.rows.away = True
        await s.h.ending()
        await asyncio.sleep(LATER)
        s.there.rows.away = False
        song = s.write("!song the sky", BOB)
        s.busy()
        s.h.attention.skip(f"{song}/asked")
        await asyncio.sleep(LATER)
        assert (s.holds(), s.holds(BOB)) == (5, 9), "what is paid next is followed all the same"
