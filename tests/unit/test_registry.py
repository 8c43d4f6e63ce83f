"""Engines by name, where the name says which of the engine's plugins is meant."""

import pytest

from marotte import config
from marotte.engines import registry


def planned(text: str) -> tuple[str, str, config.Any]:
    name, engine, settings = registry.plan("voice", config.parse(text))[0]
    return name, engine.__name__, settings


def test_what_follows_the_colon_is_the_plugin() -> None:
    name, engine, settings = planned('[voice]\nchain = ["livekit:cartesia"]')
    assert (name, engine, settings.plugin) == ("livekit:cartesia", "LiveKitVoice", "cartesia")


def test_its_table_bears_the_whole_name() -> None:
    table = '[voice]\nchain = ["livekit:cartesia"]\n[voice."livekit:cartesia"]\noptions = {model = "sonic-3"}'
    *_, settings = planned(table)
    assert (settings.plugin, settings.options) == ("cartesia", {"model": "sonic-3"})


def test_another_name_may_mean_a_plugin() -> None:
    name, engine, settings = planned('[voice]\nchain = ["stage"]\n[voice.stage]\nengine = "livekit:elevenlabs"')
    assert (name, engine, settings.plugin) == ("stage", "LiveKitVoice", "elevenlabs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('chain = ["livekit"]', "plugin"),
        ('chain = ["espeak:x"]', r"plugin: there is no such key"),
        ('chain = ["livekti:x"]', r"no voice called 'livekti:x'; did you mean 'livekit'"),
        ('chain = ["livekit:No"]', "plugin"),
    ],
)
def test_mistakes(text: str, told: str) -> None:
    with pytest.raises(config.ShowError, match=told):
        registry.plan("voice", config.parse(f"[voice]\n{text}"))
