"""How quickly a link may go, and what becomes of acts: on virtual time."""

import asyncio
from random import Random
from typing import Any

import pytest

from marotte.events import Act, ActDone, Event, Send, Verdict, Viewer
from marotte.links.link import BaseLink, Passing, Refused
from marotte.links.pace import Backoff, Gate, Late, Turns, Window
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

ADA = Viewer(id="x:1", name="Ada")


async def test_a_gate_lets_through_in_turn_what_its_windows_allow() -> None:
    clock = Clock(epoch=0.0)
    gate, times = Gate(clock, Window(3, 10), Window(1, 1)), list[float]()

    async def one() -> None:
        await gate.enter(clock.now() + 60)
        times.append(clock.now())

    began = clock.now()
    await asyncio.gather(*(one() for _ in range(7)))
    passed = [at - began for at in times]
    assert passed == sorted(passed)
    for at in passed:
        assert sum(at <= other < at + 10 for other in passed) <= 3
        assert sum(at <= other < at + 1 for other in passed) <= 1
    assert passed[-1] < 25


async def test_what_would_be_late_does_not_wait_for_it() -> None:
    clock = Clock(epoch=0.0)
    gate = Gate(clock, Window(1, 30))
    await gate.enter(clock.now() + 5)
    began = clock.now()
    with pytest.raises(Late):
        await gate.enter(clock.now() + 5)
    assert clock.now() == began
    gate = Gate(clock, most=0)
    with pytest.raises(Late, match="wait already"):
        await gate.enter(clock.now() + 5)


async def test_turns_come_in_order_to_who_still_wants_one_and_so_many_wait() -> None:
    clock = Clock(epoch=0.0)
    turns, held = Turns(clock, most=2), list[str]()

    async def one(name: str, patience: float) -> None:
        async with turns.hold(clock.now() + patience):
            held.append(name)
            await clock.sleep(5)

    first = asyncio.create_task(one("a", 1))
    await clock.sleep(1)
    hasty, patient = (asyncio.create_task(one(name, patience)) for name, patience in (("b", 2), ("c", 30)))
    await clock.sleep(1)
    with pytest.raises(Late, match="2 wait already"):
        await one("d", 30)
    with pytest.raises(Late, match="stale"):
        await hasty
    await asyncio.gather(first, patient, one("e", 30))
    assert held == ["a", "c", "e"]


async def test_a_turn_is_passed_on_by_who_fails_or_is_cancelled() -> None:
    clock = Clock(epoch=0.0)
    turns = Turns(clock, most=1)
    with pytest.raises(LookupError):
        async with turns.hold(clock.now() + 1):
            raise LookupError
    async with turns.hold(clock.now() + 1):
        waiting = asyncio.create_task(turns.hold(clock.now() + 60).__aenter__())
        await clock.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with turns.hold(clock.now() + 1):
        pass


async def test_a_gate_that_a_platform_closed_opens_again() -> None:
    clock = Clock(epoch=0.0)
    gate, began = Gate(clock), clock.now()
    gate.close(7)
    await gate.enter(clock.now() + 10)
    assert clock.now() - began == pytest.approx(7)


class Scripted(BaseLink):
    platform = "scripted"

    def __init__(self, *outcomes: str | Exception) -> None:
        self.published: list[Event] = []
        super().__init__("scripted", self.published.append, Clock(epoch=0.0), Random(1))
        self.outcomes, self.asked = list(outcomes), 0
        for kind in (Send, Verdict):
            self.acts[kind] = self.do

    async def do(self, act: Act, until: float) -> str:
        self.asked += 1
        outcome: Any = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def run(self) -> None:
        pass


async def test_an_act_is_tried_again_while_what_is_in_the_way_passes() -> None:
    link = Scripted(Passing("503"), Passing("429", wait=40), "banned")
    began = link.clock.now()
    done = await link.act(Verdict(link="scripted", viewer=ADA, action="ban", reason="spam"))
    assert (done.ok, done.detail, link.asked) == (True, "banned", 3)
    assert link.clock.now() - began >= 40
    assert link.published == [done]


async def test_words_are_stale_before_a_ban_is() -> None:
    words, ban = Send(link="scripted", text="hi"), Verdict(link="scripted", viewer=ADA, action="ban", reason="spam")
    assert [(await Scripted(Passing("429", wait=30), "").act(act)).ok for act in (words, ban)] == [False, True]


async def test_what_is_refused_is_not_tried_again() -> None:
    link = Scripted(Refused("you may not"))
    assert await link.act(Send(id="a", link="scripted", text="hi")) == ActDone(
        at=link.clock.wall(), act="a", link="scripted", ok=False, detail="you may not"
    )
    assert link.asked == 1
    del link.acts[Send]
    assert "can do no send" in (await link.act(Send(link="scripted", text="hi"))).detail
    assert link.can == {"verdict"}


class Platform(BaseLink):
    platform = "platform"

    def __init__(self, seed: int = 1) -> None:
        super().__init__("platform", lambda event: None, Clock(epoch=0.0), Random(seed))
        self.acts[Verdict] = self.do
        self.away = True
        self.slow = 0.0
        self.laid: list[tuple[str, str]] = []

    async def do(self, act: Verdict, until: float) -> str:
        away = self.away
        await self.clock.sleep(self.slow if act.action == "ban" else 0.0)
        if away:
            raise Passing("503")
        self.laid.append((act.viewer.id, act.action))
        return ""

    async def run(self) -> None:
        pass

    def decided(self, action: Any, viewer: str = "x:1", channel: str = "#pip") -> "asyncio.Task[ActDone]":
        act = Verdict(
            link="platform", viewer=Viewer(id=viewer, name="Ada"), action=action, reason="spam", channel=channel
        )
        return asyncio.create_task(self.act(act))


@pytest.mark.parametrize("first", ["ban", "timeout"])
async def test_a_ban_that_was_undone_while_it_waited_is_not_laid_after_it_was_lifted(first: str) -> None:
    for seed in range(20):
        link = Platform(seed)
        ban, other = link.decided(first), link.decided("ban", "x:2")
        await link.clock.sleep(40)
        link.away = seed % 2 == 0  # else the platform is back already, and takes the lift while the ban still waits
        lift = link.decided("allow", channel="")
        await link.clock.sleep(5)
        link.away = False
        done = await asyncio.gather(ban, lift, other)
        assert [one.ok for one in done] == [False, True, True]
        assert "newer verdict" in done[0].detail
        assert sorted(link.laid) == [("x:1", "allow"), ("x:2", "ban")]
        assert not link._viewers, "nothing is kept of who nobody decides on"


async def test_a_ban_that_is_being_laid_is_lifted_after_it_was() -> None:
    link = Platform()
    link.away, link.slow = False, 3.0
    ban = link.decided("ban")
    await link.clock.sleep(1)
    done = await asyncio.gather(ban, link.decided("allow"))
    assert [one.ok for one in done] == [True, True]
    assert [action for _, action in link.laid] == ["ban", "allow"]


async def test_a_newer_ban_stands_where_an_older_lift_waits_and_elsewhere_both_are_done() -> None:
    link = Platform()
    waiting = [link.decided("allow"), link.decided("warn"), link.decided("ban")]
    elsewhere = [link.decided("ban", "x:3", "#pip"), link.decided("allow", "x:3", "#other")]
    await link.clock.sleep(5)
    link.away = False
    assert [one.ok for one in await asyncio.gather(*waiting, *elsewhere)] == [False, True, True, True, True]
    assert {action for who, action in link.laid if who == "x:1"} == {"warn", "ban"}


async def test_waits_double_until_something_has_gone_well_for_a_while() -> None:
    class Longest(Random):
        def uniform(self, a: float, b: float) -> float:
            return b

    backoff = Backoff(Longest(1), 1.0, 30.0, stable=10.0)
    assert [backoff.next(0.0) for _ in range(6)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert [backoff.next(9.9), backoff.next(10.0), backoff.next(0.0)] == [30.0, 2.0, 4.0]


async def test_an_act_that_fails_as_nobody_thought_of_holds_up_no_other() -> None:
    link = Scripted(IndexError("no such place"), "said")
    first = await link.act(Send(link="scripted", text="hi"))
    assert (first.ok, first.detail) == (False, "it has failed: IndexError")
    assert (await link.act(Send(link="scripted", text="hi"))).ok
