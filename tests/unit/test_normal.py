"""Texts made comparable, searchable and countable."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from marotte.text.normal import LINK, fold, likeness, searchable, tokens, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße", "strasse"),
        ("CAFÉ ñandú", "cafe nandu"),
        ("ｆｕｌｌ", "full"),
        ("duuuuuuck", "duuck"),
        ("d u c k off", "duck off"),
        ("d.u.c.k", "duck"),
        ("du\u200bck", "duck"),
        ("dυсk", "duck"),
        ("b0at5 f1sh!", "boats fish!"),
        ("f!sh", "fish"),
        ("привет", "привет"),
        ("ﾊﾟﾁﾝｺ", "パチンコ"),
        ("が", "が"),
        ("1 2 3 of 2024", "1 2 3 of 2024"),
        ("@ada hi!", "@ada hi!"),
        ("ᴘɪᴘ 🅿🅸🅟", "pip pip"),
        ("猫 が*好~き です", "猫が好き です"),
        ("猫 と 大 和 犬", "猫と大和犬"),
        ("今日 は 大和 犬", "今日 は 大和 犬"),
    ],
)
def test_disguises_are_undone(text: str, folded: str) -> None:
    assert fold(text) == folded


TEXTS = st.text(max_size=60) | st.lists(st.sampled_from([*"aAеο 1!@$|.-é\u0301\u200bßİǅ가がﾞ…ᴀ日"]), max_size=40).map(
    "".join
)


@settings(max_examples=500)
@given(TEXTS)
@example("3$a")
@example("a4@b4")
@example("a a a a")
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once


def test_search_terms() -> None:
    assert words("Don't stop, l'Été!") == ["don", "t", "stop", "l", "ete"]
    assert words("日本語だ") == ["日本", "本語", "語だ"]
    assert words("字 a漢字b") == ["字", "a", "漢字", "b"]
    assert searchable("私はAI") == "私は ai"


@given(st.text(max_size=60))
def test_terms_are_words(text: str) -> None:
    assert all(term and not term.isspace() and " " not in term for term in words(text))


def test_likeness() -> None:
    assert likeness("What game is this?", "what  game is this") == 1.0
    assert likeness("what game is this", "what game is that") > 0.7
    assert likeness("what game is this", "I like trains") < 0.3
    assert likeness("これは何のゲーム？", "これは何のゲームですか") > 0.7
    assert likeness("", "") == 1.0
    assert likeness("", "a") == 0.0


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_even_handed(a: str, b: str) -> None:
    assert likeness(a, b) == likeness(b, a)
    assert 0.0 <= likeness(a, b) <= 1.0
    assert likeness(a, a) == 1.0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("The quick brown fox jumps over the lazy dog.", 9, 12),
        ("我喜欢吃苹果，你呢？", 7, 11),
        ("今日はとてもいい天気ですね。", 9, 14),
        ("Je ne sais pas où elle habite.", 7, 11),
        ("1234567", 3, 3),
    ],
)
def test_tokens_are_estimated(text: str, least: int, most: int) -> None:
    assert least <= tokens(text) <= most


@pytest.mark.parametrize(
    "text", ["see https://a.b/c", "www.x.org", "example.com/x", "看example.com。", "Twitch.TV/ada"]
)
def test_links_are_found(text: str) -> None:
    assert LINK.search(text)


@pytest.mark.parametrize(
    "text", ["Ok.So what", "3.50", "e.g. this", "Node.js", "wait...what", "a@b.com", "Mr.Smith", "end.It"]
)
def test_what_only_looks_like_a_link(text: str) -> None:
    assert not LINK.search(text)
