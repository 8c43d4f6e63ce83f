"""The rewards that a show makes on Twitch, and what was redeemed while nobody was there."""

from pathlib import Path

import pytest

from marotte.config_pastimes import Reward
from marotte.events import Gap, LinkState, Redemption
from marotte.links.tokens import Token, Tokens
from marotte.links.twitch import rewards
from marotte.links.twitch.rights import wanted
from tests import waiting
from tests.integration.twitch_stage import Stage, settings_for
from tests.servers.marotte import Marotte, marotte
from tests.servers.twitch import CLIENT_ID, TwitchServer
from tests.servers.twitch.state import stamp

pytestmark = pytest.mark.anyio

PATH = "channel_points/custom_rewards"


@pytest.fixture(autouse=True)
def _quick(quick_twitch: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewards, "LOOKS", 0.05)
    monkeypatch.setattr(rewards, "LATER", 0.1)


def deeds(twitch: TwitchServer) -> list[str]:
    """Return how rewards were made and changed."""
    return [one.route for one in twitch.requests if one.route in (f"POST {PATH}", f"PATCH {PATH}")]


async def answered(program: Marotte) -> list[str]:
    """Return which redemptions turns have answered, each as often as that."""
    turns = await program.get("/api/v1/turns")
    return sorted(percept for turn in turns if turn["state"] == "done" for percept in turn["percepts"])


def told(stage: Stage) -> str:
    """Return what the link says of the rewards that it made."""
    return next((one.detail for one in stage.link.standing() if one.name == "rewards"), "")


# --- made, changed, hidden


async def test_what_is_missing_is_made_what_differs_changed_what_is_wanted_no_more_hidden(
    twitch: TwitchServer, tmp_path: Path
) -> None:
    same = twitch.reward("Wave", 50)
    dearer = twitch.reward("dance", 50, "How?", user_input=True, per_viewer=3)
    hidden = twitch.reward("Bow", 10, enabled=False)
    gone, resting = twitch.reward("Forgotten"), twitch.reward("Nap", paused=True)
    by_hand, shaped = twitch.reward("By hand", client_id=""), twitch.reward("Sing", 7)
    show = {
        "Wave": Reward(cost=50),
        "Dance": Reward(cost=80, cooldown=60, per_stream=9),
        "Bow": Reward(cost=10),
        "Say it": Reward(cost=300, asks="What shall I say?", speak=True, per_viewer=2),
        "Nap": Reward(cost=100),
        "Sing": Reward(feeling="joy"),
    }
    stage = Stage(twitch, tmp_path, show)
    stage.sign_in()
    async with stage.on():
        await waiting.until(lambda: len(deeds(twitch)) == 4, "made, changed, hidden")
        made = next(one for one in twitch.rewards.values() if one.title == "Say it")
        assert (made.cost, made.prompt, made.user_input, made.per_viewer) == (300, "What shall I say?", True, 2)
        assert (made.client_id, made.enabled, made.skips_queue) == (CLIENT_ID, True, False)
        assert (dearer.title, dearer.cost, dearer.prompt, dearer.user_input) == ("Dance", 80, "", False)
        assert (dearer.cooldown, dearer.per_stream, dearer.per_viewer) == (60, 9, 0)
        assert (hidden.enabled, gone.enabled, by_hand.enabled, same.cost) == (True, False, True, 50)
        assert resting.paused, "what the streamer lets rest does so"
        assert (shaped.enabled, shaped.cost) == (True, 7), "without a cost it is not ours to change"
        await waiting.until(lambda: told(stage).startswith("5 made by this program"), "all five")
        assert stage.lacks() == {}
    again = Stage(twitch, tmp_path, show)
    async with again.on():
        await waiting.until(lambda: told(again).startswith("5 made by this program"), "all five")
        assert len(deeds(twitch)) == 4, "nothing differs any more"


async def test_a_change_of_the_show_is_followed_at_once(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path, {"Wave": Reward(cost=50)})
    stage.sign_in()
    async with stage.on():
        await waiting.until(lambda: [one.cost for one in twitch.rewards.values()] == [50], "made")
        stage.rewards = {"Wave": Reward(cost=70), "Bow": Reward(cost=10)}
        await waiting.until(lambda: [one.cost for one in twitch.rewards.values()] == [70, 10], "changed, made")
        stage.rewards = {"Bow": Reward(cost=10)}
        await waiting.until(lambda: [one.enabled for one in twitch.rewards.values()] == [False, True], "hidden")
        stage.rewards = {}
        await waiting.until(lambda: not any(one.enabled for one in twitch.rewards.values()), "all hidden")
        assert stage.states() == ["connecting", "up"]


# --- refused


async def test_a_reward_that_somebody_else_made_is_told_and_costs_no_other(rough: TwitchServer, tmp_path: Path) -> None:
    theirs = rough.reward("Wave", 5, client_id="another")
    stage = Stage(rough, tmp_path, {"wave": Reward(cost=50), "Bow": Reward(cost=10)})
    stage.sign_in()
    async with stage.on():
        await waiting.until(lambda: 'reward "wave"' in stage.lacks(), "told")
        assert "by hand or by another program" in stage.lacks()['reward "wave"']
        await waiting.until(lambda: [one.title for one in rough.rewards.values()] == ["Wave", "Bow"], "made")
        assert theirs.cost == 5
        await waiting.until(lambda: "1 of the rewards" in stage.of(LinkState)[-1].detail, "told of the connection")
        assert stage.of(LinkState)[-1].state == "up"
        rough.chat("ada", "and still heard")
        await stage.heard(1)


async def test_the_limit_of_fifty_is_told(rough: TwitchServer, tmp_path: Path) -> None:
    for number in range(49):
        rough.reward(f"By hand {number}", client_id="")
    stage = Stage(rough, tmp_path, {"Wave": Reward(cost=50), "Bow": Reward(cost=10)})
    stage.sign_in()
    async with stage.on():
        await waiting.until(lambda: 'reward "Bow"' in stage.lacks(), "told")
        assert "50" in stage.lacks()['reward "Bow"']
        assert len(rough.rewards) == 50
        assert len(deeds(rough)) == 2, "it is not asked for again and again"


async def test_a_channel_without_points_is_told_and_heard(rough: TwitchServer, tmp_path: Path) -> None:
    rough.affiliate = False
    stage = Stage(rough, tmp_path, {"Wave": Reward(cost=50)})
    stage.sign_in()
    async with stage.on():
        await waiting.until(lambda: 'reward "Wave"' in stage.lacks(), "told")
        assert "affiliates" in stage.lacks()['reward "Wave"']
        rough.chat("ada", "and still heard")
        await stage.heard(1)
        assert rough.rewards == {}


async def test_where_it_signed_in_as_another_it_says_who_may(twitch: TwitchServer, tmp_path: Path) -> None:
    stage = Stage(twitch, tmp_path, {"Wave": Reward(cost=50)}, channel="pip")
    stage.sign_in("marotte")
    async with stage.on():
        assert "the channel's own account" in stage.lacks()["rewards"]
        assert deeds(twitch) == []


@pytest.mark.parametrize("fault", ["helix:503", "helix:429", "helix:garbage", "helix:drop"])
async def test_what_passes_is_tried_again(twitch: TwitchServer, tmp_path: Path, fault: str) -> None:
    stage = Stage(twitch, tmp_path, {"Wave": Reward(cost=50), "Bow": Reward(cost=10)})
    stage.sign_in()
    twitch.fault(fault, times=3, on=PATH)
    async with stage.on():
        await waiting.until(lambda: len(twitch.rewards) == 2, "made")
        await waiting.until(lambda: stage.lacks() == {}, "nothing lacks")


# --- redeemed while nobody was there


async def test_what_was_redeemed_before_the_run_is_asked_for_once(twitch: TwitchServer, tmp_path: Path) -> None:
    sing = twitch.reward("Sing")
    closed = twitch.redeem("ada", sing, "long closed")
    twitch.redemptions[closed].status = "FULFILLED"
    old = twitch.redeem("bob", sing, "of last week")
    twitch.redemptions[old].redeemed_at = "2020-01-01T00:00:00Z"
    left = [twitch.redeem("cy", sing, f"number {number}") for number in range(3)]
    twitch.redeem("dan", twitch.reward("By hand", client_id=""))
    stage = Stage(twitch, tmp_path)
    stage.sign_in()
    async with stage.on():
        await stage.heard(3)
        twitch.fault("close:4006")
        await stage.up(2)
        await waiting.until(lambda: stage.of(Gap), "the gap")
        new = twitch.redeem("eve", sing, "and now")
        await stage.settled()
        assert [one.source for one in stage.of(Redemption)] == [*left, new]
        assert stage.of(Redemption)[0].viewer
        assert stage.counted("recovered") == 3
        assert [gap.recovered for gap in stage.of(Gap)] == [0], "a start is no gap"


async def test_what_could_not_be_asked_for_is_with_the_next_connection(twitch: TwitchServer, tmp_path: Path) -> None:
    waits = twitch.redeem("ada", twitch.reward("Sing"))
    twitch.redemptions[waits].redeemed_at = stamp(ago=3_600)
    stage = Stage(twitch, tmp_path)
    stage.sign_in()
    twitch.fault("helix:403", times=2, on=PATH)
    async with stage.on():
        await waiting.until(lambda: len([one for one in twitch.requests if one.status == 403]) == 2, "refused")
        twitch.fault("close:4006")
        await stage.heard(1)
        assert [one.source for one in stage.of(Redemption)] == [waits]


async def test_a_reward_is_made_and_what_was_redeemed_without_it_answered_and_closed(
    rough: TwitchServer, tmp_path: Path
) -> None:
    settings = settings_for(rough)
    access = rough.grant(wanted(settings), "pip")
    token = Token(access=access, refresh=rough.refresh_of(access), scopes=wanted(settings))
    await Tokens(tmp_path / "data" / "tokens").keep("twitch", token)
    show = (
        "[attention]\nlull_after = 0\n[gateway]\nrequests = 100_000\n[brain]\ndiscover = false\n"
        f'[twitch]\nclient_id = "{CLIENT_ID}"\napi = "{rough.api}"\nlogin = "{rough.id}"\nevents = "{rough.eventsub}"\n'
        '[redemptions."Say it"]\ncost = 300\nasks = "What shall I say?"\nspeak = true\n'
        '[redemptions."Brown hair"]\ncost = 50\ncue = "hotkey:Brown"\n'
        '[redemptions."Hydrate"]\ncost = 10\nfulfil = "never"\n'
    )
    async with marotte(tmp_path, show) as program:
        await waiting.until(lambda: len(rough.rewards) == 3, f"made: {program.output()}", 2 * waiting.PATIENCE)
    say, hair, water = rough.rewards.values()
    assert (say.title, say.cost, say.prompt, say.user_input) == ("Say it", 300, "What shall I say?", True)
    assert (hair.title, hair.cost, hair.user_input) == ("Brown hair", 50, False)
    made = [rough.redeem("ada", say, "Bells are ringing."), rough.redeem("bob", hair), rough.redeem("cy", water)]

    def closed() -> list[str]:
        return [one.status for one in rough.redemptions.values()]

    async def all_answered() -> bool:
        return await answered(program) == sorted(f"twitch/redemption/{one}" for one in made)

    async with marotte(tmp_path, show) as program:
        ends = ["FULFILLED", "CANCELED", "UNFULFILLED"]
        await waiting.until(lambda: closed() == ends, "closed", 3 * waiting.PATIENCE)
        await waiting.until(all_answered, "all answered", 2 * waiting.PATIENCE)
    async with marotte(tmp_path, show) as program:
        made.append(rough.redeem("dan", say, "And again."))
        await waiting.until(lambda: closed() == [*ends, "FULFILLED"], "the new one", 3 * waiting.PATIENCE)
        assert "3 made by this program" in str(await program.get("/api/v1/connections"))
        await waiting.until(all_answered, "what is left to people is not answered again", 2 * waiting.PATIENCE)
    assert rough.complaints == []
