"""The improviser thanks and answers whoever has no name."""

import re

import pytest
from msgspec.structs import replace

from marotte import events
from marotte.events import Follow, Gift, Raid, Redemption, Subscription, Viewer
from marotte.mind.brains.improviser_text import LANGUAGES, book
from tests.unit.test_improviser import PERCEPTS, improviser, is_prose, prompt, viewer, words

pytestmark = pytest.mark.anyio

NOBODY = (None, Viewer(id="twitch:0", name=""), Viewer(id="twitch:1", name="\u200b"))
GIVEN: list[events.AnyPercept] = [
    Gift(amount=5, unit="bits"),
    Gift(amount=5, unit="bits", message="Bravo, what a lovely evening"),
    Subscription(),
    Subscription(months=7, message="again"),
    Subscription(given=5),
    Redemption(reward="Hydrate", text="now"),
    Raid(),
    Raid(party=42),
    Follow(),
]


@pytest.mark.parametrize("who", NOBODY)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_percept_without_a_name_gets_prose(language: str, who: Viewer | None) -> None:
    for seed in range(4):
        brain = improviser(seed)
        for percept in [*PERCEPTS, *GIVEN]:
            said = await words(brain, prompt(replace(percept, viewer=who), language=language))
            assert is_prose(said), (percept, said)


@pytest.mark.parametrize("who", NOBODY)
@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_gives_without_a_name_is_thanked_and_called_nothing(language: str, who: Viewer | None) -> None:
    kinds = [lines for kind, lines in book(language).lines.items() if kind.endswith("_unnamed")]
    unnamed = [re.split(r"\{\w+\}", line) for lines in kinds for line in lines]
    for seed in range(6):
        for percept in GIVEN:
            said = await words(improviser(seed), prompt(replace(percept, viewer=who), language=language))
            assert any(all(part in said for part in line) for line in unnamed), said
            if isinstance(percept, Gift):
                assert "5 bits" in said


@pytest.mark.parametrize("language", LANGUAGES)
async def test_among_many_who_give_the_unnamed_one_is_thanked_too(language: str) -> None:
    named = [Gift(viewer=viewer(name), what="rose") for name in ("Ada", "Bo", "Cy")]
    said = await words(improviser(), prompt(*named, Gift(amount=5, unit="bits"), language=language))
    assert book(language).called["giver_unnamed"].replace("{gift}", "5 bits") in said
    said = await words(improviser(), prompt(Follow(viewer=viewer("Ada")), Follow(), language=language))
    assert "Ada" in said
    assert book(language).called["friend"] not in said


async def test_lines_without_a_name_are_not_said_to_whoever_has_one() -> None:
    brain = improviser()
    for _ in range(30):
        for percept in GIVEN:
            assert "Ada" in await words(brain, prompt(replace(percept, viewer=viewer("Ada"))))
