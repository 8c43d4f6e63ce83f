"""The program's own sentences: whole in five languages, and in the language of who asks."""

from pathlib import Path
from random import Random

import pytest

import marotte
from marotte.events import Gift, Redemption, Send, Viewer
from marotte.mind.pastimes.appointments import due
from marotte.mind.phrases import phrase, phrases, thanks
from marotte.text.holes import holes
from tests.pastimes import MOD, chat, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

LANGUAGES = ["en", "es", "fr", "zh", "ja"]


@pytest.mark.parametrize(
    ("command", "language", "reply"),
    [
        ("!remindme 30m drink water", "", "I will remind you in 30 min, Ada."),
        ("!remindme 30m drink water", "fr", "Je te le rappellerai dans 30 min, Ada."),
        ("!remindme 30m 水を飲む", "", "Adaさん、30 min 後にお知らせします。"),
        ("!remindme 30m beber agua con la familia", "", "Te lo recordaré dentro de 30 min, Ada."),
        ("!remindme 30m 喝水", "en-GB", "I will remind you in 30 min, Ada."),
        ("!remindme 30m tee", "de", "I will remind you in 30 min, Ada."),
        ("!quote 1", "zh-Hans", "还没有语录：!quote add 加上说过的话就能留下一条。"),
    ],
)
async def test_an_answer_is_in_the_language_of_who_asks(command: str, language: str, reply: str) -> None:
    async with chat() as there:
        assert await there.reply(command, language=language) == reply


async def test_who_tells_no_language_is_answered_in_the_characters_own() -> None:
    async with chat('[character]\nlanguages = ["fr", "en"]') as there:
        assert await there.reply("!so @el_nino_123", MOD) == "Allez donc voir el_nino_123 !"
        assert await there.reply("!raffle", MOD, language="es") == "Le tirage est ouvert : écris !join pour participer."
        (told,) = there.told
        assert (told.language, told.text) == ("fr", "Un tirage est ouvert. Qui écrit !join dans le chat participe.")
    async with chat('[character]\nlanguages = ["de"]') as there:
        assert await there.reply("!draw", MOD) == "There is no raffle: !raffle begins one."


async def test_a_reminder_comes_in_the_language_in_which_it_was_asked_for() -> None:
    async with chat() as there:
        await there.reply("!remindme 5m 水を飲む")
        (row,) = there.rows.timers.values()
        told, (written,) = due(row, 5.0)
        assert (told.language, told.text) == ("ja", '"Ada"さんに頼まれたお知らせです："水を飲む"')
        assert isinstance(written, Send)
        assert written.text == "@Ada お知らせの時間です：水を飲む"


async def test_no_platforms_command_is_made_of_a_name_or_of_words_that_may_be_missing() -> None:
    show = '[commands.say]\nreply = "[{args}]"\ncooldown = 0\n[commands.link]\ncooldown = 0'
    async with chat(show) as there:
        assert await there.reply("!say /ban ada") == "ban ada"
        assert (await there.reply("!link", viewer("/ban ada"))).startswith("ban ada, write")


def test_every_phrase_is_there_in_all_languages_with_the_same_holes() -> None:
    for kind, languages in phrases().items():
        assert list(languages) == LANGUAGES, kind
        assert len({tuple(sorted(holes(each))) for choices in languages.values() for each in choices}) == 1, kind
        assert all(each == each.strip() and each for choices in languages.values() for each in choices), kind


def test_every_phrase_that_is_used_is_there_and_none_besides() -> None:
    sources = [file.read_text("utf-8") for file in Path(marotte.__file__).parent.rglob("*.py")]
    used = {kind for kind in phrases() if any(f'"{kind}"' in source for source in sources)}
    assert set(phrases()) - used == {"heard_silence", "heard_not_understood"}, "made of heard_ and what was heard"


@pytest.mark.parametrize("language", LANGUAGES)
def test_thanks_name_who_gave_and_what(language: str) -> None:
    hostile = Viewer(id="x", name="[joy] {what}")
    rng = Random(1)
    rose = thanks(Gift(viewer=viewer("Ada"), what="rose"), language, rng)
    assert "Ada" in rose
    assert "rose" in rose
    assert ("gift" in thanks(Gift(viewer=viewer("Ada")), language, rng)) is (language == "en")
    assert "joy what" in thanks(Gift(viewer=hostile), language, rng), "a name is no template and no direction"
    redeemed = thanks(Redemption(viewer=viewer("Ada"), reward="Hat"), language, rng)
    assert "Hat" in redeemed
    assert phrase("friend", language, rng) in thanks(Gift(), language, rng)
