"""Which language a text is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.text.language import base, detect, may_be

OURS = ("en", "es", "fr", "zh", "ja")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hello there", "en"),
        ("what game is this?", "en"),
        ("hola", "es"),
        ("¿qué tal?", "es"),
        ("me gusta mucho el juego", "es"),
        ("bonjour tout le monde", "fr"),
        ("c'est la vie", "fr"),
        ("今日は何をしますか", "ja"),
        ("これはペンです OK", "ja"),
        ("ｶﾜｲｲ", "ja"),
        ("你好", "zh"),
        ("我喜欢这个游戏", "zh"),
        ("what is the meaning of 日本?", "en"),
        ("it's raining", "en"),
        ("he’s tall", "en"),
        ("me llamo Ana", "es"),
        ("hasta luego", "es"),
        ("bonne nuit", "fr"),
        ("j’adore", "fr"),
    ],
)
def test_our_five_languages(text: str, language: str) -> None:
    other = "fr" if language == "en" else "en"
    assert detect(text, OURS, other) == language


@pytest.mark.parametrize("text", ["", "ok", "lol", "gg wp", "123", "😀", "la la la", "привет", "Ω"])
def test_what_does_not_tell_is_the_default(text: str) -> None:
    assert detect(text, OURS, "fr") == "fr"


@pytest.mark.parametrize(
    ("text", "language"),
    [("你好", "zh"), ("谢谢", "zh"), ("謝謝你", "zh"), ("再见", "zh"), ("何歳", "ja"), ("駅前", "ja")],
)
def test_characters_that_only_one_of_two_writes_tell_which(text: str, language: str) -> None:
    other = {"zh": "ja", "ja": "zh"}[language]
    assert detect(text, OURS, other) == language


def test_a_text_may_be_in_several_languages() -> None:
    def languages(text: str) -> list[str]:
        return [language for language in ("en", "es", "fr") if may_be(text, language, OURS)]

    assert languages("retard") == ["en", "es", "fr"]
    assert languages("en retard") == ["es", "fr"]
    assert languages("大丈夫") == []
    assert may_be("大丈夫", "ja", OURS)
    assert may_be("大丈夫", "zh", OURS)
    assert languages("il est en retard") == ["fr"]


def test_only_what_is_offered_is_answered() -> None:
    assert detect("我喜欢", ("en", "ja"), "en") == "ja"
    assert detect("あのね", ("en", "zh"), "en") == "en"
    assert detect("大丈夫", OURS, "ja") == "ja"
    assert detect("привет, мир", ("en", "ru"), "en") == "ru"
    assert detect("안녕하세요", ("en", "ko"), "en") == "ko"
    assert detect("das ist nicht gut", ("en", "de"), "en") == "de"
    assert detect("hello to you", ("en-GB", "fr-FR"), "fr-FR") == "en-GB"


@pytest.mark.parametrize(("tag", "language"), [("en-US", "en"), ("zh_CN", "zh"), ("JA", "ja"), ("", "")])
def test_base(tag: str, language: str) -> None:
    assert base(tag) == language


@given(st.text(max_size=80), st.lists(st.sampled_from(OURS), max_size=5))
def test_any_text_gets_an_offered_language_or_the_default(text: str, among: list[str]) -> None:
    assert detect(text, among, "xx") in (*among, "xx")


@pytest.mark.parametrize("text", ["tell me a joke", "sing me a song", "a joke for me", "no", "me too", "ok"])
def test_everyday_english_is_not_taken_for_a_neighbour(text: str) -> None:
    assert detect(text, ["en", "es", "fr", "zh", "ja"], "en") == "en"
