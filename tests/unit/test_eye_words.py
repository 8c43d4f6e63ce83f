"""What the embedded eye says: careful words in five languages, and never a word about who somebody is."""

import itertools
import re

import pytest
from msgspec import ValidationError

from marotte.senses.sight import opencv_program
from marotte.senses.sight.words import Seen, seen_in, tell

LANGUAGES = ("en", "es", "fr", "zh", "ja")
EVERY = [
    Seen(light=light, people=people, side=side, near=near, clothes=clothes, colours=colours)
    for light, people, side, near, clothes, colours in itertools.product(
        ("dark", "dim", "bright", "glaring"),
        (0, 1, 3, 9),
        ("left", "middle", "right"),
        ("close", "far", ""),
        ("", *opencv_program._COLOURS),
        ((), ("grey",), ("beige", "turquoise")),
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            "The light is dim, and somebody is there, close by, on the left, perhaps wearing red."
            " Most of it is grey and brown.",
        ),
        (
            "es-MX",
            "Hay poca luz y hay alguien, cerca, a la izquierda, quizá con ropa de color rojo."
            " Predomina el color gris y el marrón.",
        ),
        (
            "fr",
            "Il y a peu de lumière et il y a quelqu'un, tout près, à gauche, peut-être en rouge."
            " La couleur qui domine : gris et marron.",
        ),
        ("zh", "光线昏暗，有一个人，在左边，离得很近，也许穿着红色的衣服。画面以灰色和棕色为主。"),
        ("ja", "薄暗く、すぐ近くの左の方に誰かがいる。赤の服を着ているかもしれない。灰色と茶色が多い。"),
        ("de", "The light is dim, and somebody is there, close by, on the left, perhaps wearing red."
            " Most of it is grey and brown."),
    ],
)  # fmt: skip
def test_somebody_in_each_language_and_in_english_where_it_is_none_of_them(language: str, told: str) -> None:
    seen = Seen(light="dim", people=1, side="left", near="close", clothes="red", colours=("grey", "brown"))
    assert tell(seen, language) == told


def test_people_are_counted_while_they_can_be() -> None:
    assert tell(Seen(light="bright"), "en") == "It is well lit, and no face is to be seen."
    assert "perhaps 3 people" in tell(Seen(light="bright", people=3), "en")
    assert "one of them perhaps wearing blue" in tell(Seen(light="bright", people=3, clothes="blue"), "en")
    assert "a crowd" in tell(Seen(light="bright", people=6), "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_seen_is_told_in_a_sentence_or_three_without_gaps(language: str) -> None:
    english = re.compile(r"\b(black|white|grey|red|pink|brown|orange|yellow|green|turquoise|blue|purple)\b")
    for seen in EVERY:
        told = tell(seen, language)
        assert 1 <= len(re.findall("[.。]", told)) <= 3
        assert not re.search(r"[{}]| [.,]|\s\s|,,|，，|、、", told), told
        assert len(told) < 200
        if language in ("zh", "ja"):
            assert not re.search("[a-z]", told), told
        elif language == "es":
            assert not english.search(told), told


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_is_described(language: str) -> None:
    said = " ".join(tell(seen, language) for seen in EVERY).lower()
    never = (
        r"\b(man|woman|boy|girl|child|old|young|pretty|ugly|hombre|mujer|niñ[oa]|viej[oa]|joven|homme|femme|garçon"
        r"|fille|vieux|jeune|jolie?)\b|男|女|老|年轻|年寄|若|美"
    )
    assert not re.search(never, said)


def test_what_the_program_may_not_say_is_refused() -> None:
    assert seen_in({"light": "dim", "people": 0, "colours": ["grey"]}) == Seen(light="dim", colours=("grey",))
    for found in ({}, {"light": "pink"}, {"light": "dim", "people": "two"}):
        with pytest.raises(ValidationError):
            seen_in(found)
