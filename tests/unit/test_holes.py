"""Templates: what is a hole, what is left out with an empty one, and what is wrong with others."""

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.text.holes import begins_with_words, checked, filled, holes

VALUES = {"user": "Ada", "args": "", "text": '""'}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Hello {user}!", "Hello Ada!"),
        ("Hello[ {user}]!", "Hello Ada!"),
        ("Hello {user}[ of {args}]!", "Hello Ada!"),
        ("Hello[ {user} of {args}]!", "Hello!"),
        ("[joy] Hello [wave]{args}", "[joy] Hello [wave]"),
        ("[hotkey:Hat] {user}", "[hotkey:Hat] Ada"),
        ("[{random:joy|joy}] Hello", "[joy] Hello"),
        ("[{random:Hi|Hi} {args}]ok", "ok"),
        ("{random:[joy] a|[joy] a} b", "[joy] a b"),
        ("Says {text}[ aloud: {text}]", 'Says ""'),
        ("[ [joy] {user}]", "[ [joy] Ada]"),
        ("[{user}", "[Ada"),
        ("{user}]", "Ada]"),
        ("", ""),
    ],
)
def test_a_template_is_filled(template: str, said: str) -> None:
    assert checked(template, *VALUES) == template
    assert filled(template, VALUES, Random(1), empty=["text"]) == said


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{usr}", "{usr} is no hole here; did you mean 'user'?"),
        ("[ {randm}]", "{randm} is no hole here; did you mean 'random'?"),
        ("{xyz}", "{xyz} is no hole here; it has {user}, {args}, {text}"),
        ("{User}", "{User} is no hole here; did you mean 'user'?"),
        ("{user:x}", "{user} takes nothing after its name"),
        ("{random}", "{random:…} needs something to choose from: {random:heads|tails}"),
        ("{random: }", "{random:…} needs something to choose from: {random:heads|tails}"),
        ("{}", "{} names no hole"),
        ("{:a}", "{:a} names no hole"),
        ("{a{user}}", "a { belongs to no hole, which is a name in braces"),
        ("[a {user b]", "a { belongs to no hole, which is a name in braces"),
        ("[a } b]", "a } belongs to no hole, which is a name in braces"),
    ],
)
def test_what_is_wrong_with_a_template_is_told(template: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)) as refused:
        checked(template, *VALUES)
    assert str(refused.value) == reason


def test_chance_takes_each_choice_and_without_it_the_first_is_taken() -> None:
    template = "{random:heads | tails|}"
    assert {filled(template, {}, Random(seed)) for seed in range(40)} == {"heads", "tails", ""}
    assert filled(template, {}) == "heads"


def test_holes_are_named_in_their_order_wherever_they_stand() -> None:
    assert holes("{who} [joy] gives[ {amount} {unit}]{text} {random:a|b}") == ["who", "amount", "unit", "text"]


@pytest.mark.parametrize(
    ("template", "words"),
    [("{args}", False), (" {args}", False), ("[{args}]", False), ("{random:a|b}", False), ("[joy] {args}", True)],
)
def test_whether_it_begins_with_its_own_words(template: str, words: bool) -> None:
    assert begins_with_words(template) is words


@given(st.text(alphabet="ab[]{}:| ", max_size=30), st.text(max_size=20))
def test_any_text_is_filled_once_or_refused(template: str, value: str) -> None:
    try:
        checked(template, "a", "ab")
    except ValueError:
        return
    mark = f"\ue000{value.replace(chr(0xE000), '')}\ue001"
    said = filled(template, {"a": mark, "ab": mark}, Random(1))
    assert said.count(mark) >= said.count("\ue000"), "what goes in stands there whole"
    rest = said.replace(mark, "")
    assert "{" not in rest
    assert "}" not in rest
