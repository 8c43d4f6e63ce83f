"""Mouth shapes from sounds and from loudness."""

import math
from array import array

import pytest

from marotte.voice.mouth import Lips, follow, levels, shape

RATE = 22_050


def tone(seconds: float, loud: float = 0.3, frequency: float = 200.0) -> bytes:
    count = round(seconds * RATE)
    return array("h", (round(32_767 * loud * math.sin(6.2832 * frequency * i / RATE)) for i in range(count))).tobytes()


@pytest.mark.parametrize(
    ("shapes", "sounds"),
    [
        ("rest", ["", " ", "ˈ"]),
        ("closed", ["p", "b", "m", "pʰ", "m̩"]),
        ("teeth", ["f", "v"]),
        ("wide", ["a", "ˈɑ", "æ", "aɪ", "ˈaʊ", "ä", "ɑ̃"]),
        ("round", ["ˈoʊ", "ɔː", "uː", "w", "y", "ʃ"]),
        ("narrow", ["i", "ˈiː", "e", "ɪ", "s", "t", "l", "θ", "tʃ", "ts.h", "χ"]),
        ("open", ["ə", "ʌ", "ˈɛ", "h", "ɚ"]),
    ],
)
def test_the_shape_of_a_sound(shapes: str, sounds: list[str]) -> None:
    assert {sound: shape(sound) for sound in sounds} == dict.fromkeys(sounds, shapes)


def test_levels_follow_loudness_every_20_ms() -> None:
    found = levels(tone(0.1, 0.5) + tone(0.1, 0.05) + bytes(2 * RATE // 10), RATE)
    assert len(found) == 15
    assert found[2] > 0.95
    assert 0.4 < found[7] < 0.7
    assert found[12] == 0.0


def test_levels_of_nothing_and_of_half_a_sample() -> None:
    assert levels(b"", RATE) == ()
    assert levels(b"\1", RATE) == ()
    assert levels(b"\0\x80", RATE) == (1.0,)


def test_a_mouth_without_sounds_opens_with_the_voice_and_shuts_with_it() -> None:
    mouths = follow(bytes(RATE // 5) + tone(0.2, 0.4) + tone(0.2, 0.1) + tone(0.2, 0.3, 5_000) + bytes(RATE), RATE, 100)
    assert [mouth.shape for mouth in mouths] == ["rest", "wide", "open", "narrow", "rest"]
    assert mouths[0].start == 100
    assert abs(mouths[1].start - 100 - RATE // 10) < RATE // 20
    assert mouths[1].level > mouths[2].level > 0
    assert mouths[-1].level == 0.0
    assert [m.start for m in mouths] == sorted(m.start for m in mouths)


def test_lips_blend_shape_and_loudness_as_soon_as_a_sound_is_over() -> None:
    lips = Lips(RATE)
    loud, soft = tone(0.06, 0.5), tone(0.06, 0.03)
    size = len(loud) // 2
    assert lips.hear(loud, [(0, "m"), (200, "ˈɑ")]) != ()
    assert lips.hear(soft, [(size, "i")]) != ()
    last = lips.finish()
    assert [(m.start, m.shape) for m in last] == [(size, "narrow"), (2 * size, "rest")]
    assert 0.15 <= last[0].level < 0.6


def test_lips_give_each_sound_once_in_order() -> None:
    lips, found = Lips(RATE), []
    pieces = [[(10, "h"), (900, "ə")], [(1_500, "l")], [], [(4_100, "oʊ")], [(5_000, "")], [(6_000, "")]]
    for sounds in pieces:
        found += lips.hear(tone(0.06), sounds)
    found += lips.finish()
    assert [(m.start, m.shape) for m in found] == [
        (10, "open"), (900, "open"), (1_500, "narrow"), (4_100, "round"), (5_000, "rest"),
    ]  # fmt: skip
    assert found[1].level > 0.8
    assert found[-1].level == 0.0


def test_lips_without_sounds_only_shut() -> None:
    assert [(m.start, m.shape) for m in Lips(RATE).finish()] == [(0, "rest")]


def test_a_closed_mouth_stays_closed_however_loud() -> None:
    lips = Lips(RATE)
    [mouth] = lips.hear(tone(0.1, 0.9), [(0, "b"), (1_000, "a")])
    assert (mouth.shape, mouth.level) == ("closed", 0.0)
