"""How a voice is followed through a line's text."""

import pytest

from marotte.voice.mouth import shape
from marotte.voice.reading import Reading


def begun(spoken: str, said: list[str], before: str = "") -> list[str]:
    """Return the words that are found to begin, each as the rest of the line from there."""
    reading = Reading(spoken, before)
    offsets = [reading.goes_on(text) for text in said]
    return [spoken[offset:] for offset in offsets if offset is not None]


def test_letter_by_letter() -> None:
    assert begun("It's 5 o'clock, Ada!", list("It's 5 o'clock, Ada!")) == [
        "It's 5 o'clock, Ada!", "5 o'clock, Ada!", "o'clock, Ada!", "Ada!",
    ]  # fmt: skip


def test_word_by_word_with_signs_of_their_own() -> None:
    assert begun("Well, “yes” – maybe.", ["Well", ",", "yes", "maybe", "."]) == [
        "Well, “yes” – maybe.", "“yes” – maybe.", "maybe.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spoken", "said", "words"),
    [
        ("a  b\nc", list("a b c"), ["a  b\nc", "b\nc", "c"]),
        ("café ole", list("cafe ole"), ["café ole", "ole"]),
        ("one <two> three", list("one two three"), ["one <two> three", "<two> three", "three"]),
        ("はい、元気", list("はい、元気"), ["はい、元気", "い、元気", "元気", "気"]),
        ("元気 です", ["元気", "です"], ["元気 です", "です"]),
        ("same same same", ["same", "same", "same"], ["same same same", "same same", "same"]),
    ],
)
def test_what_is_said_otherwise_is_passed_over(spoken: str, said: list[str], words: list[str]) -> None:
    assert begun(spoken, said) == words


def test_what_stands_before_the_line_is_not_of_it() -> None:
    assert begun("whispers", list("[whispers] whispers"), "[whispers] ") == ["whispers"]
    assert begun("whispers", list("whispers"), "[whispers] ") == ["whispers"]


def test_what_is_not_in_the_line_at_all() -> None:
    assert begun("Hello there.", ["Bonjour", "", " ", "there"]) == ["there."]


def test_every_viseme_of_azure_has_its_shape() -> None:
    from marotte.voice.voices.azure_program import VISEMES

    shapes = [shape(VISEMES[number]) for number in range(22)]
    assert shapes == [
        "rest", "open", "wide", "round", "open", "open", "narrow", "round", "round", "wide", "round",
        "wide", "open", "round", "narrow", "narrow", "round", "narrow", "teeth", "narrow", "narrow", "closed",
    ]  # fmt: skip
