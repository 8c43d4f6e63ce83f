"""The YouTube link against a faithful local YouTube, with everything that goes wrong there."""

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import ClientSession

from marotte.events import (
    ActDone,
    ChatMessage,
    Gap,
    Gift,
    Happening,
    LinkState,
    Percept,
    Removed,
    Send,
    StreamEnded,
    StreamStarted,
    Subscription,
    Verdict,
    Viewer,
)
from marotte.links.device_login import LoginError
from marotte.links.link import WITHIN
from marotte.links.youtube import stream as stream_module
from marotte.links.youtube.link import YouTubeLink
from marotte.links.youtube.login import SCOPE as WANTED
from marotte.links.youtube.login import login
from marotte.links.youtube.quota import QuotaFile
from tests.fast import Fast
from tests.integration.youtube_stage import SECRETS, SPEED, Stage
from tests.servers.youtube import YouTubeServer
from tests.servers.youtube.chat import RefusedError
from tests.servers.youtube.client import Hands
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is short on a fast clock is too short for a busy machine."""
    monkeypatch.setitem(WITHIN, Send, 60 * SPEED)
    monkeypatch.setitem(WITHIN, Verdict, 60 * SPEED)
    monkeypatch.setattr("marotte.links.youtube.sending._ECHO", 60 * SPEED)


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def youtube(clock: Hands) -> AsyncIterator[YouTubeServer]:
    async with YouTubeServer(clock=clock) as youtube:
        yield youtube
        assert [one for one in youtube.complaints if "slow_down" not in one] == []


@pytest.fixture
async def stage(youtube: YouTubeServer, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(youtube, tmp_path)
    yield stage
    await stage.stop()


# --- what is heard


async def test_everything_that_happens_becomes_a_percept_once(youtube: YouTubeServer, stage: Stage) -> None:
    stage.sign_in()
    youtube.viewer("Mod", moderator=True)
    await stage.up()
    youtube.chat("Ada", 'Good evening, 道化師! \\o/ {["')
    youtube.chat("Mod", "Be kind.")
    youtube.super_chat("Bob", 5.5, "EUR", "For the jester")
    youtube.super_sticker("Cleo", 300, "JPY")
    youtube.member("Dan", "Court jester")
    youtube.milestone("Dan", 7, "Seven months!")
    youtube.membership_gift("Eve", 3)
    youtube.gift_event("Fay", "Crown", 500)
    youtube.poll("Shall I sing?", ("Yes", "No"))
    youtube.close_poll((3, 1))
    youtube.members_only(True)
    await stage.hears("Be kind.")
    youtube.message_deleted("LCC.test-000001")
    youtube.user_banned("Mallory", 300)
    youtube.chat("Zoe", "the last word")
    await stage.hears("the last word")
    assert stage.of(StreamStarted)[0].title == youtube.title
    ada, mod, _ = stage.of(ChatMessage)
    assert ada.id == "youtube/" + ada.source
    assert ada.viewer == Viewer(id=f"youtube:{youtube.viewer('Ada').id}", name="Ada", platform="youtube")
    assert ada.text == 'Good evening, 道化師! \\o/ {["'
    assert mod.viewer.roles == ("moderator",)
    assert [(gift.what, gift.amount, gift.unit, gift.message) for gift in stage.of(Gift)] == [
        ("super chat", 5.5, "EUR", "For the jester"), ("super sticker", 300.0, "JPY", ""),
        ("Crown", 500.0, "jewels", ""),
    ]  # fmt: skip
    assert [(one.viewer.name, one.months, one.given, one.message) for one in stage.of(Subscription)] == [
        ("Dan", 1, 0, ""), ("Dan", 7, 0, "Seven months!"), ("Eve", 1, 3, ""),
    ]  # fmt: skip
    assert stage.of(Subscription)[1].viewer.roles == ("subscriber",)
    assert [one.text for one in stage.of(Happening)] == [
        "A poll begins: Shall I sing? (Yes / No)", "The poll is over: Shall I sing? Most votes went to Yes (3)."
    ]  # fmt: skip
    assert [(one.what, one.which) for one in stage.of(Removed)] == [
        ("message", "LCC.test-000001"), ("viewer", f"youtube:{youtube.viewer('Mallory').id}")
    ]  # fmt: skip
    assert len({one.id for one in stage.of(Percept)}) == len(stage.of(Percept))
    assert all(one.link == "youtube" for one in stage.of(Percept))
    assert stage.of(Gap) == []
    assert youtube.spent == 6


async def test_the_streamer_is_the_operator_and_own_words_are_no_percepts(youtube: YouTubeServer, stage: Stage) -> None:
    stage.sign_in()
    await stage.up()
    done = await stage.link.act(Send(link="youtube", text="Good evening, everybody!"))
    assert done.ok
    youtube.chat("Pip", "I write this myself.")
    await stage.hears("I write this myself.")
    assert stage.texts() == ["I write this myself."]
    assert stage.of(ChatMessage)[0].viewer.roles == ("moderator", "operator")
    assert youtube.said == ["Good evening, everybody!"]
    # And again after a break: they are known by their ids, too.
    youtube.drop()
    await until(lambda: len(stage.calls("stream")) > 1, "it is streamed again")
    youtube.chat("Ada", "Welcome back")
    await stage.hears("I write this myself.", "Welcome back")


async def test_what_was_said_before_we_came_is_not_answered_but_what_was_paid_for_is(
    youtube: YouTubeServer, stage: Stage
) -> None:
    stage.sign_in()
    hour = timedelta(hours=1)
    youtube.now = lambda: stage.now() - 3 * hour
    youtube.super_chat("Old", 1)
    youtube.now = lambda: stage.now() - hour / 2
    youtube.chat("Ada", "long ago")
    youtube.super_chat("Bob", 5)
    youtube.now = stage.now
    await stage.up()
    youtube.chat("Ada", "now")
    await stage.hears("now")
    assert [event.viewer.name for event in stage.of(Percept)] == ["Bob", "Ada"]
    assert stage.link.counters["old"] == 2


# --- what goes wrong


@pytest.mark.parametrize(
    "fault",
    ["401", "429", "500", "503", "403:rateLimitExceeded", "403:liveChatDisabled", "403:liveChatEnded", "403:forbidden",
     "404", "drop", "garbage", "huge", "hang", "half", "silent", "end", "duplicate", "reorder",
     "extra_fields", "unknown_type", "missing_field:nextPageToken", "null_field:pageInfo", "wrong_type:nextPageToken",
     "wrong_type:offlineAt"],
)  # fmt: skip
async def test_a_stream_lives_through_every_fault_and_nothing_is_lost(
    youtube: YouTubeServer, stage: Stage, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "QUIET", 1.5)
    monkeypatch.setattr("marotte.links.youtube.api.WITHIN", 1.5)
    stage.sign_in()
    await stage.up()
    youtube.chat("Ada", "one")
    await stage.hears("one")
    youtube.fault(fault, on="stream")
    if fault == "half":
        youtube.gate.clear()
    first = youtube.chat("Bob", "two")
    if fault[0] in "45h" and fault not in ("half", "huge"):
        youtube.drop()  # so that it is asked for anew, and refused
    youtube.chat("Cleo", "three")
    await until(lambda: "three" in stage.texts(), f"three is heard: {stage.texts()}", 60)
    youtube.heal()
    youtube.gate.set()
    youtube.chat("Dan", "four")
    await until(lambda: "four" in stage.texts(), f"four is heard: {stage.texts()}", 60)
    expected = ["one", "two", "three", "four"]
    if fault == "unknown_type":
        expected.remove("two")
    assert sorted(stage.texts()) == sorted(expected), first
    assert stage.task is not None
    assert not stage.task.done()


@pytest.mark.parametrize("name", ["id", "snippet", "type", "authorDetails", "displayName", "publishedAt",
                                  "textMessageDetails", "messageText", "channelId", "isChatOwner"])  # fmt: skip
@pytest.mark.parametrize("how", ["missing_field", "null_field", "wrong_type", "long_field"])
async def test_a_message_that_is_bent_costs_no_other(
    youtube: YouTubeServer, stage: Stage, how: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stage.sign_in()
    await stage.up()
    youtube.fault(f"{how}:{name}", on="stream")
    bent = youtube.chat("Ada", "bent")
    youtube.chat("Bob", "straight")
    await until(lambda: "straight" in stage.texts(), "the other is heard")
    assert len(stage.calls("stream")) == 1
    assert all(len(text) <= 1_000 for text in stage.texts())
    counted, named = stage.link.counters["malformed"], [one for one in caplog.messages if "cannot be read" in one]
    assert (len(stage.events), counted) != (0, 0)
    assert len(named) == counted
    assert all((bent in one or name == "id") and len(one) < 500 for one in named)


async def test_a_flood_of_what_cannot_be_read_is_counted_and_does_not_fill_the_log(
    youtube: YouTubeServer, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.clock = Fast(1.0)
    stage.sign_in()
    await stage.up()
    youtube.fault("null_field:snippet", 100, on="stream")
    for number in range(100):
        youtube.chat("Ada", f"{number}")
        await asyncio.sleep(0)
    youtube.chat("Bob", "straight")
    await until(lambda: "straight" in stage.texts(), "the other is heard")
    await until(lambda: stage.link.counters["malformed"] > 20, "they are counted")
    assert len([one for one in caplog.messages if "cannot be read" in one]) == 20


async def test_a_clock_that_is_wrong_makes_nobody_old(youtube: YouTubeServer, stage: Stage) -> None:
    """Ours is two hours fast: what is said from now on is heard all the same."""
    youtube.now = lambda: stage.now() - timedelta(hours=2)
    stage.sign_in()
    youtube.chat("Ada", "before")
    await stage.up()
    await stage.told("up", "in the chat")
    youtube.chat("Ada", "now")
    await stage.hears("now")
    assert stage.texts() == ["now"]


async def test_hours_without_youtube_are_a_gap_and_everything_is_asked_for_afterwards(
    youtube: YouTubeServer, stage: Stage
) -> None:
    stage.sign_in()
    await stage.up()
    youtube.chat("Ada", "before")
    await stage.hears("before")
    await youtube.down()
    await stage.told("down")
    stage.clock.skip(6 * 3600)
    for number in range(300):
        youtube.chat("Ada", f"meanwhile {number}")
    youtube.super_chat("Bob", 20)
    await youtube.up()
    await until(lambda: stage.of(Gap), "the gap is told")
    (gap,) = stage.of(Gap)
    assert gap.seconds > 6 * 3600
    assert gap.recovered == 301
    assert stage.texts() == ["before", *(f"meanwhile {number}" for number in range(300))]
    assert [gift.amount for gift in stage.of(Gift)] == [20.0]
    assert stage.link.counters["duplicates"] == 0


async def test_where_the_stream_is_refused_the_chat_is_listed_at_youtubes_pace(
    youtube: YouTubeServer, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "LISTED", 3_600 * SPEED)
    youtube.polling = 0.0
    stage.sign_in()
    original = youtube._api.stream

    async def refused(asked: Any) -> Any:
        error = RefusedError(404, "notFound", "there is no such method", "global")
        error.asked_for = True
        raise error
        yield

    youtube._api.stream = refused  # type: ignore[method-assign]
    stage.start()
    await until(lambda: len(stage.calls("list")) > 1, "it is listed")
    youtube.fault("duplicate", on="list")
    youtube.chat("Ada", "one")
    youtube.chat("Bob", "two")
    await stage.hears("one", "two")
    youtube.fault("503", 2, on="list")
    youtube.chat("Cleo", "three")
    await stage.hears("three")
    assert len(stage.calls("stream")) == stream_module.STUCK
    assert any("listed" in one.detail for one in stage.link.standing())
    youtube._api.stream = original  # type: ignore[method-assign]
    youtube.chat_ended()
    await until(lambda: stage.of(StreamEnded), "the end is told")


async def test_no_broadcast_is_waited_for_rarely_and_its_beginning_and_end_are_told(
    youtube: YouTubeServer, stage: Stage
) -> None:
    youtube.ended_at = "2026-11-21T00:00:00Z"
    stage.sign_in()
    stage.start()
    await stage.told("up", "no broadcast is live")
    await until(lambda: len(stage.calls("broadcasts")) > 5, "it is looked for")
    assert youtube.spent == len([one for one in stage.calls("broadcasts") if one.status])
    assert stage.of(StreamStarted) == []
    youtube.ended_at = ""
    await until(lambda: stage.of(StreamStarted), "the beginning is told")
    await until(lambda: youtube.streams, "it is streamed")
    youtube.chat("Ada", "Finally!")
    youtube.chat_ended()
    await until(lambda: stage.of(StreamEnded), "the end is told")
    assert stage.texts() == ["Finally!"]
    # The next one, with another chat.
    looked = len(stage.calls("broadcasts"))
    await until(lambda: len(stage.calls("broadcasts")) > looked, "the next is looked for")
    youtube.video_id, youtube.chat_id, youtube.ended_at = "test-video2", "another-chat", ""
    youtube.title = "The second evening"
    youtube.messages.clear()
    await until(lambda: len(stage.of(StreamStarted)) == 2, "the next begins")
    await until(lambda: youtube.streams, "it is streamed")
    youtube.chat("Ada", "Again!")
    await stage.hears("Again!")
    assert stage.of(StreamStarted)[1].title == "The second evening"


# --- tokens


async def test_a_token_is_renewed_when_it_expires_and_when_it_is_not_taken(
    youtube: YouTubeServer, stage: Stage, clock: Hands
) -> None:
    grant = stage.sign_in()
    await stage.up()
    youtube.expire(grant.access)
    youtube.drop()
    youtube.chat("Ada", "after an hour")
    await stage.hears("after an hour")
    kept = stage.tokens.load("youtube")
    assert kept is not None
    assert kept.access != grant.access
    assert (kept.refresh, kept.name, kept.account) == (grant.refresh, "Pip", youtube.owner.id)
    assert kept.expires > stage.clock.wall()
    stage.clock.skip(4_000)  # so that it is known to have expired, before anybody is asked
    before = len(stage.calls("token"))
    youtube.drop()
    await until(lambda: len(stage.calls("token")) > before, "it is renewed")
    youtube.chat("Ada", "after two hours")
    await stage.hears("after two hours")


async def test_a_renewal_that_fails_for_a_while_is_tried_again(youtube: YouTubeServer, stage: Stage) -> None:
    """Google's login has a bad minute, or somebody on the way says no in its place: nobody need sign in again."""
    grant = stage.sign_in()
    await stage.up()
    youtube.expire(grant.access)
    youtube.fault("401", 2, on="token")
    youtube.drop()
    youtube.chat("Ada", "Are you there?")
    await stage.hears("Are you there?")
    assert len(stage.calls("token")) == 3
    assert "refused" not in [state.state for state in stage.of(LinkState)]
    assert all(grant.refresh not in state.detail for state in stage.of(LinkState))


async def test_who_is_to_be_forgotten_is_signed_out_and_kept_no_more(youtube: YouTubeServer, stage: Stage) -> None:
    grant = stage.sign_in()
    await stage.up()
    assert stage.tokens.drop("youtube")
    youtube.expire(grant.access)
    youtube.drop()
    assert "nobody is signed in" in (await stage.told("refused")).detail
    assert stage.tokens.load("youtube") is None
    viewer = Viewer(id="youtube:x", name="X")
    done = await stage.link.act(Verdict(link="youtube", viewer=viewer, action="warn", reason=""))
    assert not done.ok
    youtube.chat("Ada", "Where are you?")
    stage.sign_in()
    await stage.hears("Where are you?")


async def test_whoever_takes_the_right_back_is_told_how_to_sign_in_again(youtube: YouTubeServer, stage: Stage) -> None:
    grant = stage.sign_in()
    await stage.up()
    youtube.revoke(grant.refresh)
    youtube.drop()
    refused = await stage.told("refused")
    assert "marotte login youtube" in refused.detail
    assert grant.access not in refused.detail
    asked = len(youtube.requests)
    done = await stage.link.act(
        Verdict(link="youtube", viewer=Viewer(id="youtube:x", name="X"), action="ban", reason="")
    )
    assert not done.ok
    assert "marotte login youtube" in done.detail
    assert not stage.link.standing()[0].ok
    assert len(youtube.requests) == asked
    youtube.chat("Ada", "Where are you?")
    stage.clock.skip(3600)
    stage.sign_in()
    await stage.hears("Where are you?")
    (gap,) = stage.of(Gap)
    assert gap.seconds > 3600
    assert gap.recovered == 1


async def test_without_a_token_or_a_secret_it_says_what_to_do(youtube: YouTubeServer, stage: Stage) -> None:
    stage.start()
    await stage.told("refused", "marotte login youtube")
    stage.sign_in()
    await until(lambda: youtube.streams, "it is streamed")
    await stage.stop()
    await stage.told("stopped")
    stage.link = YouTubeLink(stage.settings, {}, stage.tokens, stage.events.append, stage.clock, Random(7))
    stage.task = asyncio.create_task(stage.link.run())
    await stage.told("refused", "YOUTUBE_CLIENT_SECRET")
    (stage.tokens.folder / "youtube.json").write_text("{")
    await stage.stop()
    stage.start()
    await stage.told("refused", "delete it")


async def test_somebody_signs_in_by_a_code(youtube: YouTubeServer, stage: Stage, clock: Hands) -> None:
    said: list[str] = []

    class Both(Fast):
        async def sleep(self, seconds: float) -> None:
            clock.at += seconds
            await super().sleep(seconds)

    async with ClientSession() as http:
        task = asyncio.create_task(login(stage.settings, SECRETS, stage.tokens, Both(SPEED), said.append, http))
        await until(lambda: len(stage.calls("token")) > 2, "it is asked for")
        youtube.approve(youtube.login.devices[0].user_code)
        token = await task
        assert token == stage.tokens.load("youtube")
        assert (token.name, token.account, token.scopes) == ("Pip", youtube.owner.id, (WANTED,))
        assert QuotaFile(stage.tokens.folder / "quota.json").load().spent == youtube.spent == 1
        assert "GQVQ-" in said[0]
        assert not any(token.access in one or token.refresh in one for one in said)
        task = asyncio.create_task(login(stage.settings, SECRETS, stage.tokens, Both(SPEED), said.append, http))
        await until(lambda: len(youtube.login.devices) > 1, "the second is there")
        youtube.deny(youtube.login.devices[1].user_code)
        with pytest.raises(LoginError, match="told no"):
            await task
        with pytest.raises(LoginError, match="YOUTUBE_CLIENT_SECRET"):
            await login(stage.settings, {}, stage.tokens, Both(SPEED), said.append, http)
        await youtube.down()
        with pytest.raises(LoginError, match="try again"):
            await login(stage.settings, SECRETS, stage.tokens, Both(SPEED), said.append, http)


# --- the quota


async def test_the_quota_is_alarmed_at_most_of_it_and_at_its_end_only_writing_stops(
    youtube: YouTubeServer, tmp_path: Path
) -> None:
    stage = Stage(youtube, tmp_path, quota=100)
    stage.sign_in()
    try:
        await stage.up()
        for number in range(4):
            assert (await stage.link.act(Send(link="youtube", text=f"line {number}"))).ok
        alarm = await stage.told("up", "86 of 100 units")
        assert not next(one for one in stage.link.standing() if one.name == "quota").ok
        done = await stage.link.act(Send(link="youtube", text="one too many"))
        assert not done.ok
        assert "quota" in done.detail
        assert len(youtube.said) == 4
        youtube.chat("Ada", "I hear you")
        await stage.hears("I hear you")
        assert [one for one in stage.of(LinkState) if "units" in one.detail] == [alarm]
        # The run after this one knows what was spent.
        await stage.stop()
        stage.start()
        assert "86 of 100" in next(one for one in stage.link.standing() if one.name == "quota").detail
        stage.clock.skip(24 * 3600)
        assert next(one for one in stage.link.standing() if one.name == "quota").ok
    finally:
        await stage.stop()


async def test_where_google_says_that_all_is_spent_it_is_looked_again_each_hour(
    youtube: YouTubeServer, stage: Stage
) -> None:
    stage.sign_in()
    await stage.up()
    youtube.fault("403:quotaExceeded", math.inf)
    youtube.drop()
    down = await stage.told("down", "quota")
    assert down.detail
    assert not (await stage.link.act(Send(link="youtube", text="hello"))).ok
    asked = len(stage.calls("stream"))
    await until(lambda: len(stage.calls("stream")) > asked, "it is tried again, after an hour at most")
    youtube.heal()
    youtube.chat("Ada", "a new day")
    await stage.hears("a new day")
    assert stage.of(Gap)


# --- what is done


async def test_a_long_text_is_written_in_two_messages_and_a_failed_one_only_once(
    youtube: YouTubeServer, stage: Stage
) -> None:
    stage.sign_in()
    await stage.up()
    text = "The jester juggles seven bells. " * 20
    assert (await stage.link.act(Send(link="youtube", text=text))).ok
    assert len(youtube.said) == 2
    assert all(len(one) <= 200 and one.endswith("bells.") for one in youtube.said)
    youtube.fault("503", on="insert")
    assert (await stage.link.act(Send(link="youtube", text="at the second try"))).ok
    youtube.fault("drop", on="insert")
    done = await stage.link.act(Send(link="youtube", text="perhaps"))
    assert not done.ok
    assert "not known" in done.detail
    assert youtube.said[2:] == ["at the second try"]
    assert not (await stage.link.act(Send(link="youtube", text=" \n"))).ok
    assert stage.texts() == []


async def test_verdicts_are_carried_out_and_lifted(youtube: YouTubeServer, stage: Stage) -> None:
    stage.sign_in()
    await stage.up()
    source = youtube.chat("Mallory", "spam")
    await stage.hears("spam")
    mallory = stage.of(ChatMessage)[0].viewer

    async def verdict(action: Any, viewer: Viewer = mallory, **more: Any) -> ActDone:
        act = Verdict(link="youtube", viewer=viewer, action=action, reason="spam", **more)
        return await stage.link.act(act)

    assert (await verdict("delete", source=source)).ok
    assert youtube.deleted == [source]
    gone = await verdict("delete", source=source)
    assert gone.ok
    assert "already" in gone.detail
    assert (await verdict("timeout", seconds=60)).ok
    (ban,) = youtube.banned.values()
    assert (ban["snippet"]["type"], ban["snippet"]["banDurationSeconds"]) == ("temporary", "60")
    assert (await verdict("allow")).ok
    assert youtube.banned == {}
    youtube.fault("500", on="ban")
    assert (await verdict("ban")).ok
    (ban,) = youtube.banned.values()
    assert ban["snippet"]["type"] == "permanent"
    assert (await verdict("allow")).ok
    assert not (await verdict("allow")).ok
    assert not (await verdict("warn")).ok
    owner = Viewer(id=f"youtube:{youtube.owner.id}", name="Pip")
    assert "owner" in (await verdict("ban", owner)).detail
    await until(lambda: {one.which for one in stage.of(Removed)} >= {source, mallory.id}, "it is told")
    youtube.chat_ended()
    await until(lambda: stage.of(StreamEnded), "the end")
    assert "no broadcast" in (await verdict("timeout", seconds=60)).detail


async def test_it_stops_at_once_at_any_time(youtube: YouTubeServer, stage: Stage) -> None:
    stage.sign_in()
    youtube.fault("hang", math.inf, on="broadcasts")
    stage.start()
    await until(lambda: stage.calls("broadcasts"), "it is asked")
    await stage.stop()
    youtube.heal()
    await stage.up()
    await stage.stop()
    await until(lambda: youtube.streams == 0, "the stream is let go")
    assert stage.of(LinkState)[-1].state == "stopped"
