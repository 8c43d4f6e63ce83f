"""How what Whisper says of its segments and words is read."""

import pytest

from marotte.events import Word
from marotte.senses.hearing import whisper

LONG = 160_000


def pieces(*said: str) -> list[tuple[str, float, float]]:
    """Let each piece take a tenth of a second."""
    return [(piece, number / 10, (number + 1) / 10) for number, piece in enumerate(said)]


@pytest.mark.parametrize(
    ("said", "text", "words"),
    [
        ((" Hel", "lo", ",", " you", "."), "Hello, you.", [("Hello,", 0, 4_800, 0), ("you.", 4_800, 8_000, 7)]),
        ((" don", "'t", " go"), "don't go", [("don't", 0, 3_200, 0), ("go", 3_200, 4_800, 6)]),
        (("我", "是", "马", "洛特", "。"), "我是马洛特。", [
            ("我", 0, 1_600, 0), ("是", 1_600, 3_200, 1), ("马", 3_200, 4_800, 2), ("洛特。", 4_800, 8_000, 3),
        ]),
        (("こんにちは", "、", "マロット", "さん"), "こんにちは、マロットさん", [
            ("こんにちは、", 0, 3_200, 0), ("マロット", 3_200, 4_800, 6), ("さん", 4_800, 6_400, 10),
        ]),
        ((" [", "BLANK", "_AUDIO", "]", " Hi"), "Hi", [("Hi", 6_400, 8_000, 0)]),
        ((" (", "a", " big", " dog", ")", " Hello", " dog"), "Hello dog", [
            ("Hello", 8_000, 9_600, 0), ("dog", 9_600, 11_200, 6),
        ]),
        ((" Hello", " there"), "Hello, there!", [("Hello", 0, 1_600, 0), ("there", 1_600, 3_200, 7)]),
        ((" ", ""), "", []),
        ((), "said without times", []),
    ],
)  # fmt: skip
def test_pieces_are_put_together_and_placed(
    said: tuple[str, ...], text: str, words: list[tuple[str, int, int, int]]
) -> None:
    assert whisper.place(pieces(*said), text, LONG) == tuple(Word(*word) for word in words)


def test_no_word_is_placed_outside_the_speech() -> None:
    said = [(" a", -0.5, 0.1), (" b", 0.3, 0.2), (" c", 0.9, 29.0), (" d", 29.0, 30.0)]
    assert whisper.place(said, "a b c d", 16_000) == (
        Word("a", 0, 1_600, 0),
        Word("b", 4_800, 4_800, 2),
        Word("c", 14_400, 16_000, 4),
        Word("d", 16_000, 16_000, 6),
    )


def test_nobody_spoke_only_where_every_segment_says_so() -> None:
    assert whisper.no_speech([{"no_speech_prob": 0.9}, {"no_speech_prob": 0.2}, {}]) == 0.2
    for silent_on_it in ([], [{}], [{"no_speech_prob": None}], [{"no_speech_prob": "x"}], [{"no_speech_prob": 7}]):
        assert whisper.no_speech(silent_on_it) == -1.0


@pytest.mark.parametrize(
    ("segment", "doubted"),
    [
        ({}, False),
        ({"no_speech_prob": 0.5, "avg_logprob": -0.9, "compression_ratio": 2.3}, False),
        ({"no_speech_prob": 0.7}, True),
        ({"avg_logprob": -1.1}, True),
        ({"compression_ratio": 2.5}, True),
        ({"avg_logprob": "-3", "no_speech_prob": True}, False),
    ],
)
def test_whispers_own_limits_make_it_uncertain(segment: dict[str, object], doubted: bool) -> None:
    assert whisper.doubts([{}, segment]) is doubted


@pytest.mark.parametrize(
    ("named", "code"),
    [("English", "en"), ("fr", "fr"), (" haitian creole ", "ht"), ("cantonese", "yue"), ("klingon", ""), ("", "")],
)
def test_languages_are_known_by_name_and_by_code(named: str, code: str) -> None:
    assert whisper.code_of(named) == code


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("", ""),
        ("en", "en"),
        ("zh-TW", "zh"),
        ("pt-BR", "pt"),
        ("nb-NO", "no"),
        ("nn", "nn"),
        ("fil", "tl"),
        ("xx", "xx"),
    ],
)
def test_languages_are_told_to_whisper_by_its_own_codes(tag: str, code: str) -> None:
    assert whisper.code(tag) == code


def test_every_language_has_its_own_code() -> None:
    assert len(whisper.LANGUAGES) == len(whisper.CODES) == 100
