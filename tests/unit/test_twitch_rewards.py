"""What a show says of a reward that the program itself makes on Twitch, and what Twitch is told of it."""

import pytest

from marotte import config
from marotte.config_pastimes import Reward
from marotte.links.twitch.helix import Denied
from marotte.links.twitch.rewards import _body, _by_title, _plainly, _told  # pyright: ignore[reportPrivateUsage]
from tests.servers.twitch import TwitchServer

SPOKEN = "cost = 5\nspeak = true"


@pytest.mark.parametrize(
    ("title", "keys", "key", "reason"),
    [
        ("x" * 46, "cost = 5", f"redemptions.{'x' * 46}", "45 characters, not 46"),
        ("Sing", "cost = -1", "redemptions.Sing.cost", "greater than or equal to 0"),
        ("Sing", "cost = 1_000_000_001", "redemptions.Sing.cost", "less than or equal to"),
        ("Sing", f'{SPOKEN}\nasks = "{"x" * 201}"', "redemptions.Sing.asks", "200"),
        ("Sing", "cooldown = 5", "redemptions.Sing", "cooldown: give it a cost as well"),
        ("Sing", 'asks = "Which?"', "redemptions.Sing", "asks: give it a cost as well"),
        ("Sing", "cost = 5\ncooldown = 604801", "redemptions.Sing.cooldown", "less than or equal to"),
        ("Sing", SPOKEN, "redemptions.Sing", "asks: speak needs words of the viewer"),
        ("Sing", 'cost = 5\nprompt = "Sing {args}."', "redemptions.Sing", "asks: prompt needs words of the viewer"),
        ("Sing", 'prompt = "Sing {count} songs."', "redemptions.Sing.prompt", "{count} is no hole here"),
    ],
)
def test_a_mistake_is_named_with_its_reason(title: str, keys: str, key: str, reason: str) -> None:
    with pytest.raises(config.ShowError) as error:
        config.parse(f'[redemptions."{title}"]\n{keys}\n')
    assert key in str(error.value)
    assert reason in str(error.value)


def test_words_that_may_be_left_out_need_not_be_asked_for() -> None:
    show = config.parse('[redemptions.Sing]\ncost = 5\nprompt = "Sing.[ They wish: {args}]"\n')
    assert show.redemptions["Sing"].asks == ""


def test_what_somebody_else_made_may_be_called_as_they_like() -> None:
    show = config.parse(f'[redemptions."{"x" * 46}"]\nspeak = true\n')
    assert next(iter(show.redemptions.values())).cost == 0


@pytest.mark.parametrize(
    "reward",
    [
        Reward(cost=5),
        Reward(cost=300, asks="Which song?", speak=True),
        Reward(cost=5, cooldown=60, per_stream=10, per_viewer=1),
    ],
)
def test_what_twitch_tells_of_a_reward_is_what_it_was_told(reward: Reward) -> None:
    twitch = TwitchServer()
    made = twitch.reward(
        "Sing", reward.cost, reward.asks, user_input=bool(reward.asks), cooldown=reward.cooldown,
        per_stream=reward.per_stream, per_viewer=reward.per_viewer,
    )  # fmt: skip
    told = twitch._full(made)  # pyright: ignore[reportPrivateUsage]
    body = _body("Sing", reward)
    assert {key: _told(told, key) for key in body} == body
    other = _body("Sing", Reward(cost=6, asks="?", per_stream=11))
    assert {key for key, value in other.items() if _told(told, key) != value} >= {"cost", "prompt", "max_per_stream"}


@pytest.mark.parametrize("setting", [None, [], 5, "no", {}])
def test_what_is_misshapen_differs_and_no_more(setting: object) -> None:
    told = {"id": "1", "title": "Sing", "global_cooldown_setting": setting}
    assert _told(told, "is_global_cooldown_enabled") is None
    assert _told(told, "global_cooldown_seconds") is None
    assert _by_title([None, {}, {"id": 1, "title": "x"}, {"id": "2"}, told]) == {"sing": told}


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (400, "CREATE_CUSTOM_REWARD_DUPLICATE_REWARD", "by hand or by another program"),
        (400, "UPDATE_CUSTOM_REWARD_DUPLICATE_REWARD", "by hand or by another program"),
        (400, "CREATE_CUSTOM_REWARD_TOO_MANY_REWARDS", "50"),
        (400, "CREATE_CUSTOM_REWARD_TITLE_AUTOMOD_FAILED", "does not let its name"),
        (400, "The title failed AutoMod checks", "does not let its name"),
        (403, "Channel Points are not available for the broadcaster", "affiliates"),
        (400, "something new", "Twitch refuses: something new (400)"),
    ],
)
def test_why_twitch_refuses_is_said_in_plain_words(status: int, said: str, told: str) -> None:
    assert told in _plainly(Denied(status, said))
