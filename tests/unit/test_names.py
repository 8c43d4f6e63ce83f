"""The character's name is repaired where an ear has misheard it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.senses.hearing.names import repair

MISHEARD = ("marriott", "my rot", "ma-rot", "mar", "马洛特", "まろっと", "마로트", "มารอต")


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("hey Marriott, are you there?", "hey Marotte, are you there?"),
        ("MARRIOTT! marriott's joke. l'marriott", "Marotte! Marotte's joke. l'Marotte"),
        ("is my  rot or my-rot or ma rot here", "is Marotte or Marotte or Marotte here"),
        ("the marriotts of mars, amarriott, marriott2, my_rot", "the marriotts of mars, amarriott, marriott2, my_rot"),
        ("mar", "Marotte"),
        ("你好马洛特吗？", "你好Marotte吗？"),
        ("你好marriott吗", "你好Marotte吗"),
        ("まろっとさん、こんにちは", "Marotteさん、こんにちは"),
        ("마로트야 안녕", "Marotte야 안녕"),
        ("สวัสดีมารอตครับ", "สวัสดีMarotteครับ"),
        ("Marotte, marotte and MAROTTE stay", "Marotte, marotte and MAROTTE stay"),
        ("nothing  to\trepair…", "nothing  to\trepair…"),
        ("", ""),
    ],
)
def test_whole_words_are_repaired_and_the_rest_is_left(heard: str, said: str) -> None:
    assert repair(heard, "Marotte", MISHEARD) == said


def test_a_name_that_holds_what_it_is_misheard_as_stays_whole() -> None:
    assert repair("Mr. Bones? mr.  bones! Bones, trombones", "Mr. Bones", ("bones", "mister bones")) == (
        "Mr. Bones? mr.  bones! Mr. Bones, trombones"
    )


def test_the_longest_entry_wins_and_what_looks_like_a_pattern_is_none() -> None:
    assert repair("pip o", "Pippo", ("pip", "pip o")) == "Pippo"
    assert repair("p.p and pop (pip", "Pippo", ("p.p", "(pip", r"\1")) == "Pippo and pop Pippo"
    assert repair("pip", r"\g<0>", ("pip",)) == r"\g<0>"


@pytest.mark.parametrize(("name", "misheard"), [("Pip", ()), ("Pip", ("", "  ")), ("", ("pip",))])
def test_without_anything_to_go_by_nothing_changes(name: str, misheard: tuple[str, ...]) -> None:
    assert repair("peep, pip", name, misheard) == "peep, pip"


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=5))
def test_any_text_and_any_entries_are_taken(text: str, misheard: list[str]) -> None:
    repaired = repair(text, "Pip", misheard)
    assert repaired == text or "Pip" in repaired
