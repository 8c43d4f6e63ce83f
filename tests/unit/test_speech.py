"""What was heard of a line whose sound is still being made: no less than its words tell, and hardly more."""

import pytest

from marotte.events import SAMPLE_RATE, Line, Word
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
