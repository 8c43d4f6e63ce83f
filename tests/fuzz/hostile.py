"""What the fuzz tests share: how long they look, hostile text, mutation, and the corpus.

In the continuous integration the examples are the same each time. ``MAROTTE_FUZZ=long`` looks fifty times as far, and
elsewhere each time; what it finds goes into ``corpus/``, a file each, or becomes a test of its own.
"""

import os
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

LONG = os.environ.get("MAROTTE_FUZZ") == "long"
_CORPUS = Path(__file__).parent / "corpus"


def looks(examples: int) -> settings:
    """Settings for a test that looks at so many examples."""
    return settings(
        max_examples=examples * (50 if LONG else 1),
        derandomize=not LONG,
        database=None,
        deadline=None,
        print_blob=LONG,
        suppress_health_check=list(HealthCheck),
    )


def corpus(kind: str) -> dict[str, bytes]:
    """Return the files of ``corpus/kind`` by their names."""
    return {file.name: file.read_bytes() for file in sorted((_CORPUS / kind).iterdir())}


STRANGE = (
    "\0", "\x01", "\x07", "\x1b[2J", "\x7f", "\x85", "\xa0", "\xad", "\r", "\n", "\r\n", "\t", "\u2028", "\u2029",
    "\u200b", "\u200d", "\u200e", "\u202e", "\u2066", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\ufe0f", "\u0301",
    "\u20e3", "\u3000", "\u3099", "\ud800", "\udbff\udc00", "\udfff", "\ue000", "\U000e0001", "\U000e0067",
    "\U000f0000", "\U0010ffff", "👩‍👩‍👧", "👍🏽", "🇫🇷", "ﷺ", "İ", "ß", "ſ", "Ǆ", "ﬃ", "²", "٣", "Ⅷ", "۝", "क्षि",
    "ที่", "한", "ｶﾞ", "字", "😀", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A",
)  # fmt: skip
"""Characters that break what was not meant for them; lone surrogates among them."""

MARKS = (
    *".!?…。！？,;:、\"'*_~`()[]{}<>「」“”«»#@&%$€+-=/\\|^ 1a",
    "Dr.", "e.g.", "https://", "a.com", "a@b.c", "<think>", "</think>", "[joy]", "[pause 1s]", "**", "```", "\n- ",
)  # fmt: skip

hostile_text = (
    st.lists(st.sampled_from(STRANGE + MARKS), max_size=60).map("".join)
    | st.text(st.characters(exclude_categories=()), max_size=80)
    | st.tuples(st.sampled_from(STRANGE + MARKS), st.integers(1, 3_000)).map(lambda run: run[0] * run[1])
)
"""Any text, with lone surrogates and long runs."""

numbers = st.sampled_from(
    (0, -1, 1, 2**15, 2**31, 2**32 - 1, 2**53, -(2**63), 2**63, 2**64, 10**30, 0.5, -0.0, 1e-320, 1e308, True)
)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | st.sampled_from(("", "x", "public", "\ud800", "a" * 3_000, "日本", "\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("type", "x", "")), inner, max_size=3),
    max_leaves=5,
)
"""What may stand in JSON where something else was expected."""

_PIECES = (
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b'"', b"\\", b"{", b"[", b"[[[[", b":", b",", b"\n", b"-1", b"1e999",
    b"NaN", b"null", b"9" * 30, b"\\ud800", b" ", b"=", b"#", b"\x80\x00\x00\x00", b"\xff\xff\xff\xff",
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """One of the seeds with up to six wounds: bytes changed, cut out, doubled, put in, cut off, or another's end."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 12))
        match draw(st.integers(0, 5)):
            case 0:
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size] * draw(st.integers(1, 40))
            case 3:
                data[at:at] = draw(st.sampled_from(_PIECES))
            case 4:
                del data[at:]
            case _:
                other = draw(st.sampled_from(seeds))
                data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)
