"""Sentences and their views: hostile text loses no word, doubles none, and ends."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.text import normal
from marotte.text.language import base
from marotte.text.sentences import Splitter, Thoughts, joined, seconds
from marotte.text.views import line, views
from tests.fuzz.hostile import MARKS, STRANGE, corpus, hostile_text, looks

CORPUS = {name: data.decode("utf-8", "surrogatepass") for name, data in corpus("text").items()}
TEXTS = st.sampled_from(tuple(CORPUS.values())) | hostile_text
LANGUAGES = st.sampled_from(("", "en", "es", "fr", "zh-CN", "ja", "xx", "-", "EN_us"))
SIZES = st.lists(st.integers(1, 50), max_size=60)
DROPPED = re.compile(r"[\s.!?…。！？｡．)\]}”’»）」』】》〉］]")
"""White space, and the marks of ends that a splitter may drop when they arrive late."""


def split(text: str, sizes: list[int], language: str, first_clause: bool) -> list[str]:
    splitter, pieces = Splitter(language, first_clause), list[str]()
    for size in sizes:
        pieces += splitter.feed(text[:size])
        text = text[size:]
    return pieces + splitter.feed(text) + splitter.end()


def nothing_is_lost_or_doubled(text: str, sizes: list[int], language: str, first_clause: bool) -> None:
    pieces = split(text, sizes, language, first_clause)
    assert all(piece.strip() == piece != "" for piece in pieces)
    assert all(len(piece) <= 700 for piece in pieces), "nothing grows without bound"
    said, whole = DROPPED.sub("", "".join(pieces)), DROPPED.sub("", text)
    if said != whole:
        # Only what has no word in it may be missing, and only as a whole piece.
        place = 0
        for char in whole:
            if place < len(said) and said[place] == char:
                place += 1
            else:
                assert not char.isalnum(), f"{char!r} is lost"
        assert place == len(said), "something is doubled"


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_keeps_its_words(name: str) -> None:
    for sizes in ([], [1] * 400, [7] * 60):
        nothing_is_lost_or_doubled(CORPUS[name], sizes, "en", first_clause=True)


@looks(400)
@given(TEXTS, SIZES, LANGUAGES, st.booleans())
def test_hostile_text_keeps_its_words(text: str, sizes: list[int], language: str, first_clause: bool) -> None:
    nothing_is_lost_or_doubled(text, sizes, language, first_clause)


def has_views(text: str, language: str) -> None:
    seen = views(text, language)
    for view in (seen.shown, seen.spoken):
        assert view == view.strip()
        assert not re.search("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\U000f0000-\U0010ffff]", view)
    assert not re.search(r"[\[\]<>*`_]", seen.spoken)
    assert [cue.offset for cue in seen.cues] == sorted(cue.offset for cue in seen.cues)
    assert all(0 <= cue.offset <= len(seen.spoken) for cue in seen.cues)
    made = line(text, language)
    assert made is None or msgspec.json.encode(made), "what came in as surrogates cannot be written"


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_has_views(name: str) -> None:
    has_views(CORPUS[name], "en")


@looks(400)
@given(TEXTS, LANGUAGES)
def test_hostile_text_has_views(text: str, language: str) -> None:
    has_views(text, language)


@looks(300)
@given(TEXTS, SIZES)
def test_thoughts_end_and_lose_nothing_that_is_none(text: str, sizes: list[int]) -> None:
    thoughts, said, rest = Thoughts(), "", text
    for size in sizes:
        said += thoughts.feed(rest[:size])
        rest = rest[size:]
    said += thoughts.feed(rest) + thoughts.end()
    if not re.search("<", text):
        assert said == text
    kept = iter(text)
    assert all(char in kept for char in said), "what is said stood there, in this order"
    once = Thoughts()
    assert once.feed(text) + once.end() == said, "however it was cut up"


@looks(300)
@given(TEXTS, TEXTS, LANGUAGES)
def test_hostile_text_is_folded_counted_and_compared(text: str, other: str, language: str) -> None:
    folded = normal.fold(text)
    assert normal.fold(folded) == folded
    assert all(normal.words(text))
    assert normal.searchable(text) == " ".join(normal.words(text))
    assert 0 <= normal.likeness(text, other) <= 1
    assert normal.likeness(text, other) == normal.likeness(other, text)
    assert 0 <= normal.tokens(text) <= 3 * len(text)
    assert 0 <= seconds(text, language) <= len(text)
    assert isinstance(base(language), str)
    assert joined(text, other).replace(" ", "") == (text + other).replace(" ", "")


@pytest.mark.parametrize("piece", [*STRANGE, *MARKS], ids=lambda piece: "-".join(f"{ord(c):x}" for c in piece))
def test_a_huge_run_ends(piece: str) -> None:
    """A regular expression that tries everything would take days here."""
    for text in (piece * 2_000, f"a{piece}" * 1_000, f"{piece} " * 1_000):
        nothing_is_lost_or_doubled(text, [], "en", first_clause=False)
        has_views(text[:600], "en")
        assert isinstance(normal.fold(text), str)


@pytest.mark.timeout(120)
def test_a_huge_run_of_marks_without_a_word_is_read_once() -> None:
    """Found: each mark was weighed against all that came before it, which took minutes here."""
    pieces = split(". " * 50_000 + "Hello. there.", [], "en", first_clause=False)
    assert len(pieces) == 2
    assert pieces[0].endswith(". Hello.")
    assert pieces[1] == "there."
