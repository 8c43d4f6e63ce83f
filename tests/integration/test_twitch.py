"""The Twitch link against a faithful local Twitch: what happens there becomes percepts once, whatever befalls."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from marotte.config_links import Twitch
from marotte.events import (
    Announce,
    ChatMessage,
    Follow,
    Gap,
    Gift,
    Happening,
    Raid,
    Redemption,
    Send,
    StreamEnded,
    StreamStarted,
    Subscription,
)
from marotte.links.twitch import link, session
from marotte.links.twitch.rights import wanted
from tests import waiting
from tests.fast import Fast
from tests.integration.twitch_stage import Stage, viewer
from tests.servers.twitch import TwitchServer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_twitch")]


# --- what happens there


async def test_chat_is_heard_with_who_wrote_it(at: Stage) -> None:
    twitch = at.twitch
    identity = twitch.chat("Ada", "hello Kappa there")
    twitch.chat("marotte", "a moderator speaks")
    await at.heard(2)
    first, second = at.of(ChatMessage)
    assert (first.id, first.source, first.link, first.channel) == (f"twitch/{identity}", identity, "twitch", "#pip")
    assert first.viewer == viewer(twitch, "Ada")
    assert [(one.name, one.start, one.end) for one in first.emotes] == [("Kappa", 6, 11)]
    assert first.emotes[0].picture.startswith("https://static-cdn.jtvnw.net/emoticons/v2/25/")
    assert second.viewer
    assert second.viewer.roles == ("moderator",)


async def test_each_deed_is_told_once(at: Stage) -> None:
    twitch = at.twitch
    twitch.cheer("ada", 100, "well sung")
    twitch.cheer(None, 5)
    twitch.subscribe("bob")
    twitch.resub("cy", 14, "still here", tier="2000")
    twitch.gift("dan", 5)
    twitch.gift("eve", 1, to=("bob",))
    twitch.gift(None, 3)
    twitch.redeem("fay", "Sing", "of the sea")
    twitch.raid("guy", 42)
    twitch.follow("hal")
    twitch.power_up("ivy", 30, text="look")
    await at.settled()
    gifts = [(gift.viewer and gift.viewer.name, gift.what, gift.amount, gift.message) for gift in at.of(Gift)]
    assert gifts == [
        ("Ada", "bits", 100, "Cheer100 well sung"),
        (None, "bits", 5, "Cheer5"),
        ("Ivy", "bits", 30, "look"),
    ]
    told = [(one.viewer and one.viewer.name, one.tier, one.months, one.given) for one in at.of(Subscription)]
    assert told == [("Bob", "1", 1, 0), ("Cy", "2", 14, 0), ("Dan", "1", 1, 5), ("Eve", "1", 1, 1), (None, "1", 1, 3)]
    assert [one.message for one in at.of(Subscription)][1] == "still here"
    redeemed = at.of(Redemption)[0]
    assert (redeemed.reward, redeemed.text, redeemed.cost) == ("Sing", "of the sea", 100)
    assert redeemed.id == f"twitch/redemption/{redeemed.source}"
    assert redeemed.source in twitch.redemptions
    assert [(one.viewer and one.viewer.name, one.party) for one in at.of(Raid)] == [("Guy", 42)]
    assert [one.viewer and one.viewer.name for one in at.of(Follow)] == ["Hal"]
    assert at.texts() == []
    assert len(at.percepts()) == 3 + 5 + 1 + 1 + 1


async def test_what_goes_on_is_told_in_words(at: Stage) -> None:
    twitch = at.twitch
    twitch.poll("begin")
    twitch.poll("end", Red=3)
    twitch.prediction("begin")
    twitch.prediction("lock")
    twitch.prediction("end", winner="Yes")
    twitch.hype_train("begin", level=1)
    twitch.hype_train("progress", level=1)
    twitch.hype_train("progress", level=2)
    twitch.hype_train("end", level=2)
    twitch.ad_break(90)
    twitch.shouted_out("kim", 12)
    await at.settled()
    assert [(one.what, one.text) for one in at.of(Happening)] == [
        ("poll", "A poll begins: Which song? (Red / Blue)"),
        ("poll", "The poll is over: Which song? Most votes went to Red (3)."),
        ("prediction", "A prediction begins: Will it rain? (Yes / No)"),
        ("prediction", "No more bets on the prediction: Will it rain?"),
        ("prediction", "The prediction is over: Will it rain? It is Yes."),
        ("hype_train", "A hype train begins, at level 1."),
        ("hype_train", "The hype train reaches level 2."),
        ("hype_train", "The hype train ends, at level 2."),
        ("ad_break", "A break for advertisements begins; it takes 90 seconds."),
        ("shout_out", "Kim recommends this channel to 12 viewers."),
    ]


async def test_the_stream_begins_and_ends_once(at: Stage) -> None:
    await waiting.until(lambda: at.of(StreamStarted), "on air already")
    assert [one.title for one in at.of(StreamStarted)] == ["A puppet speaks"]
    at.twitch.stream_online()
    at.twitch.stream_offline()
    await waiting.until(lambda: at.of(StreamEnded), "off air")
    at.twitch.stream_online()
    await waiting.until(lambda: len(at.of(StreamStarted)) == 2, "on air again")


async def test_another_channels_words_in_a_shared_chat_are_left_out(at: Stage) -> None:
    other = {"source_broadcaster_user_id": "777", "source_message_id": "x"}
    at.twitch.chat("ada", "from elsewhere", **other)
    at.twitch.chat("ada", "from here", source_broadcaster_user_id=at.twitch.broadcaster.id)
    await at.settled()
    assert at.texts() == ["from here"]
    assert at.counted("shared") == 1


async def test_own_messages_are_no_percepts_and_the_streamers_are(at: Stage) -> None:
    assert (await at.link.act(Send(link="twitch", text="I say this myself"))).ok
    assert (await at.link.act(Announce(link="twitch", text="Hear, hear"))).ok
    at.twitch.chat("pip", "the streamer types")
    await at.settled()
    assert at.texts() == ["the streamer types"]
    assert at.counted("own") == 2
    streamer = at.of(ChatMessage)[0].viewer
    assert streamer
    assert "operator" in streamer.roles


# --- misfortune on the wire


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "extra_fields", "unknown_type", "garbage", "burst"])
async def test_what_is_odd_costs_nothing(at: Stage, fault: str) -> None:
    at.twitch.fault(fault)
    for number in range(5):
        at.twitch.chat("ada", f"number {number}")
    await at.settled()
    assert sorted(text for text in at.texts() if text.startswith("number")) == [f"number {n}" for n in range(5)]
    assert at.states() == ["connecting", "up"]
    if fault == "duplicate":
        assert at.counted("doubled") == 1
    if fault == "garbage":
        assert at.counted("malformed") >= 5


@pytest.mark.parametrize("name", ["badges", "color", "channel_points_animation_id", "fragments", "chatter_user_name"])
@pytest.mark.parametrize("how", ["missing_field", "null_field"])
async def test_a_field_that_is_not_there_loses_no_message(at: Stage, how: str, name: str) -> None:
    at.twitch.fault(f"{how}:{name}")
    at.twitch.chat("ada", "still here")
    await at.settled()
    assert at.texts() == ["still here"]


@pytest.mark.parametrize("fault", ["missing_field:message", "null_field:chatter_user_id", "wrong_type:text", "huge"])
async def test_what_cannot_be_read_is_counted_and_logged(
    at: Stage, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    at.twitch.fault(fault)
    at.twitch.chat("ada", "lost, alas")
    at.twitch.chat("ada", "and on")
    await at.settled()
    assert at.texts() == ["and on"]
    assert at.counted("malformed") == 1
    assert at.states() == ["connecting", "up"]
    logged = next(one.message for one in caplog.records if "cannot be read" in one.message)
    assert "-4000-8000-" in logged, "its id"
    assert "alas" not in logged


async def test_what_is_older_than_ten_minutes_is_left_out(at: Stage) -> None:
    at.twitch.fault("old_message")
    at.twitch.chat("ada", "replayed")
    at.twitch.chat("ada", "new")
    await at.settled()
    assert at.texts() == ["new"]
    assert at.counted("old") == 1


async def test_a_clock_that_goes_wrong_loses_nothing(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path)
    stage.sign_in()
    stage.link.clock._offset += 86_400  # pyright: ignore[reportPrivateUsage]
    async with stage.on():
        twitch.chat("ada", "yesterday, for you")
        await stage.heard(1)


@pytest.mark.parametrize("fault", ["drop", *(f"close:{code}" for code in range(4000, 4008))])
async def test_a_close_is_followed_by_a_new_session_at_once(at: Stage, fault: str) -> None:
    at.twitch.fault(fault)
    await at.up(2)
    at.twitch.chat("ada", "back")
    await at.settled()
    assert at.texts() == ["back"]
    assert at.twitch.connections == 2
    assert [gap.link for gap in at.of(Gap)] == ["twitch"]
    assert at.of(Gap)[0].seconds < waiting.PATIENCE


async def test_after_a_drop_it_subscribes_anew_and_asks_for_redemptions(at: Stage) -> None:
    twitch = at.twitch
    sing = twitch.reward("Sing")
    twitch.reward("By hand", client_id="")
    before = twitch.redeem("ada", sing, "before")
    await at.heard(1)
    await twitch.down()
    await waiting.until(lambda: "down" in at.states(), "down")
    lost = [twitch.redeem("bob", sing, f"during {number}") for number in range(3)]
    twitch.redeem("bob", "By hand", "out of reach")
    twitch.chat("ada", "nobody hears this")
    twitch.stream_offline()
    await twitch.up()
    await waiting.until(lambda: at.of(Gap), "the gap")
    await waiting.until(lambda: at.of(StreamEnded), "off air meanwhile")
    assert [one.source for one in at.of(Redemption)] == [before, *lost]
    gap = at.of(Gap)[0]
    assert gap.recovered == 3
    after = twitch.redeem("cy", sing, "after")
    await at.settled()
    assert [one.source for one in at.of(Redemption)] == [before, *lost, after]
    assert len({one.id for one in at.of(Redemption)}) == 5


async def test_an_hour_without_twitch_is_a_gap_and_what_was_redeemed_comes_afterwards(
    twitch: TwitchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.5)
    clock = Fast(1.0)
    stage = Stage(twitch, tmp_path, clock=clock)
    sing = twitch.reward("Sing")
    stage.sign_in()
    async with stage.on():
        await twitch.down()
        await waiting.until(lambda: "down" in stage.states(), "down")
        clock.skip(3_600)
        clock._offset -= 3_600  # pyright: ignore[reportPrivateUsage]
        lost = [twitch.redeem("bob", sing, f"during {number}") for number in range(70)]
        await twitch.up()
        await waiting.until(lambda: stage.of(Gap), "the gap")
        (gap,) = stage.of(Gap)
        assert gap.seconds > 3_600
        assert gap.recovered == 70
        assert [one.source for one in stage.of(Redemption)] == lost
        twitch.chat("ada", "you are back")
        await waiting.until(lambda: stage.texts() == ["you are back"], "the chat")


@pytest.mark.parametrize("fault", ["silence", "half_open", "no_keepalive"])
async def test_silence_is_noticed(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GRACE", 0.2)
    async with TwitchServer(keepalive=0.2) as twitch:
        stage = Stage(twitch, tmp_path)
        stage.sign_in()
        async with stage.on():
            twitch.fault(fault)
            await stage.up(2)
            twitch.chat("ada", "heard again")
            await waiting.until(lambda: "heard again" in stage.texts(), "heard again")
            assert "silent" in stage.details()


async def test_keepalives_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GRACE", 5.0)
    async with TwitchServer(keepalive=0.05) as twitch:
        stage = Stage(twitch, tmp_path)
        stage.sign_in()
        async with stage.on():
            await waiting.until(lambda: stage.counted("frames") > 20, "keepalives")
            assert stage.states() == ["connecting", "up"]
            assert twitch.connections == 1


async def test_moving_loses_nothing_and_doubles_nothing(at: Stage) -> None:
    twitch = at.twitch
    sent = 0
    for _ in range(3):
        connections = twitch.connections
        for _ in range(20):
            twitch.chat("ada", f"number {(sent := sent + 1)}")
        await twitch.reconnect()
        while twitch.connections == connections:
            twitch.chat("ada", f"number {(sent := sent + 1)}")
            await asyncio.sleep(0.005)
        for _ in range(20):
            twitch.chat("ada", f"number {(sent := sent + 1)}")
        await waiting.until(lambda: len(twitch.sessions) == 1, "the old one is let go")
    await at.settled()
    assert sorted(at.texts(), key=lambda text: int(text.split()[1])) == [f"number {n}" for n in range(1, sent + 1)]
    assert at.states() == ["connecting", "up"]
    assert at.of(Gap) == []
    subscribed = [one for one in twitch.requests if one.route == "POST eventsub/subscriptions"]
    assert len(subscribed) == len(twitch.subscriptions), "subscriptions carry over"


async def test_a_dead_address_to_move_to_loses_nothing(at: Stage) -> None:
    twitch = at.twitch
    twitch.fault("dead_reconnect")
    twitch.chat("ada", "first")
    await twitch.reconnect()
    twitch.chat("ada", "second")
    await waiting.until(lambda: len(twitch.sessions) == 1 and twitch.connections == 2, "a fresh session")
    twitch.chat("ada", "third")
    await at.settled()
    assert at.texts() == ["first", "second", "third"]
    assert at.of(Gap) == []


@pytest.mark.parametrize("fault", ["welcome:none", "welcome:garbage", "connect:429", "connect:500", "connect:503"])
async def test_a_bad_beginning_is_tried_again(
    rough: TwitchServer, tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "DIAL", 0.5)
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault(fault)
    async with stage.on():
        rough.chat("ada", "hello")
        await stage.heard(1)
    assert "down" in stage.states()


async def test_a_welcome_with_more_in_it_is_one(rough: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault("welcome:extra")
    async with stage.on():
        assert stage.states() == ["connecting", "up"]


async def test_a_drop_while_it_recovers_keeps_the_gap(at: Stage) -> None:
    twitch = at.twitch

    def asked() -> list[float]:
        return [one.ended for one in twitch.requests if "custom_rewards" in one.route]

    await waiting.until(lambda: len(asked()) == 2 and all(asked()), "as it begins: which it made, and what waits")
    sing = twitch.reward("Sing")
    twitch.fault("helix:hang", times=2, on="channel_points/custom_rewards")
    twitch.fault("close:4006")
    await waiting.until(lambda: len(asked()) == 4, "it asks")
    lost = twitch.redeem("ada", sing, "heard before the second drop")
    await at.heard(1)
    twitch.fault("drop")
    await waiting.until(lambda: at.of(Gap), "the gap")
    assert [one.source for one in at.of(Redemption)] == [lost]
    assert len(at.of(Gap)) == 1


async def test_whatever_befalls_each_redemption_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GRACE", 0.2)
    rng, made = Random(20), list[str]()
    faults = ["drop", "close:4000", "close:4006", "duplicate", "reorder", "silence", "half_open", "garbage", "burst",
              "helix:503", "helix:429", "subscribe:503", "connect:503", "move", "dead", "down"]  # fmt: skip
    rng.shuffle(faults)
    async with TwitchServer(keepalive=0.2) as twitch:
        stage = Stage(twitch, tmp_path)
        stage.sign_in()
        sing = twitch.reward("Sing")
        async with stage.on():
            for fault in faults:
                made.append(twitch.redeem("ada", sing, f"before {fault}"))
                if fault == "down":
                    await twitch.down()
                elif fault in ("move", "dead"):
                    if fault == "dead":
                        twitch.fault("dead_reconnect")
                    await twitch.reconnect()
                else:
                    twitch.fault(fault)
                for number in range(5):
                    made.append(twitch.redeem("ada", sing, f"{fault} {number}"))
                    await asyncio.sleep(rng.uniform(0, 0.05))
                if fault == "down":
                    await twitch.up()
            await waiting.until(
                lambda: {one.source for one in stage.of(Redemption)} >= set(made),
                "every redemption",
                2 * waiting.PATIENCE,
            )
            assert sorted(one.source for one in stage.of(Redemption)) == sorted(made)


async def test_what_is_taken_back_is_told(at: Stage) -> None:
    at.twitch.revoke_subscriptions("version_removed", "channel.raid")
    await waiting.until(lambda: "channel.raid" in at.lacks(), "told")
    assert "raids" in at.lacks()["channel.raid"]
    at.twitch.chat("ada", "and still heard")
    await at.settled()
    assert at.counted("revoked") == 1


async def test_where_all_is_taken_back_it_waits_for_a_new_token(at: Stage) -> None:
    at.twitch.fault("revoke")
    await waiting.until(lambda: "refused" in at.states(), "refused")
    assert "marotte login twitch" in at.lacks()["account"]
    at.sign_in()
    await at.up(2)
    assert at.lacks() == {}


# --- subscriptions


@pytest.mark.parametrize(("status", "tells"), [(403, "refuses"), (410, "refuses"), (409, "")])
async def test_a_subscription_that_is_refused_costs_no_other(
    rough: TwitchServer, tmp_path: Path, status: int, tells: str
) -> None:
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault(f"subscribe:{status}")
    async with stage.on():
        if tells:
            assert [tells in why for why in stage.lacks().values()] == [True]
        else:
            assert stage.lacks() == {}
        assert len(rough.subscriptions) == len(wanted_kinds(stage)) - 1


def wanted_kinds(stage: Stage) -> list[str]:
    subscriptions = stage.link._subscriptions  # pyright: ignore[reportPrivateUsage]
    return list(subscriptions.kinds) if subscriptions else []


@pytest.mark.parametrize("fault", ["subscribe:429", "subscribe:503"])
async def test_a_subscription_that_cannot_be_had_now_is_had_soon(
    rough: TwitchServer, tmp_path: Path, fault: str
) -> None:
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault(fault, times=3)
    async with stage.on():
        await waiting.until(lambda: not stage.lacks(), "all subscriptions")


async def test_where_nothing_may_be_heard_it_does_not_try_for_ever(rough: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault("subscribe:403", times=1_000)
    async with stage.on(wait=False):
        await waiting.until(lambda: "refused" in stage.states(), "refused")
        assert rough.connections == 1
        rough.heal()
        stage.sign_in()  # somebody signs in again
        await stage.up()


async def test_missing_rights_are_told_with_what_they_cost(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path)
    stage.sign_in(without=("channel:read:polls", "clips:edit"))
    async with stage.on():
        lacks = stage.lacks()
        assert set(lacks) == {"channel:read:polls", "clips:edit", "channel.poll.begin", "channel.poll.end"}
        assert all("marotte login twitch" in why for why in lacks.values())
        assert "clips" in lacks["clips:edit"]
        assert "clip" not in stage.link.can
        assert "send" in stage.link.can


async def test_a_bot_of_its_own_hears_what_a_bot_may(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path, channel="Pip")
    stage.sign_in("marotte")
    async with stage.on():
        twitch.chat("ada", "hello, bot")
        twitch.chat("marotte", "my own words")
        twitch.follow("bob")
        await stage.settled()
        assert stage.texts() == ["hello, bot"]
        assert len(stage.of(Follow)) == 1
        assert "as the channel" in stage.lacks()["channel.channel_points_custom_reward_redemption.add"]


def test_scopes_follow_the_settings() -> None:
    few = wanted(Twitch(answer=False, moderate=False, redemptions=False))
    assert not [scope for scope in few if "write" in scope or "banned" in scope or "redemptions" in scope]
    assert len(set(wanted(Twitch()))) == len(wanted(Twitch()))
