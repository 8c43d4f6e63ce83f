"""What a YouTube link makes of refusals that pass, of answers that break, and of being signed in anew."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marotte.events import ChatMessage, Gap, Gift, LinkState, Send, Verdict, Viewer
from marotte.links.link import WITHIN
from marotte.links.youtube import stream as stream_module
from marotte.links.youtube.quota import COSTS, REFUSED
from tests.integration.youtube_stage import SPEED, Stage
from tests.servers.youtube import YouTubeServer
from tests.servers.youtube.client import Hands
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is short on a fast clock is too short for a busy machine."""
    monkeypatch.setitem(WITHIN, Send, 60 * SPEED)
    monkeypatch.setitem(WITHIN, Verdict, 60 * SPEED)


@pytest.fixture
async def youtube() -> AsyncIterator[YouTubeServer]:
    async with YouTubeServer(clock=Hands(), polling=0.0) as youtube:
        yield youtube
        assert youtube.complaints == []


@pytest.fixture
async def stage(youtube: YouTubeServer, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(youtube, tmp_path)
    stage.sign_in()
    yield stage
    await stage.stop()


async def heard(stage: Stage, text: str) -> None:
    """Let somebody write, and wait until it is heard."""
    stage.youtube.chat("Ada", text)
    await until(lambda: text in stage.texts(), f"{text!r} is heard, and not {stage.texts()}")


# --- the stream, or the list


@pytest.mark.parametrize("fault", ["bare:403", "bare:404"])
async def test_a_stray_refusal_does_not_make_a_chat_listed(youtube: YouTubeServer, stage: Stage, fault: str) -> None:
    await stage.up()
    await heard(stage, "one")
    youtube.fault(fault, on="stream")
    youtube.drop()
    await heard(stage, "two")
    assert int(fault[-3:]) in [one.status for one in stage.calls("stream")]
    assert stage.calls("list") == []


async def test_a_chat_that_is_listed_is_streamed_again_after_an_hour_where_that_is_possible_again(
    youtube: YouTubeServer, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "LISTED", 3_600 * SPEED)
    youtube.fault("bare:403", math.inf, on="stream")
    stage.start()
    await until(lambda: len(stage.calls("list")) > 1, "it is listed")
    assert len(stage.calls("stream")) == 3, "not before several refusals in a row"
    await heard(stage, "listed")
    assert any("listed" in one.detail for one in stage.link.standing())
    stage.clock.skip(3_600 * SPEED)
    await until(lambda: len(stage.calls("stream")) > 3, "the stream is asked for again")
    listed = len(stage.calls("list"))
    await until(lambda: len(stage.calls("list")) > listed, "it is listed again")
    assert len(stage.calls("stream")) == 4, "one refusal more is enough"
    youtube.heal()
    stage.clock.skip(3_600 * SPEED)
    await until(lambda: youtube.streams, "it is streamed")
    await heard(stage, "streamed")
    assert not any("listed" in one.detail for one in stage.link.standing())
    assert stage.texts() == ["listed", "streamed"]


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_a_refusal_in_a_pages_place_is_no_page(youtube: YouTubeServer, stage: Stage, status: int) -> None:
    await stage.up()
    await heard(stage, "one")
    states = len(stage.of(LinkState))
    youtube.fault(f"error:{status}", math.inf, on="stream")
    youtube.drop()
    await stage.told("down", f"({status})")
    stage.clock.skip(600)
    youtube.chat("Ada", "meanwhile")
    asked = len(stage.calls("stream"))
    await until(lambda: len(stage.calls("stream")) > asked + 1, "it is tried again")
    assert {one.state for one in stage.of(LinkState)[states:]} == {"down"}, "it is deaf, and says so"
    assert stage.of(Gap) == []
    youtube.heal()
    await until(lambda: "meanwhile" in stage.texts(), "nothing is lost")
    (gap,) = stage.of(Gap)
    assert gap.seconds > 600


async def test_a_list_that_can_never_be_read_is_left_out(
    youtube: YouTubeServer, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    youtube.fault("bare:403", math.inf, on="stream")
    stage.start()
    await until(lambda: stage.calls("list"), "it is listed")
    await heard(stage, "one")
    original = youtube._api.list
    asked: list[str] = []

    def unreadable(one: Any) -> Any:
        asked.append(one.query.get("pageToken", ""))
        return [1] if asked[-1] else original(one)

    monkeypatch.setattr(youtube._api, "list", unreadable)
    await until(lambda: "" in asked, "it is asked for without where we were")
    assert asked.index("") == 3, "after three looks"
    monkeypatch.setattr(youtube._api, "list", original)
    await heard(stage, "two")


async def test_who_waited_in_the_chat_for_the_broadcast_does_not_write_all_at_once_when_it_begins(
    youtube: YouTubeServer, stage: Stage
) -> None:
    youtube.ended_at = "2026-11-21T00:00:00Z"
    stage.start()
    await stage.told("up", "no broadcast is live")
    stage.clock.skip(7_200)
    youtube.now = lambda: stage.now() - timedelta(hours=1)
    youtube.chat("Ada", "an hour early")
    youtube.super_chat("Bob", 5)
    youtube.now = lambda: stage.now() - timedelta(minutes=1)
    youtube.started_at, youtube.ended_at = youtube.now().isoformat(timespec="seconds"), ""
    youtube.chat("Cleo", "it begins")
    await stage.hears("it begins")
    assert stage.texts() == ["it begins"]
    assert [gift.viewer.name for gift in stage.of(Gift)] == ["Bob"], "what was paid for is answered"


# --- what is done


async def test_bans_of_a_run_are_known_after_somebody_signs_in_anew(youtube: YouTubeServer, stage: Stage) -> None:
    await stage.up()
    await heard(stage, "spam")
    viewer = stage.of(ChatMessage)[0].viewer

    def verdict(action: Any) -> Verdict:
        return Verdict(link="youtube", viewer=viewer, action=action, reason="spam")

    assert (await stage.link.act(verdict("ban"))).ok
    await stage.stop()
    early = asyncio.create_task(stage.link.act(verdict("allow")))
    stage.sign_in()
    stage.resume()
    done = await early
    assert (done.ok, done.detail) == (True, "")
    assert youtube.banned == {}


async def test_a_ban_waits_for_the_next_broadcast_and_what_is_stale_by_then_does_not(
    youtube: YouTubeServer, stage: Stage
) -> None:
    youtube.ended_at = "2026-11-21T00:00:00Z"
    stage.start()
    await stage.told("up", "no broadcast is live")
    bob = Viewer(id=f"youtube:{youtube.viewer('Bob').id}", name="Bob")
    ban = asyncio.create_task(stage.link.act(Verdict(link="youtube", viewer=bob, action="ban", reason="spam")))
    timeout = await stage.link.act(Verdict(link="youtube", viewer=bob, action="timeout", seconds=60, reason="caps"))
    assert (timeout.ok, timeout.detail) == (False, "no broadcast is live, so there is no chat")
    youtube.ended_at = ""
    assert (await ban).ok
    assert len(youtube.banned) == 1


async def test_a_ban_waits_for_the_units_of_the_next_day_and_words_do_not(
    youtube: YouTubeServer, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.up()
    await heard(stage, "spam")
    viewer = stage.of(ChatMessage)[0].viewer
    assert viewer is not None
    monkeypatch.setattr(stage.link._ledger, "reset", lambda: 3 * SPEED)  # it is nearly midnight in California
    monkeypatch.setitem(WITHIN, Send, 2 * SPEED)
    youtube.fault("403:quotaExceeded", on="ban")
    ban = asyncio.create_task(stage.link.act(Verdict(link="youtube", viewer=viewer, action="ban", reason="spam")))
    await until(lambda: stage.calls("ban"), "it is tried")
    send = await stage.link.act(Send(link="youtube", text="Good night!"))
    assert not send.ok
    assert "are spent" in send.detail
    stage.link._ledger._spent = 0  # the next day
    assert (await ban).ok
    assert len(stage.calls("ban")) == 2


async def test_long_texts_are_written_one_after_the_other(youtube: YouTubeServer, stage: Stage) -> None:
    await stage.up()
    sends = [Send(link="youtube", text=f"{name} juggles seven bells, and drops one of them. " * 8) for name in "ABC"]
    done = await asyncio.gather(*(stage.link.act(send) for send in sends))
    assert all(one.ok for one in done)
    assert [said[0] for said in youtube.said] == ["A", "A", "B", "B", "C", "C"]


# --- the quota


@pytest.mark.parametrize(("fault", "units"), [("cut:200", COSTS["ban"]), ("huge", COSTS["ban"]), ("cut:403", REFUSED)])
async def test_units_are_counted_though_an_answer_breaks(
    youtube: YouTubeServer, stage: Stage, fault: str, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.up()
    await heard(stage, "spam")
    spent = list[int]()
    monkeypatch.setattr(stage.link._ledger, "spend", spent.append)
    youtube.fault(fault, on="ban")
    act = Verdict(link="youtube", viewer=stage.of(ChatMessage)[0].viewer, action="ban", reason="spam")
    assert (await stage.link.act(act)).ok
    assert [cost for cost in spent if cost != COSTS["stream"]] == [units, COSTS["ban"]]


# --- the token


async def test_a_token_that_is_no_text_says_what_to_do(stage: Stage) -> None:
    (stage.tokens.folder / "youtube.json").write_bytes(b'{"access": "\xff"}')
    stage.start()
    await stage.told("refused", "delete it and sign in again: marotte login youtube")
    stage.sign_in()
    await until(lambda: stage.youtube.streams, "it is streamed")
