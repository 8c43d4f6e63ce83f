"""The voice by itself, and as a show finds it."""

import asyncio
from itertools import pairwise

import pytest
from marotte import config
from marotte.engines import registry
from marotte.engines.kinds import EngineUnsuited, Kit, Sound
from marotte.events import Line

from marotte_kazoo.kazoo import Kazoo, KazooSettings


def hum(text: str, **settings: float) -> list[Sound]:
    async def work() -> list[Sound]:
        voice = Kazoo(KazooSettings(**settings), Kit())
        return [sound async for sound in voice.speak(Line(shown=text, spoken=text))]

    return asyncio.run(work())


def test_each_word_sounds_where_it_says() -> None:
    sounds = hum("Good evening, Ada.")
    words = [word for sound in sounds for word in sound.words]
    assert [(word.text, word.offset) for word in words] == [("Good", 0), ("evening", 5), ("Ada", 14)]
    assert words[0].start == 0
    assert words[-1].end == sum(len(sound.pcm) // 2 for sound in sounds)
    assert all(before.end == after.start for before, after in pairwise(words))


def test_a_slower_kazoo_hums_longer() -> None:
    assert len(hum("bells", letter=0.2)[0].pcm) == 2 * len(hum("bells", letter=0.1)[0].pcm)


def test_what_it_cannot_hum_is_left_to_the_next_voice() -> None:
    with pytest.raises(EngineUnsuited, match="no word"):
        hum("…")


def test_a_show_finds_it_by_its_name_and_checks_its_settings() -> None:
    show = config.parse('[voice]\nchain = ["kazoo"]\n[voice.kazoo]\ntone = 440\n')
    first, understudy = registry.build("voice", show, Kit())
    assert (first.name, understudy.name) == ("kazoo", "espeak")
    wrong = config.parse('[voice]\nchain = ["kazoo"]\n[voice.kazoo]\npich = 440\n')
    with pytest.raises(config.ShowError, match="did you mean 'pitch'"):
        registry.build("voice", wrong, Kit())
