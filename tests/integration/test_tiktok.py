"""The TikTok link, its program and the library in it, against a faithful local TikTok."""

import asyncio
import math
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from marotte.config_links import TikTok
from marotte.engines.child import Child
from marotte.events import (
    ChatMessage,
    Event,
    Follow,
    Gap,
    Gift,
    LinkState,
    Percept,
    Send,
    StreamEnded,
    StreamStarted,
    Subscription,
    Viewer,
)
from marotte.links.tiktok import link as link_module
from marotte.links.tiktok.link import TikTokLink
from tests.fast import Fast
from tests.servers.tiktok import FAULTS, TikTokServer
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

SPEED = 240.0
HOUR = 3600.0
"""Of the link's clock: 15 s, that no test waits for."""
KEY = "test-key-0123456789"


class Stage:
    """A running link, its TikTok, and what it published."""

    def __init__(self, tiktok: TikTokServer, key: str = KEY, program: Child | None = None) -> None:
        """``program`` reads for it, and outlives it; None: one of its own does."""
        self.tiktok, self.clock = tiktok, Fast(SPEED)
        shown = {"user": "@jester", "room": str(tiktok.room), "sign": tiktok.url}
        self.events: list[Event] = []
        secrets = {"TIKTOK_SIGN_KEY": key}
        self.link = TikTokLink(TikTok(**shown), secrets, self.events.append, self.clock, Random(7))
        if program is not None:
            self.link._child = program
        self.task = asyncio.create_task(self.link.run())

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    def of(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    def texts(self) -> list[str]:
        return [event.text for event in self.of(ChatMessage)]

    async def there(self, more: int = 0) -> None:
        await until(lambda: len(self.tiktok.connections) > more and self.tiktok.here(), "it is in the room", 240)

    async def hears(self, text: str) -> None:
        await until(lambda: text in self.texts(), f"{text!r} is heard, and not {self.texts()}", 90)

    async def told(self, state: str, part: str = "") -> LinkState:
        found = lambda: next((s for s in self.of(LinkState) if s.state == state and part in s.detail), None)  # noqa: E731
        return await until(found, f"{state} {part!r} is told", 240)


class Kept(Child):
    """The program, which takes seconds to start, for one link after another."""

    async def close(self) -> None:
        """Stay, because the next link is to find it."""


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """One event loop for all, because they share the program."""
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(anyio_backend: object) -> AsyncIterator[Child]:
    kept = Kept("tiktok", "marotte.links.tiktok.tiktok_program", start_within=240.0)
    yield kept
    await Child.close(kept)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is short on a fast clock is too short for a busy machine; it is over where a test lets time pass."""
    monkeypatch.setattr(link_module, "QUIET", HOUR)
    monkeypatch.setattr(link_module, "_HISTORY", HOUR)
    monkeypatch.setattr(link_module, "REFUSED_PAUSE", SPEED)
    monkeypatch.setattr("marotte.links.tiktok.percepts._TWICE", HOUR)
    monkeypatch.setattr("marotte.engines.child._GRACE", PATIENCE)


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTokServer]:
    async with TikTokServer(key=KEY, ping=0.2) as tiktok:
        yield tiktok
        assert tiktok.complaints == []


@pytest.fixture
async def stage(tiktok: TikTokServer, program: Child) -> AsyncIterator[Stage]:
    stage = Stage(tiktok, program=program)
    yield stage
    await stage.stop()


async def test_everything_that_happens_becomes_a_percept_once(tiktok: TikTokServer, stage: Stage) -> None:
    await stage.there()
    await stage.told("up", "in the LIVE of @jester")
    tiktok.chat("Ada", "Good evening, 道化師!")
    tiktok.follow("Bob")
    tiktok.share("Cleo")
    tiktok.join("Dan")
    tiktok.subscribe("Eve", 3)
    tiktok.like("Fay", 15)
    tiktok.like("Fay", 5)
    tiktok.viewers(77)
    tiktok.fault("duplicate")
    tiktok.chat("Ada", "the last word")
    await stage.hears("the last word")
    await until(lambda: stage.link.counters["duplicates"], "the same came twice")
    assert stage.of(StreamStarted)
    ada = stage.of(ChatMessage)[0]
    assert (ada.text, ada.language) == ("Good evening, 道化師!", "en")
    assert ada.viewer == Viewer(id="tiktok:ada", name="Ada", platform="tiktok")
    assert ada.id == f"tiktok/{ada.source}"
    assert [type(one) for one in stage.of(Percept)] == [ChatMessage, Follow, Subscription, ChatMessage]
    assert stage.of(Follow)[0].viewer.id == "tiktok:bob"
    assert stage.of(Subscription)[0].months == 3
    assert stage.link.counters["likes"] == 20
    assert stage.link.can == frozenset()
    assert not (await stage.link.act(Send(link="tiktok", text="hello"))).ok


async def test_who_becomes_a_super_fan_subscribes_once(tiktok: TikTokServer, stage: Stage) -> None:
    await stage.there()
    tiktok.super_fan("Ada", comes=True)
    tiktok.super_fan("Bob")
    tiktok.subscribe("Bob")
    tiktok.chat("Cleo", "the last word")
    await stage.hears("the last word")
    assert [(one.viewer.name, one.months) for one in stage.of(Subscription)] == [("Bob", 1)]
    assert "malformed" not in stage.link.counters
    tiktok.subscribe("Bob")
    tiktok.super_fan("Dan")
    tiktok.chat("Cleo", "and on")
    await stage.hears("and on")
    assert [one.viewer.name for one in stage.of(Subscription)] == ["Bob", "Bob", "Dan"], "the same again is another"


async def test_a_streak_of_gifts_is_one_gift_at_its_end_or_when_nothing_more_comes(
    tiktok: TikTokServer, stage: Stage
) -> None:
    await stage.there()
    tiktok.gift("Ada", "Rose", 5)
    tiktok.gift("Bob", "Galaxy", 1, diamonds=1000, streak=False)
    tiktok.gift("Cleo", "Rose", 2, end=False)
    tiktok.chat("Cleo", "and no more")
    await stage.hears("and no more")
    stage.clock.skip(HOUR)
    await until(lambda: len(stage.of(Gift)) == 3, "three gifts")
    assert [(gift.viewer.name, gift.what, gift.amount) for gift in stage.of(Gift)] == [
        ("Ada", "Rose", 5.0), ("Bob", "Galaxy", 1.0), ("Cleo", "Rose", 2.0)
    ]  # fmt: skip
    assert len({gift.id for gift in stage.of(Gift)}) == 3


async def test_gifts_that_nothing_ties_together_are_each_told_once(tiktok: TikTokServer, stage: Stage) -> None:
    await stage.there()
    tiktok.gift("Ada", "Galaxy", streak=False, grouped=False)
    tiktok.fault("duplicate")
    tiktok.gift("Ada", "Galaxy", streak=False, grouped=False)
    tiktok.chat("Ada", "twice!")
    await stage.hears("twice!")
    assert [(gift.viewer.name, gift.what, gift.amount) for gift in stage.of(Gift)] == [("Ada", "Galaxy", 1.0)] * 2
    assert len({gift.id for gift in stage.of(Gift)}) == 2


async def test_what_cannot_be_read_is_counted_and_named(
    tiktok: TikTokServer, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.there()
    tiktok.fault("bad_message")
    bent = tiktok.chat("Ada", "bent")
    tiktok.fault("unknown")
    tiktok.chat("Ada", "of a kind that is new")
    tiktok.chat("Bob", "straight")
    await stage.hears("straight")
    assert stage.link.counters["malformed"] == 1
    assert f"message {bent} cannot be read" in caplog.text
    assert len(tiktok.connections) == 1, "the connection lives"


async def test_the_end_is_told_and_the_next_beginning(tiktok: TikTokServer, stage: Stage) -> None:
    await stage.there()
    tiktok.gift("Ada", "Rose", 2, end=False)
    tiktok.end()
    await until(lambda: stage.of(StreamEnded), "the end is told")
    assert [gift.amount for gift in stage.of(Gift)] == [2.0]
    await stage.there(1)
    await until(lambda: len(stage.of(StreamStarted)) == 2, "the beginning is told")


async def test_hours_without_tiktok_are_a_gap_and_the_last_words_are_heard_once(
    tiktok: TikTokServer, stage: Stage
) -> None:
    await stage.there()
    tiktok.chat("Ada", "before")
    await stage.hears("before")
    await tiktok.down()
    await stage.told("down")
    stage.clock.skip(6 * 3600)
    for number in range(8):
        tiktok.chat("Ada", f"meanwhile {number}")
    await tiktok.up()
    await stage.hears("meanwhile 7")
    stage.clock.skip(HOUR)
    await until(lambda: stage.of(Gap), "the gap is told", 240)
    (gap,) = stage.of(Gap)
    assert gap.seconds > 6 * 3600
    assert gap.recovered == 6
    assert stage.texts() == ["before", *(f"meanwhile {number}" for number in range(2, 8))]
    assert len(stage.of(StreamStarted)) == 1
    before = len(tiktok.connections)
    tiktok.drop()
    await stage.there(before)
    tiktok.chat("Ada", "and on")
    await stage.hears("and on")
    assert len(stage.texts()) == len({one.id for one in stage.of(ChatMessage)}) == 8


async def test_it_lives_through_every_fault(
    tiktok: TikTokServer, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hears(text: str) -> bool:
        if tiktok.here() and text not in stage.texts():
            tiktok.chat("Bob", text)
        await asyncio.sleep(0.05)
        return text in stage.texts()

    await stage.there()
    for fault in FAULTS:
        monkeypatch.setattr(link_module, "SILENT", 2.0)
        await until(lambda fault=fault: hears(f"before {fault}"), f"before {fault} it hears", 90)
        tiktok.fault(fault)
        if ":" in fault:
            tiktok.drop()  # so that it has to come again
        else:
            tiktok.chat("Ada", f"bent by {fault}")
        await until(lambda fault=fault: fault not in tiktok._faults, f"{fault} has happened", 90)
        monkeypatch.setattr(link_module, "SILENT", 2 * PATIENCE)  # from the next connection on
        await until(lambda fault=fault: hears(f"after {fault}"), f"after {fault} it hears again", 90)
    assert not stage.task.done()
    assert not [one for one in stage.events if KEY in repr(one)]
    tiktok.complaints.clear()


async def test_a_key_that_is_not_accepted_is_told(tiktok: TikTokServer, program: Child) -> None:
    stage = Stage(tiktok, "another-key", program)
    try:
        refused = await stage.told("refused", "TIKTOK_SIGN_KEY")
        assert "another-key" not in refused.detail
        tiktok.key = "another-key"
        await stage.there()
    finally:
        await stage.stop()


async def test_a_limit_of_the_signing_service_is_kept(tiktok: TikTokServer, stage: Stage) -> None:
    tiktok.fault("sign:429_bare", math.inf)
    down = await stage.told("down", "429")
    seconds = int(down.detail.split("again in ")[1].split()[0])
    assert seconds >= 60
    tiktok.fault("sign:429_bare", 0)
    await stage.there()


async def test_a_program_that_dies_is_started_again(tiktok: TikTokServer) -> None:
    stage = Stage(tiktok)
    await stage.there()
    before = stage.link._child.pid
    os.kill(before, signal.SIGKILL)
    await stage.told("down", "signal 9")
    await until(lambda: stage.link._child.pid not in (0, before), "another is started", 90)
    await stage.there(1)
    tiktok.chat("Ada", "still here")
    await stage.hears("still here")
    pid = stage.link._child.pid
    await stage.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_where_the_library_is_missing_it_says_how_to_get_it(
    tiktok: TikTokServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "find_spec", lambda name: None)
    stage = Stage(tiktok)
    await stage.told("refused", "pip install 'marotte[tiktok]'")
    assert not stage.link.standing()[0].ok
    await stage.stop()
    assert stage.link._child.pid == 0
