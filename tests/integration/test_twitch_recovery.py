"""The Twitch link asks afterwards for what it could not hear: where a subscription fails at first, where a clock is
wrong, and where the old connection dies while it moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from marotte.events import Fulfil, Gap, Redemption
from marotte.links.twitch import link, recovery, session, subscriptions
from marotte.links.twitch.percepts import REDEMPTIONS
from tests import waiting
from tests.integration.twitch_stage import Stage
from tests.servers.twitch import TwitchServer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_twitch")]

FOUR_TIMES = subscriptions.TRIES


def sources(stage: Stage) -> list[str]:
    return [one.source for one in stage.of(Redemption)]


def asked(twitch: TwitchServer, status: int) -> int:
    """Return how often Twitch was asked about redemptions, as far as that went, and answered so."""
    path = "/helix/channel_points/custom_rewards" + ("/redemptions" if status == 200 else "")
    return sum(one.status == status and one.target.partition("?")[0] == path for one in twitch.requests)


@asynccontextmanager
async def behind(
    twitch: TwitchServer, folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> AsyncIterator[tuple[Stage, str]]:
    """A link that could not ask for what was redeemed in a gap, and what that was."""
    monkeypatch.setattr(recovery, "MARGIN", 0.0)
    sing = twitch.reward("Sing")
    stage = Stage(twitch, folder)
    stage.sign_in()
    async with stage.on():
        await waiting.until(lambda: stage.link._looked_back, "it has looked back")  # pyright: ignore[reportPrivateUsage]
        await twitch.down()
        await waiting.until(lambda: "down" in stage.states(), "down")
        lost = twitch.redeem("ada", sing, "during")
        twitch.fault(fault, times=999, on="channel_points/custom_rewards")
        await twitch.up()
        await waiting.until(lambda: stage.of(Gap), "the gap")
        assert "could not be asked for" in stage.of(Gap)[0].detail
        yield stage, lost


async def test_redemptions_before_the_run_are_asked_for_although_they_cannot_be_subscribed_to_yet(
    rough: TwitchServer, tmp_path: Path
) -> None:
    waits = rough.redeem("ada", rough.reward("Sing"), "before the run")
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault("subscribe:503", times=FOUR_TIMES, on=REDEMPTIONS)
    async with stage.on():
        await waiting.until(lambda: sources(stage) == [waits], "what waits")
        assert REDEMPTIONS in stage.lacks()


async def test_what_is_redeemed_until_a_subscription_is_had_is_asked_for_then(
    rough: TwitchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "LATER", 1.0)
    sing = rough.reward("Sing")
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    rough.fault("subscribe:503", times=FOUR_TIMES, on=REDEMPTIONS)
    async with stage.on():
        await waiting.until(lambda: stage.link._looked_back, "it has looked back")  # pyright: ignore[reportPrivateUsage]
        assert REDEMPTIONS in stage.lacks()
        meanwhile = rough.redeem("ada", sing, "while nobody tells")
        await waiting.until(lambda: REDEMPTIONS not in stage.lacks(), "the subscription")
        await waiting.until(lambda: sources(stage) == [meanwhile], "what came meanwhile")
        after = rough.redeem("ada", sing, "and then")
        await waiting.until(lambda: sources(stage) == [meanwhile, after], "what came then")
        assert "missing" not in stage.details().splitlines()[-1], "it tells that nothing is missing any more"


async def test_a_gap_is_asked_about_although_redemptions_cannot_be_subscribed_to_again(
    rough: TwitchServer, tmp_path: Path
) -> None:
    sing = rough.reward("Sing")
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    async with stage.on():
        await rough.down()
        await waiting.until(lambda: "down" in stage.states(), "down")
        lost = rough.redeem("ada", sing, "during")
        rough.fault("subscribe:429", times=FOUR_TIMES, on=REDEMPTIONS)
        await rough.up()
        await waiting.until(lambda: stage.of(Gap), "the gap")
        assert sources(stage) == [lost]
        assert stage.of(Gap)[0].recovered == 1


@pytest.mark.parametrize("status", [503, 403])
async def test_a_gap_that_cannot_be_asked_about_is_asked_about_while_the_connection_lasts(
    rough: TwitchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(link, "LATER", 0.1)
    monkeypatch.setattr(link, "REFUSED_PAUSE", 0.1)
    monkeypatch.setattr(recovery, "_TRIES", 1)
    async with behind(rough, tmp_path, monkeypatch, f"helix:{status}") as (stage, lost):
        before, connections = asked(rough, status), rough.connections
        await waiting.until(lambda: asked(rough, status) > before + 2, "it is asked again, and again")
        assert sources(stage) == []
        rough.heal()
        await waiting.until(lambda: sources(stage) == [lost], "what was redeemed in the gap")
        await waiting.until(lambda: stage.link._looked_back, "it has looked back")  # pyright: ignore[reportPrivateUsage]
        assert (stage.counted("recovered"), rough.connections) == (1, connections)
        before = asked(rough, 200)
        for number in range(2, 5):
            rough.redeem("ada", "Sing", "and then")
            await waiting.until(lambda number=number: len(sources(stage)) == number, "what came then")
        assert asked(rough, 200) == before, "it is asked no more"


async def test_a_gap_that_twitch_will_not_tell_of_is_asked_about_with_the_next_connection(
    rough: TwitchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind(rough, tmp_path, monkeypatch, "helix:403") as (stage, lost):
        rough.heal()
        rough.fault("drop")
        await waiting.until(lambda: sources(stage) == [lost], "what was redeemed in the first gap")


async def test_a_refund_that_waits_is_made_after_the_link_was_connected_anew(
    rough: TwitchServer, tmp_path: Path
) -> None:
    which = rough.redeem("ada", rough.reward("Sing"), "please")
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    act = Fulfil(link="twitch", redemption=which, reward="Sing", refund=True)
    async with stage.on():
        await stage.heard(1)
        rough.fault("helix:503", times=999, on="channel_points/custom_rewards/redemptions")
        doing = asyncio.create_task(stage.link.act(act))
        await waiting.until(lambda: any(one.status == 503 for one in rough.requests), "an attempt")
    rough.heal()
    async with stage.on(wait=False):
        assert (await doing).ok
    assert rough.redemptions[which].status == "CANCELED"


async def test_a_clock_that_is_hours_ahead_loses_no_redemption_of_a_gap(twitch: TwitchServer, tmp_path: Path) -> None:
    sing = twitch.reward("Sing")
    stage = Stage(twitch, tmp_path)
    stage.sign_in()
    stage.link.clock._offset += 7_200  # pyright: ignore[reportPrivateUsage]
    async with stage.on():
        await waiting.until(lambda: stage.link._looked_back, "it has looked back")  # pyright: ignore[reportPrivateUsage]
        await twitch.down()
        await waiting.until(lambda: "down" in stage.states(), "down")
        lost = twitch.redeem("bob", sing, "during")
        await twitch.up()
        await waiting.until(lambda: stage.of(Gap), "the gap")
        assert stage.of(Gap)[0].recovered == 1
        assert sources(stage) == [lost]


async def test_an_old_connection_that_dies_before_another_is_had_leaves_a_gap(
    rough: TwitchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sing = rough.reward("Sing")
    stage = Stage(rough, tmp_path)
    stage.sign_in()
    dial = session.Session._dial  # pyright: ignore[reportPrivateUsage]
    dialled, may = asyncio.Event(), asyncio.Event()

    async def slowly(of: session.Session, address: str) -> session.Socket:
        if rough.connections == 1 and "reconnect_token" not in address:
            dialled.set()
            await may.wait()
        return await dial(of, address)

    async with stage.on():
        await waiting.until(lambda: stage.link._looked_back, "it has looked back")  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(session.Session, "_dial", slowly)
        rough.fault("dead_reconnect")
        await rough.reconnect()
        await asyncio.wait_for(dialled.wait(), waiting.PATIENCE)
        rough.act("drop")
        await waiting.until(lambda: not rough.sessions, "the old one is dead")
        lost = rough.redeem("ada", sing, "nobody hears of it")
        may.set()
        await waiting.until(lambda: stage.of(Gap), "the gap")
        assert sources(stage) == [lost]
        assert stage.of(Gap)[0].recovered == 1
