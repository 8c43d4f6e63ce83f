"""What was heard of a line whose sound is still being made: no less than its words tell, and hardly more."""

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest

from marotte.engines.child import Frame
from marotte.events import SAMPLE_RATE, Line, Word
from marotte.voice.placed import ahead
from marotte.voice.speech import Speech

TEXT = "Once there was a bell that was never in tune, and nobody in all the theatre could tell why."
KNOWN = ("Once", "there", "was", "a")


def speech(*ends: float, seconds: float) -> Speech:
    """A line of which the first words are known with their ends, and so much sound is made and placed."""
    made = Speech("t", Line(shown=TEXT, spoken=TEXT, language="en"))
    start = at = 0
    for word, end in zip(KNOWN, ends, strict=False):
        at = TEXT.index(word, at)
        made.words.append(Word(word, start, start := round(end * SAMPLE_RATE), at))
        at += len(word)
    made.pcm += bytes(2 * round(seconds * SAMPLE_RATE))
    made.place(0, made.length)
    return made


@pytest.mark.parametrize("pace", [0.1, 0.3, 1.0])
def test_a_voice_that_falls_behind_has_said_the_words_that_are_known_and_no_others(pace: float) -> None:
    """Its child stalls, and the sound ends in a word of which nobody knows yet where it ends."""
    ends = [pace * number for number in range(1, 5)]
    found = speech(*ends, seconds=ends[-1] + 0.05)
    assert found.heard(found.end) == ("Once there was a", False)
    assert found.heard(found.end - SAMPLE_RATE // 20) == ("Once there was a", False)


def test_timings_that_lag_behind_are_eked_out_from_the_last_of_them() -> None:
    found = speech(2.0, 4.0, seconds=5.0)
    heard, whole = found.heard(found.end)
    assert heard.startswith("Once there ")
    assert len("Once there") < len(heard) < len(TEXT) / 2
    assert TEXT.startswith(heard)
    assert not whole


def test_a_line_without_timings_is_measured_by_its_length() -> None:
    found = speech(seconds=2.0)
    heard, whole = found.heard(found.end)
    assert TEXT.startswith(heard)
    assert len(TEXT) / 5 < len(heard) < len(TEXT) * 2 / 3
    assert not whole
    assert speech(seconds=0.05).heard(2_400) == ("", False)


@pytest.mark.parametrize(
    "text",
    [
        "Le garçon élevé à l’étranger préfère déjà manger très léger.",
        "El niño pequeño soñó anoche con algún corazón español.",
        "今日は hello と言いました。それから goodbye と言いました。",
    ],
)
def test_a_word_is_heard_whole_or_not_at_all(text: str) -> None:
    found = Speech("t", Line(shown=text, spoken=text, language="fr"))
    found.pcm += bytes(2 * 4 * SAMPLE_RATE)
    found.made = True
    found.place(0, found.length)
    borders = {len(text[: match.start()].rstrip()) for match in re.finditer(r"[\w’]+", text)}
    for step in range(1, 100):
        heard, _ = found.heard(found.length * step // 100)
        rest = text[len(heard) :]
        assert text.startswith(heard)
        assert len(heard) in borders or not re.match(r"[a-zà-ÿ’]", rest, re.I)
    assert found.heard(found.length // 2)[0]


def test_of_a_clause_without_spaces_so_much_was_heard_as_lies_before() -> None:
    """A voice may place a whole Japanese clause as one word."""
    text = "今日は良い天気ですね、AIさん。"
    found = Speech("t", Line(shown=text, spoken=text, language="ja"))
    found.words = [
        Word("今日は良い天気ですね、", 0, 2 * SAMPLE_RATE, 0),
        Word("AIさん。", 2 * SAMPLE_RATE, 3 * SAMPLE_RATE, 11),
    ]
    found.pcm += bytes(2 * 3 * SAMPLE_RATE)
    found.made = True
    found.place(0, found.length)
    assert found.heard(SAMPLE_RATE) == ("今日は良い", False)
    assert found.heard(2 * SAMPLE_RATE) == ("今日は良い天気ですね、", False)
    assert found.heard(found.end - SAMPLE_RATE // 5) == ("今日は良い天気ですね、AIさん", False)


@pytest.mark.anyio
async def test_a_program_that_fails_in_an_unknown_way_keeps_nobody_waiting() -> None:
    async def broken() -> AsyncGenerator[Frame]:
        yield {}, b""
        raise ValueError("no JSON")

    with pytest.raises(ValueError, match="no JSON"):
        async with asyncio.timeout(5):
            async for _ in ahead(broken()):
                pass
