"""Settings: any text is a show or is refused with a ShowError that names file, line and reason."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.config import Show, ShowError, load, parse
from marotte.toml_lines import key_lines, secret_lines
from tests.fuzz.hostile import corpus, hostile_text, looks, mutated

SHOWS = Path(__file__).parents[2] / "shows"
CORPUS = corpus("show")
SEEDS = (*(file.read_bytes() for file in sorted(SHOWS.glob("*.toml"))), *CORPUS.values())
KEYS = st.sampled_from(
    ("name", "seed", "character", "brain", "voice", "hearing", "attention", "lanes", "memory", "moderation", "irc",
     "device", "gateway", "store", "chat", "gifts", "percepts", "merge", "chain", "words", "port", "host", "called",
     "examples", "languages", "lull_after", "capacity", '""', '"a.b"', "'é'", "1", '"\\u0000"')
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(
        ("1", "-1", "0", "1e400", "inf", "nan", "-0.0", "9" * 400, "0x" + "f" * 40, "true", "''", '"\\ud800"', '"x"',
         '"gift"', '"all"', "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", '"""a\nb"""', "'" + "a" * 3_000 + "'", "")
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
    | st.tuples(KEYS, inner).map(lambda pair: f"{{{pair[0]} = {pair[1]}}}"),
    max_leaves=6,
)  # fmt: skip
STATEMENTS = (
    st.tuples(st.lists(KEYS, min_size=1, max_size=3).map(".".join), VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}")
    | st.lists(KEYS, min_size=1, max_size=3).map(lambda keys: f"[{'.'.join(keys)}]")
    | st.lists(KEYS, min_size=1, max_size=2).map(lambda keys: f"[[{'.'.join(keys)}]]")
)


LOCATED = re.compile(r"a\.toml:\d+: .|a\.toml: .*(line \d+|at end of document|larger than|nested|digits|surrogates)")
"""Where a mistake stands; tomllib and Python do not tell it of everything."""


def is_a_show_or_refused(text: str) -> None:
    assert all(number >= 1 for number in key_lines(text).values())
    assert all(1 <= number <= len(text.splitlines()) for number in secret_lines(text))
    refused = None
    try:
        assert isinstance(parse(text, "a.toml"), Show)
    except ShowError as error:
        refused = error
    if refused is not None:
        assert refused.mistakes
        for line, _, reason in refused.mistakes:
            assert 0 <= line <= len(text.splitlines()) + 1
            assert reason
        for told in re.split(r"\n(?=a\.toml:)", str(refused)):
            assert LOCATED.match(told)


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_a_show_or_refused(name: str) -> None:
    is_a_show_or_refused(CORPUS[name].decode())


@looks(300)
@given(mutated(SEEDS))
def test_a_wounded_show_is_a_show_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    is_a_show_or_refused(data.decode("utf-8", "replace"))
    file = tmp_path_factory.getbasetemp() / "wounded.toml"
    file.write_bytes(data)
    with suppress(ShowError):
        assert isinstance(load(file), Show)


@looks(400)
@given(st.lists(STATEMENTS, max_size=8).map("\n".join) | hostile_text)
def test_random_toml_is_a_show_or_refused(text: str) -> None:
    is_a_show_or_refused(text)


@pytest.mark.parametrize("text", ["a = " + "[" * 5_000, "a = " + "{a = " * 5_000, "[memory]\nrecall = " + "[" * 2_000])
def test_values_nested_without_end_are_refused(text: str) -> None:
    """Found: a RecursionError left ``parse``."""
    with pytest.raises(ShowError, match=r"a\.toml"):
        parse(text, "a.toml")


@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "1" * 4_301])
def test_a_number_of_thousands_of_digits_is_refused(number: str) -> None:
    """Found: Python's own limit, a plain ValueError, left ``parse``."""
    with pytest.raises(ShowError, match=r"a\.toml"):
        parse(f"name = 'x'\nseed = {number}", "a.toml")


def test_a_lone_surrogate_is_refused() -> None:
    """Found: a text that a browser sent with one was a valid show, which no file could keep."""
    with pytest.raises(ShowError, match=r"a\.toml"):
        parse("name = '\ud800'", "a.toml")
