"""What people call themselves is cleaned once, and judged before it is said or shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte import config
from marotte.mind.moderation import NOBODY, Moderator, Rules
from marotte.text.names import LONGEST_NAME, shown_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada \t L. ", "Ada L."),
        ("a\nb\x00c\x1b[31m", "a b c [31m"),
        ("\u202ednuora \u2066x\u2069", "dnuora x"),
        ("\u200b\u2060", ""),
        ("\u0301\u0302", ""),
        ("...", "..."),
        ("x" * 500, "x" * LONGEST_NAME),
        ("Nguyễn", "Nguyễn"),
        ("हिन्दी", "हिन्दी"),
        ("สวัสดี", "สวัสดี"),
        ("مرحبا", "مرحبا"),
        ("ᴾᶦᵖ", "ᴾᶦᵖ"),
        ("日本太郎", "日本太郎"),
        ("👨\u200d👩\u200d👧 fam", "👨\u200d👩\u200d👧 fam"),
        ("a\u200db", "ab"),
        ("\ud800x", "x"),
    ],
)
def test_a_name_is_one_short_line_of_what_can_be_seen(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_piles_of_marks_are_taken_off() -> None:
    piled = "".join(letter + "\u0335\u0301\u0489\u0316" * 20 for letter in "zalgo")
    shown = unicodedata.normalize("NFD", shown_name(piled))
    assert "".join(char for char in shown if char.isalpha()) == "zalgo"
    assert len(shown) <= 3 * len("zalgo")


@given(st.text(max_size=200))
def test_any_name_is_made_fit_and_stays_so(name: str) -> None:
    shown = shown_name(name)
    assert len(shown) <= LONGEST_NAME
    assert shown == shown.strip()
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert not any(c in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f" for c in shown)
    assert shown_name(shown) == shown


@pytest.fixture(scope="module")
def moderator() -> Moderator:
    return Moderator(config.Moderation(), never=("xyzzy",))


@pytest.mark.parametrize("name", ["Ada", "Scunthorpe", "Dick van Dyke", "therapist", "日本太郎", "xX_Pip_Xx", "1337"])
def test_a_harmless_name_stays(moderator: Moderator, name: str) -> None:
    assert moderator.named(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "xX_n1gger_Xx",
        "HeilHitler88",
        "heil_hitler",
        "ilovefaggots",
        "n\u200bi\u200bg\u200bg\u200ber",
        "死ね",
        "XYZZY",
        "free.stuff.com",
        "\u202e",
        "",
    ],
)
def test_a_name_that_may_not_be_said_is_a_viewers(moderator: Moderator, name: str) -> None:
    assert moderator.named(name) == "a viewer"
    assert moderator.named(name, "es-MX") == NOBODY["es"]
    assert moderator.named(name, "xx") == "a viewer"


def test_what_nobody_is_called_may_be_said_itself(moderator: Moderator) -> None:
    for language, name in NOBODY.items():
        assert moderator.named(name, language) == name
        assert moderator.judge(name, language) == ""


def test_other_rules_hold_for_a_name_that_was_judged_before() -> None:
    moderator = Moderator(config.Moderation())
    assert moderator.named("blorp") == "blorp"
    moderator.rules = Rules(config.Moderation(), own={"any": ["blorp"]})
    assert moderator.named("blorp") == "a viewer"
