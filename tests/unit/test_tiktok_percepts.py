"""What the program tells of a LIVE, and what it means: streaks are one gift, nothing is told twice, all is bounded."""

import asyncio
import itertools
from random import Random
from typing import Any

import msgspec
import pytest

from marotte.config_links import TikTok
from marotte.events import ChatMessage, Follow, Gift, decode, encode
from marotte.links.tiktok.link import TikTokLink
from marotte.links.tiktok.percepts import QUIET, Percepts, Told
from marotte.time import Clock
from tests.stand_ins import Published

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

ADA = {"id": "ada", "name": "Ada"}
_numbers = itertools.count(1)


def told(what: str, **more: Any) -> Told:
    return msgspec.convert({"what": what, "message": str(next(_numbers)), "user": ADA, **more}, Told)


@pytest.fixture
async def events() -> Published:
    return Published()


@pytest.fixture
async def percepts(events: Published) -> Percepts:
    return Percepts("tiktok", events, Clock(epoch=1_900_000_000.0))


async def test_a_streak_is_told_when_nothing_was_added_for_a_while_and_what_comes_later_is_not_told_twice(
    percepts: Percepts, events: Published
) -> None:
    for count in (1, 2, 3):
        percepts.take(told("gift", gift="Rose", count=count, group="g", over=False))
        percepts.flush(QUIET)
    assert events == []
    await asyncio.sleep(QUIET - 1)
    percepts.flush(QUIET)
    assert events == []
    await asyncio.sleep(1)
    percepts.flush(QUIET)
    assert [(one.what, one.amount) for one in events.of(Gift)] == [("Rose", 3.0)]
    percepts.take(told("gift", gift="Rose", count=3, group="g", over=True))
    assert len(events) == 1, "its end comes late, and adds nothing"
    percepts.take(told("gift", gift="Rose", count=5, group="g", over=True))
    assert [one.amount for one in events.of(Gift)] == [3.0, 2.0]
    assert len({one.id for one in events.of(Gift)}) == 2


async def test_the_same_is_told_once_and_what_is_old_not_at_all(percepts: Percepts, events: Published) -> None:
    hello = told("chat", text="hello", at=percepts.began + 1)
    follow = told("follow")
    for one in (hello, hello, follow, follow, told("chat", text="old", at=percepts.began - 60), told("chat", text=" ")):
        percepts.take(one)
    assert [type(event) for event in events] == [ChatMessage, Follow]
    percepts.take(told("like", count=15))
    percepts.take(told("like", count=-15))
    assert percepts.likes == 15
    assert len(events) == 2


async def test_what_is_kept_is_bounded(percepts: Percepts, events: Published) -> None:
    for number in range(12_000):
        percepts.take(told("gift", gift="Rose", group=f"g{number}", over=False))
        percepts.take(told("chat", text="x" * 3_000))
    assert len(percepts._streaks) <= 1_000
    assert len(percepts._seen) <= 10_000
    assert len(percepts._given) <= 10_000
    assert all(len(one.text) <= 1_000 for one in events.of(ChatMessage))


async def test_a_line_that_is_wrong_costs_no_other(events: Published, caplog: pytest.LogCaptureFixture) -> None:
    link = TikTokLink(TikTok(user="ada"), {}, events, Clock(), Random(1))
    good = {"what": "chat", "message": "1", "at": 0.0, "user": ADA, "text": "hello", "language": "en", "roles": []}
    wrong = (None, True, -1, 2**70, 1.5, "", "x" * 100_000, "\x00\u2028", [], [None], {}, {"a": 1})
    for what in ("chat", "gift", "follow", "subscribe", "like", "end", "alive", "connected", "ended"):
        for name in (*good, "gift", "count", "group", "over", "months", "kind", "why", "status", "wait"):
            for value in wrong:
                link._read({**good, "what": what, "message": str(next(_numbers)), name: value})
    for line in (None, [], {}, "x", {"what": "hologram"}, {"what": "chat", "message": "712", "text": 5}):
        assert link._read(line) is None
    assert link.counters["malformed"] > 100
    named = [one for one in caplog.messages if "cannot be read" in one]
    assert len(named) == 20, "a flood of them does not fill the log"
    assert all(len(one) < 300 for one in named)
    caplog.clear()
    await asyncio.sleep(120.0)
    link._read({"what": "chat", "message": "712", "text": 5})
    assert "message 712" in caplog.text
    assert all(decode(encode(event)) == event and len(encode(event)) < 10_000 for event in events)
    before = len(events)
    link._read(good)
    assert len(events) == before + 1


async def test_a_clock_that_is_wrong_makes_nobody_old(events: Published) -> None:
    """Ours is two hours fast: what was said before we came is left out, and what is said from now on is not."""
    clock = Clock()
    link = TikTokLink(TikTok(user="ada"), {}, events, clock, Random(1))
    ticking = asyncio.create_task(link._tick())
    for text in ("before", "now"):
        link._read({"what": "connected"})
        for number in range(2):
            line = {"what": "chat", "message": f"{text}-{number}", "at": clock.wall() - 7_200, "user": ADA}
            link._read({**line, "text": text})
        await asyncio.sleep(5.0)
    ticking.cancel()
    assert [one.text for one in events.of(ChatMessage)] == ["now", "now"]
