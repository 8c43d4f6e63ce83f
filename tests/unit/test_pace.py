"""How quickly a link may go, and what becomes of acts: on virtual time."""

import asyncio
from random import Random
from typing import Any

import pytest

from marotte.events import Act, ActDone, Event, Fulfil, Send, Verdict, Viewer
from marotte.links.link import BaseLink, Passing, Refused, within
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
        self.lasted: list[float] = []

    async def do(self, act: Verdict, until: float) -> str:
        away = self.away
        await self.clock.sleep(self.slow if act.action == "ban" else 0.0)
        if away:
            raise Passing("503")
        self.laid.append((act.viewer.id, act.action))
        self.lasted.append(act.seconds)
        return ""

    async def run(self) -> None:
        pass

    def decided(self, action: Any, viewer: str = "x:1", channel: str = "#pip", **more: Any) -> "asyncio.Task[ActDone]":
        who = Viewer(id=viewer, name="Ada")
        act = Verdict(link="platform", viewer=who, action=action, reason="spam", channel=channel, **more)
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


async def both(link: Platform, first: "asyncio.Task[ActDone]", then: dict[str, Any]) -> list[bool]:
    """Decide once more while the first waits; return whether each was done."""
    await link.clock.sleep(5)
    link.away = False
    second = link.decided(**then)
    return [one.ok for one in await asyncio.gather(first, second)]


@pytest.mark.parametrize("laid", ["ban", "timeout"])
async def test_a_message_that_is_let_through_lifts_nothing_and_nothing_holds_it_back(laid: str) -> None:
    for seed in range(20):
        one = {"action": "allow", "source": "held-7"}
        link = Platform(seed)
        assert await both(link, link.decided(laid), one) == [True, True]
        assert sorted(link.laid) == [("x:1", "allow"), ("x:1", laid)]
        link = Platform(seed)
        assert await both(link, link.decided(**one), {"action": laid}) == [True, True]
        assert sorted(link.laid) == [("x:1", "allow"), ("x:1", laid)]


async def test_a_message_that_waits_to_be_let_through_is_stale_long_before_a_ban_is_lifted() -> None:
    link = Platform()
    one, lift = link.decided("allow", source="held-7"), link.decided("allow")
    await link.clock.sleep(700)
    link.away = False
    assert [done.ok for done in await asyncio.gather(one, lift)] == [False, True]


@pytest.mark.parametrize("newer", [{"action": "timeout", "seconds": 1_209_600.0}, {"action": "ban"}])
async def test_a_timeout_that_waits_is_not_laid_after_what_was_decided_later(newer: dict[str, Any]) -> None:
    for seed in range(20):
        link = Platform(seed)
        old = link.decided("timeout", seconds=600.0)
        assert await both(link, old, newer) == [False, True]
        assert "newer verdict" in (await old).detail
        assert (link.laid, link.lasted) == ([("x:1", newer["action"])], [newer.get("seconds", 0.0)])
        assert not link._viewers


async def test_a_timeout_that_waits_is_laid_where_what_was_decided_later_is_refused() -> None:
    class Lenient(Platform):
        async def do(self, act: Verdict, until: float) -> str:
            if act.action == "ban":
                raise Refused("you may not ban")
            return await super().do(act, until)

    link = Lenient()
    assert await both(link, link.decided("timeout", seconds=600.0), {"action": "ban"}) == [True, False]
    assert link.laid == [("x:1", "timeout")]


async def test_where_two_timeouts_wait_the_newer_is_what_holds() -> None:
    orders = set[bool]()
    for seed in range(20):
        link = Platform(seed)
        two = [link.decided("timeout", seconds=600.0), link.decided("timeout", seconds=60.0)]
        await link.clock.sleep(5)
        link.away = False
        older, newer = await asyncio.gather(*two)
        assert (newer.ok, link.lasted[-1]) == (True, 60.0)
        orders.add(older.ok)
    assert orders == {True, False}, "whichever is tried first"


async def test_a_timeout_overtakes_neither_a_ban_nor_what_is_laid_elsewhere_or_on_others() -> None:
    for seed in range(20):
        link = Platform(seed)
        assert await both(link, link.decided("ban"), {"action": "timeout", "seconds": 600.0}) == [True, True]
        link = Platform(seed)
        others = [link.decided("timeout", "x:2"), link.decided("timeout", channel="#other")]
        assert await both(link, link.decided("warn"), {"action": "timeout"}) == [True, True]
        assert all(one.ok for one in await asyncio.gather(*others))


# --- a link that is connected anew while an act waits


KINDS = [
    Verdict(link="platform", viewer=ADA, action="ban", reason="spam"),
    Verdict(link="platform", viewer=ADA, action="delete", reason="spam", source="m1"),
    Fulfil(link="platform", redemption="r1", reward="Sing", refund=True),
]


async def gone(act: Act, until: float) -> str:
    raise RuntimeError("Session is closed")


async def away(act: Act, until: float) -> str:
    raise Passing("503")


@pytest.mark.parametrize("act", KINDS)
async def test_an_act_that_waits_is_carried_out_by_what_the_link_has_after_it_was_connected_anew(act: Any) -> None:
    for seed in range(20):
        link = Platform(seed)
        carried: dict[str, Any] = {"out": away}

        async def before(act: Act, until: float, how: dict[str, Any] = carried) -> str:
            return await how["out"](act, until)

        async def after(act: Act, until: float) -> str:
            return "by the new connection"

        link.acts = {type(act): before}
        waiting = asyncio.create_task(link.act(act))
        await link.clock.sleep(40)
        link.acts.clear()
        carried["out"] = gone
        await link.clock.sleep(70)
        assert not waiting.done(), "while nothing is there that could, it waits"
        link.acts[type(act)] = after
        done = await waiting
        assert (done.ok, done.detail) == (True, "by the new connection")


@pytest.mark.parametrize("act", KINDS)
async def test_an_act_waits_for_a_connection_until_it_is_stale_and_a_new_one_does_not(act: Any) -> None:
    link = Platform()
    link.acts = {type(act): away}
    began, waiting = link.clock.now(), asyncio.create_task(link.act(act))
    await link.clock.sleep(5)
    link.acts.clear()
    asked = link.clock.now()
    assert "can do no" in (await link.act(act)).detail
    assert link.clock.now() == asked
    done = await waiting
    assert not done.ok
    assert "not connected" in done.detail
    assert within(act) - 30 <= link.clock.now() - began <= within(act)


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
