"""What of a sentence is shown, spoken, and played by the body."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marotte.text.views import FEELINGS, GESTURES, views


def cues(sentence: str, language: str = "en") -> list[tuple[str, str, int]]:
    return [(cue.kind, cue.name, cue.offset) for cue in views(sentence, language).cues]


def test_directions_become_cues_at_their_place_in_the_spoken_text() -> None:
    seen = views("[joy] Hello **world**! [nod] Welcome.")
    assert (seen.shown, seen.spoken, seen.feeling) == ("Hello world! Welcome.", "Hello world! Welcome.", "joy")
    assert cues("[joy] Hello **world**! [nod] Welcome.") == [("expression", "joy", 0), ("animation", "nod", 13)]
    assert seen.spoken[13:] == "Welcome."


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Wait [pause 700ms] for it", [("pause", "700ms", 5)]),
        ("Wait [pause 1.5s] for it", [("pause", "1500ms", 5)]),
        ("Wait [pause] for it", [("pause", "500ms", 5)]),
        ("[pause 999999s] ok", [("pause", "10000ms", 0)]),
        ("[sound drum roll] Ta-da [hotkey: Wave]", [("sound", "drum roll", 0), ("hotkey", "Wave", 5)]),
        ("[hotkey:Wave] Hi", [("hotkey", "Wave", 0)]),
        ("Ta-da [sound:drum roll]", [("sound", "drum roll", 5)]),
        ("Hooray [overlay:confetti] all", [("overlay", "confetti", 7)]),
        ("*laughs* Oh.", [("expression", "laugh", 0)]),
        ("Oh (whispers) no.", [("animation", "whisper", 3)]),
        ("*nods slowly* Yes.", [("animation", "nod", 0)]),
        ("Yes. *smile*", [("expression", "joy", 4)]),
        ("*she smiles* Yes.", [("expression", "joy", 0)]),
        ("*se ríe* Hola. *guiña un ojo*", [("expression", "laugh", 0), ("expression", "wink", 5)]),
        ("*笑う* はい。", [("expression", "laugh", 0)]),
        ("Paris (I think).", []),
        ("すごい（笑）", [("expression", "laugh", 3)]),
        ("Hello 😀 [wink] you", [("expression", "wink", 6)]),
        ("😀 [sad]", [("expression", "sad", 0)]),
    ],
)
def test_each_kind_of_direction(sentence: str, expected: list[tuple[str, str, int]]) -> None:
    assert cues(sentence) == expected


@pytest.mark.parametrize("name", [*FEELINGS, *GESTURES])
def test_every_public_name_is_understood(name: str) -> None:
    kind = "expression" if name in FEELINGS else "animation"
    assert cues(f"[{name}] Well.") == [(kind, name, 0)]


@pytest.mark.parametrize(
    "sentence",
    ["I *think* so, really.", "You must *smile* more.", "He came (as usual) late.", "That is *great*, my friend."],
)
def test_stress_and_remarks_are_no_directions(sentence: str) -> None:
    seen = views(sentence)
    assert seen.cues == ()
    assert seen.shown == seen.spoken == sentence.replace("*", "")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("## Title", "Title"),
        ("- item *one*", "item one"),
        ("> said `he`", "said he"),
        ("1. Eat", "1. Eat"),
        ("__bold__ _it_ ~~gone~~ ***both***", "bold it gone both"),
        ("See [my page](https://a.com/b) now", "See my page now"),
        ("snake_case 3 * 4", "snake_case 3 * 4"),
        ("<break time='1s'/>Ok", "Ok"),
        ("[smug_face] Well [1].", "Well."),
        ("[sings] La [hums a long and winding tune that nobody has ever heard before] la.", "La la."),
        ("[tool:ban ada] No. [script: alert(1)]", "No."),
        ("**Wow!", "Wow!"),
        ("« Oui » ! 😀", "« Oui » ! 😀"),
    ],
)
def test_markup_is_not_shown(sentence: str, shown: str) -> None:
    assert views(sentence).shown == shown


@pytest.mark.parametrize(
    ("sentence", "language", "spoken"),
    [
        ("Go to https://www.example.com/path?q=1.", "en", "Go to example dot com."),
        ("Ve a example.com", "es", "Ve a example punto com"),
        ("Voir exemple.fr !", "fr", "Voir exemple point fr !"),
        ("看example.com。", "zh", "看example点com。"),
        ("example.jpへ", "ja", "exampleドットjpへ"),
        ("bob@example.com", "en", "bob at example dot com"),
        ("It costs $3.50 & 5€, 50% off, #1!", "en", "It costs 3 dollars 50 and 5 euros, 50 percent off, number 1!"),
        ("$1, $3 million, $5k", "en", "1 dollar, 3 million dollars, 5 thousand dollars"),
        ("Cuesta $3 millones y 1€", "es", "Cuesta 3 millones de dólares y 1 euro"),
        ("ça coûte 3,50 €", "fr", "ça coûte 3 euros 50"),
        ("2*3*4 is 24, and 2 * 3 is *six*", "en", "2 times 3 times 4 is 24, and 2 times 3 is six"),
        ("$2.5M, $3bn or $4k", "en", "2.5 million dollars, 3 billion dollars or 4 thousand dollars"),
        ("Cuesta $5M o $3B", "es", "Cuesta 5 millones de dólares o 3 mil millones de dólares"),
        ("C# and F#, #1 #fun", "en", "C sharp and F sharp, number 1 fun"),
        ("20 € 50 fois, 1 000 €", "fr", "20 euros 50 fois, 1 000 euros"),
        ("$5 $10 and ¥100¥200", "en", "5 dollars 10 dollars and 100 yen200 yen"),
        ("Who knows ¯\\_(ツ)_/¯", "en", "Who knows"),
        ("3.50€です", "ja", "3.50ユーロです"),
        ("只要$3", "zh", "只要3美元"),
        ("3 * 4 = 12", "en", "3 times 4 equals 12"),
        ("I love you <3 :) xD", "en", "I love you"),
        ("Nooooooooo", "en", "Nooo"),
        ("すごいwww", "ja", "すごい"),
        ("(^_^) やあ", "ja", "やあ"),
        ("Hi @ada #fun", "en", "Hi ada fun"),
        ("snake_case", "en", "snake case"),
        ("👋🏽👨‍👩‍👧🇫🇷", "en", ""),
        ("?!", "en", ""),
    ],
)
def test_the_ear_gets_words(sentence: str, language: str, spoken: str) -> None:
    assert views(sentence, language).spoken == spoken


def test_emoji_are_shown_and_not_spoken() -> None:
    seen = views("Hello 😀!")
    assert (seen.shown, seen.spoken) == ("Hello 😀!", "Hello!")


def test_cues_are_bounded() -> None:
    assert len(views("[nod]" * 500).cues) == 32


PARTS = st.sampled_from(
    [
        *"[]*_()a3$€%#😀笑（）`<\n .!&@",
        "[joy]",
        "[pause 1s]",
        "**",
        "laughs",
        "https://",
        "a.com",
        "<b>",
        "\U000f0000",
        "\u200d",
    ]
)


@settings(max_examples=400)
@given(
    st.lists(PARTS, max_size=30).map("".join) | st.text(max_size=120),
    st.sampled_from(["en", "fr", "zh-CN", "ja", "xx", ""]),
)
def test_any_text_has_views(sentence: str, language: str) -> None:
    seen = views(sentence, language)
    assert not re.search(r"[\[\]<>*`_\U000f0000-\U000ffffd]|😀", seen.spoken)
    assert not re.search("[\U000f0000-\U000ffffd]", seen.shown)
    assert all(0 <= cue.offset <= len(seen.spoken) for cue in seen.cues)
    assert [cue.offset for cue in seen.cues] == sorted(cue.offset for cue in seen.cues)
    assert seen.spoken == seen.spoken.strip()
