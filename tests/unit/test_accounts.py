"""``!link``: two accounts become one person's where both say so, and nobody else can say it for them."""

import asyncio

import pytest

from marotte.events import Send
from marotte.mind.pastimes.accounts import LASTS
from tests.pastimes import ADA, BOB, Chat, chat, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

SHOW = "[commands.link]\ncooldown = 0\nviewer_cooldown = 0"
TUBE = viewer("AdaTube", platform="youtube")
EVE = viewer("Eve", platform="youtube")


async def given(there: Chat) -> str:
    code = (await there.reply("!link")).split("!link ")[1][:6]
    assert len(code) == 6
    return code


async def wrote(there: Chat, text: str, who=ADA, link: str = "twitch") -> list[str]:
    """Return all that is written by a command, wherever."""
    before = len(await there.replies())
    there.write(text, who, link)
    return (await there.replies())[before:]


async def test_two_accounts_are_joined_once_both_have_said_so() -> None:
    async with chat(SHOW) as there:
        code = await given(there)
        assert "no longer" in await there.reply("!link WRONG1", TUBE, "youtube")
        asked = await wrote(there, f"!link {code.lower()}", TUBE, "youtube")
        question = "@Ada AdaTube (youtube) wants to be known as you. Is it you? Within 10 min:  !link yes  or  !link no"
        assert asked == [question, "I have asked Ada, AdaTube. With that account, write !link yes"]
        assert [(e.link, e.channel) for e in there.events.of(Send) if e.text == question] == [("twitch", "#pip")]
        assert not there.joined, "one account's word is not enough"
        told = await wrote(there, "!link yes")
        assert told == [
            "@AdaTube I take you for Ada now, too. Not you? Write  !link undo",
            "So you are AdaTube as well. I will remember, Ada.",
        ]
        assert there.joined == [("twitch:ada", "youtube:adatube", "code")]
        assert "Nobody has asked" in await there.reply("!link yes")
        assert "no longer" in await there.reply(f"!link {code}", EVE, "youtube")
        await there.reply("!link undo", TUBE, "youtube")
        assert there.parted == ["youtube:adatube"]


async def test_a_bystander_who_takes_the_code_becomes_nobody() -> None:
    async with chat(SHOW) as there:
        code = await given(there)
        assert any("Eve (youtube)" in text for text in await wrote(there, f"!link {code}", EVE, "youtube"))
        for who, link in ((EVE, "youtube"), (BOB, "twitch"), (TUBE, "youtube")):
            assert "Nobody has asked" in await there.reply("!link yes", who, link), "not for others to say"
        taken = await wrote(there, f"!link {code}", TUBE, "youtube")
        assert taken == ["Somebody else has used that code already, AdaTube. !link gives a new one."]
        assert await there.reply("!link no") == "Then Eve stays somebody else, Ada. !link gives a new code."
        assert "Nobody has asked" in await there.reply("!link yes")
        assert not there.joined


async def test_an_account_of_the_same_platform_and_the_same_account_are_refused() -> None:
    async with chat(SHOW) as there:
        code = await given(there)
        assert "with your other account" in (await there.reply(f"!link {code}")).lower()
        assert await wrote(there, f"!link {code}", BOB) == [
            "On another platform, Bob: two accounts of the same one I cannot join."
        ]
        assert "Nobody has asked" in await there.reply("!link yes")
        assert "I have asked" in await there.reply(f"!link {code}", TUBE, "youtube"), "the code is as good as before"


async def test_codes_and_questions_end_and_are_bounded() -> None:
    async with chat(SHOW) as there:
        code, newer = await given(there), await given(there)
        assert "no longer" in await there.reply(f"!link {code}", TUBE, "youtube"), "only the newest of each is good"
        await asyncio.sleep(LASTS - 90)
        asked = await wrote(there, f"!link {newer}", TUBE, "youtube")
        assert "Within 2 min" in asked[0]
        await asyncio.sleep(91)
        assert "Nobody has asked" in await there.reply("!link yes")
        assert "no longer" in await there.reply(f"!link {newer}", TUBE, "youtube")
        assert not there.joined
        for n in range(700):
            there.write("!link", viewer(f"v{n}"))
        assert len(there.commands.links._codes) <= 500


async def test_a_new_code_ends_the_question_about_the_old_one() -> None:
    async with chat(SHOW) as there:
        await there.reply(f"!link {await given(there)}", EVE, "youtube")
        await given(there)
        assert "Nobody has asked" in await there.reply("!link yes")
        assert not there.joined


@pytest.mark.parametrize("language", ["es", "fr", "zh", "ja"])
async def test_both_are_asked_and_told_in_their_own_language(language: str) -> None:
    async with chat(SHOW) as there:
        code = (await there.reply("!link", language=language)).split("!link ")[1][:6]
        question, answer = await wrote(there, f"!link {code}", TUBE, "youtube")
        assert "AdaTube" in question
        assert "youtube" in question
        assert "Is it you" not in question
        assert answer.startswith("I have asked Ada")
        there.write("!link yes", language=language)
        assert "I take you for Ada" in (await there.replies())[-2]
        assert there.joined
