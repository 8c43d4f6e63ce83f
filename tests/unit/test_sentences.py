"""Splitting a stream into sentences, and keeping thoughts out of it."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marotte.text.sentences import LONGEST, Splitter, Thoughts, seconds

EVERY_CHARACTER = 1
ALL_AT_ONCE = 10_000


def split(text: str, size: int, language: str = "", first_clause: bool = False) -> list[str]:
    splitter = Splitter(language, first_clause)
    pieces = [piece for i in range(0, len(text), size) for piece in splitter.feed(text[i : i + size])]
    return pieces + splitter.end()


SENTENCES = [
    ("en", ["Dr. Smith paid $3.50 for it.", "He left at 5 p.m.", "Then he slept."]),
    ("en", ["No.", "I won't.", "See song No. 5 please.", "I have 3.", "Then 4."]),
    ("en", ["Hi!", "Nice to see you."]),
    ("en", ['He said "Stop."', "Then he left.", '"Hi!" she said.', "(It rained.)", "Good."]),
    ("en", ["“Hello.", "How are you?”", "Fine."]),
    ("en", ["J. R. Smith was here.", "So am I.", "Yes."]),
    ("en", ["Visit https://x.com/a?b=c.", "Done."]),
    ("en", ["I ran GPT-4.5 on v2.0.", "Now H2.", "Watch ep. 3."]),
    ("en", ["I was 3.5 m tall.", "It's 1,500 now.", "In 1999.", "Wow."]),
    ("en", ["U.S. troops left.", "Apples, pears, etc.", "And more, e.g. this one."]),
    ("en", ["rock 'n' roll.", "It's the dogs' bowl."]),
    ("en", ["**Wow!**", "That is *great!*", "Yes."]),
    ("en", ["[joy] Yes!", "[nod] Bye [wink]"]),
    ("en", ["Wait [pause 1.5s] for it.", "Now."]),
    (
        "es",
        [
            "¡Hola!",
            "¿Qué tal, Sr. García?",
            "Muy bien.",
            "¿Y tú?",
            "EE.UU. es grande.",
            "Vivo en EE. UU. desde 1999.",
            "Ud. sabe.",
        ],
    ),
    ("fr", ["Bonjour !", "Comment ça va ?", "« Bien ! » dit-il.", "M. Dupont est là.", "« Oui. »", "Il part."]),
    (
        "ja",
        [
            "はい、わかりました。",
            "今日は…",
            "いい天気ですね！",
            "「本当？」と聞いた。",
            "「うん。」",
            "値段は3.5です。",
        ],
    ),
    ("zh", ["你好！", "“很好。”", "他说。", "我有3.5元。", "真的？", "是的。"]),
]


@pytest.mark.parametrize("size", [EVERY_CHARACTER, 2, 3, 5, ALL_AT_ONCE])
@pytest.mark.parametrize(("language", "sentences"), SENTENCES)
def test_sentences_are_the_same_however_the_text_arrives(language: str, sentences: list[str], size: int) -> None:
    wide = language in ("ja", "zh")
    assert split(("" if wide else " ").join(sentences), size, language) == sentences


@pytest.mark.parametrize(
    "text", ["Hi!", "Nice to see you.", "はい。", "你好！", "Really?", "Wait…", "Visit example.com."]
)
def test_a_certain_end_is_not_waited_for(text: str) -> None:
    assert Splitter().feed(text) == [text]


@pytest.mark.parametrize("text", ["Dr.", "It is 3.", "J.", '"Hi!', "「はい。", "e.g.", "https://example.com/a?"])
def test_an_uncertain_end_waits(text: str) -> None:
    splitter = Splitter()
    assert splitter.feed(text) == []
    assert splitter.end() == [text]


def test_marks_in_hand_stay_with_their_sentence_and_late_ones_are_dropped() -> None:
    assert split("What?! Really... Hello! 😀 Bye 👋", ALL_AT_ONCE) == ["What?!", "Really...", "Hello! 😀", "Bye 👋"]
    assert split("What?! Really... Bye", EVERY_CHARACTER) == ["What?", "Really.", "Bye"]
    assert split("Hello! 😀 Bye", EVERY_CHARACTER) == ["Hello!", "😀 Bye"]


def test_lines_and_lists_are_pieces_of_their_own() -> None:
    assert split("My list:\n1. Eat\n2. Sleep\n\n- one\n- two", EVERY_CHARACTER) == [
        "My list:",
        "1. Eat",
        "2. Sleep",
        "- one",
        "- two",
    ]


@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "\n\n", "—", ". . ."])
def test_nothing_to_say_is_no_sentence(text: str) -> None:
    assert split(text, EVERY_CHARACTER) == []


def test_a_line_of_emoji_or_directions_is_kept() -> None:
    assert split("Bye! 😀", EVERY_CHARACTER) == ["Bye!", "😀"]
    assert split("Bye! [joy]", EVERY_CHARACTER) == ["Bye!", "[joy]"]


@pytest.mark.parametrize("size", [EVERY_CHARACTER, ALL_AT_ONCE])
def test_the_first_piece_may_end_at_a_comma(size: int) -> None:
    text = "Well, that is quite something, I must say, my friend."
    assert split(text, size, "en", first_clause=True) == ["Well, that is quite something,", "I must say, my friend."]
    assert split("はい、わかりました、今日は。", size, "ja", first_clause=True) == ["はい、わかりました、", "今日は。"]
    assert split("There were about 3,500 of them.", size, "en", first_clause=True) == [
        "There were about 3,500 of them."
    ]


@pytest.mark.parametrize("size", [EVERY_CHARACTER, 7, ALL_AT_ONCE])
@pytest.mark.parametrize("text", ["word " * 300, "字" * 300, "x" * 3000, "👋" * 3000, "a, " * 900, "「" + "あ" * 900])
def test_nothing_grows_without_bound(text: str, size: int) -> None:
    pieces = split(text, size)
    assert all(seconds(piece) <= LONGEST + 0.3 and len(piece) <= 600 for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    first = "This is the beginning of a very long thought that I had this morning while the kettle was on,"
    text = f"{first} and it goes on and on without an end for as long as anybody cares to listen to me and more still."
    assert split(text, EVERY_CHARACTER)[0] == first


@pytest.mark.parametrize(
    ("text", "language", "least", "most"),
    [
        ("Hello there, how are you doing today?", "en", 1.8, 3.0),
        ("今日はとてもいい天気ですね。", "ja", 1.5, 3.0),
        ("今天天气真的很好。", "zh", 1.5, 2.5),
        ("😀😀😀", "en", 0, 0),
        ("", "en", 0, 0),
    ],
)
def test_speech_is_estimated(text: str, language: str, least: float, most: float) -> None:
    assert least <= seconds(text, language) <= most


ALPHABET = st.sampled_from(
    [*"abI .!?…,;:\n\"'*()[]「」“”«»。！？、１3$é字あ한😀\u200d\u0301", "Dr.", "e.g.", "http://", "**"]
)
TEXTS = st.lists(ALPHABET, max_size=120).map("".join) | st.text(max_size=200)
MARKS = re.compile(r"[\s.!?…。！？｡．)\]}”’»）」』】》〉］]")


@settings(max_examples=300)
@given(TEXTS, st.lists(st.integers(1, 9), max_size=40), st.sampled_from(["", "en", "fr", "ja"]), st.booleans())
def test_nothing_is_lost_or_doubled(text: str, sizes: list[int], language: str, first_clause: bool) -> None:
    splitter, rest, pieces = Splitter(language, first_clause), text, list[str]()
    for size in sizes:
        pieces += splitter.feed(rest[:size])
        rest = rest[size:]
    pieces += splitter.feed(rest) + splitter.end()
    assert all(piece.strip() == piece != "" for piece in pieces)
    said, whole = MARKS.sub("", "".join(pieces)), MARKS.sub("", text)
    if pieces and whole != said:
        # Only a remainder without a word or a picture may be missing.
        assert whole.startswith(said)
        assert not re.search(r"\w", whole[len(said) :].replace("_", ""))
    assert len(whole) >= len(said)


@settings(max_examples=200)
@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=60), st.integers(1, 7))
def test_thoughts_are_never_said(before: str, thought: str, after: str, size: int) -> None:
    before, thought, after = (part.replace("<", "").replace(">", "") for part in (before, thought, after))
    text = f"{before}<think>{thought} 1 < 2</think>{after}"
    thoughts = Thoughts()
    said = "".join(thoughts.feed(text[i : i + size]) for i in range(0, len(text), size)) + thoughts.end()
    assert said == before + after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a<reasoning>b</reasoning>c", "ac"),
        ("a <b> <3 <thi", "a <b> <3 <thi"),
        ("a<THINKING>never ends", "a"),
        ("begun elsewhere</think>b", "begun elsewhereb"),
        ("<think>a<thinking>b</thinking></think>c", "c"),
    ],
)
def test_thoughts(text: str, said: str) -> None:
    for size in (1, 4, 100):
        thoughts = Thoughts()
        assert "".join(thoughts.feed(text[i : i + size]) for i in range(0, len(text), size)) + thoughts.end() == said
