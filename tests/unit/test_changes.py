"""What a change of the settings needs: every key is classified, and what needs a restart stays as it was."""

from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from marotte import config
from marotte.changes import NEEDS, Change, changes, need_of, without_restart


def keys(model: Any, prefix: str = "") -> list[str]:
    """Every key that a show may have, with * for a name that its writer chooses."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        found: list[str] = []
        for name, field in model.model_fields.items():
            found += keys(field.annotation, f"{prefix}.{name}" if prefix else name)
        return found
    if get_origin(model) is dict:
        return keys(get_args(model)[1], f"{prefix}.*")
    inner = next((a for a in get_args(model) if isinstance(a, type) and issubclass(a, BaseModel)), None)
    return keys(inner, prefix) if inner else [prefix]


@pytest.mark.parametrize("key", keys(config.Show))
def test_every_key_is_classified(key: str) -> None:
    assert need_of(key) in ("nothing", "reload", "restart")


def test_every_classified_key_exists() -> None:
    known = keys(config.Show)
    for entry in NEEDS:
        assert any(key == entry or key.startswith(f"{entry}.") for key in known), entry


def test_a_key_that_nobody_thought_of_is_an_error() -> None:
    with pytest.raises(LookupError, match="a change of weather needs"):
        need_of("weather")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("# only a comment", []),
        ('[character]\nmanner = "dry"', [Change("character.manner", "nothing")]),
        ('[character]\ndrawing = "skull"', [Change("character.drawing", "reload")]),
        ("[voice.espeak]\nspeed = 2", [Change("voice.espeak.speed", "nothing")]),
        ("[hearing]\nsilence = 0.4", [Change("hearing.silence", "reload")]),
        (
            "[gateway]\nport = 1\npartners = 3",
            [Change("gateway.partners", "nothing"), Change("gateway.port", "restart")],
        ),
        ("[lanes.chat]\npriority = 3", [Change("lanes.chat.priority", "nothing")]),
        ('[irc.x]\nhost = "h"', None),
    ],
)
def test_what_changes_need(text: str, found: list[Change] | None) -> None:
    different = changes(config.Show(), config.parse(text))
    if found is None:
        assert different
        assert {need for _, need in different} == {"restart"}
    else:
        assert different == found


def test_lanes_that_share_out_percepts_anew_wait_together() -> None:
    new = config.parse('[lanes.chat]\npriority = 3\n[lanes.mine]\npercepts = ["follow"]')
    assert {need for _, need in changes(config.Show(), new)} == {"restart"}
    assert without_restart(config.Show(), new).lanes == config.Show().lanes


def test_what_needs_a_restart_stays_and_the_rest_is_new() -> None:
    new = config.parse(
        'seed = 5\n[gateway]\nport = 1\npartners = 3\n[character]\nname = "Ada"\n[device]\nheadset = true'
    )
    now = without_restart(config.Show(), new)
    assert (now.seed, now.gateway.port, now.gateway.partners) == (0, 8765, 3)
    assert now.character.name == "Ada"
    assert now.device is None
    assert without_restart(new, config.Show()).device == new.device
