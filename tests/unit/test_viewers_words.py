"""What viewers write goes back into the chat only where no list stops it, whatever it is written by."""

import json

import pytest

from marotte import config
from marotte.events import ShoutOut, WheelSpun
from marotte.mind import moderation
from marotte.mind.moderation import Rules
from marotte.mind.pastimes.appointments import due
from marotte.store.rows import TimerRow
from tests.pastimes import MOD, Chat, PastimeRows, chat, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

LISTS = """
[character]
languages = ["en", "de"]
[moderation.words]
any = ["anyslur"]
en = ["enslur"]
es = ["esslur"]
fr = ["frslur"]
zh = ["zhslur"]
ja = ["jaslur"]
de = ["deslur"]
it = ["itslur"]
"""
SLURS = ["anyslur", "enslur", "esslur", "frslur", "zhslur", "jaslur", "deslur", "itslur"]
FREE = "cooldown = 0\nviewer_cooldown = 0\n"
SHOW = f"""{LISTS}
[commands.hug]
reply = "{{user}} hugs {{args}}!"
{FREE}
[commands.count]
{FREE}
[commands.quote]
{FREE}
[commands.remindme]
{FREE}
[commands.play]
action = "play"
{FREE}
"""


def due_of(there: Chat) -> tuple[str, str]:
    row: TimerRow = [*there.rows.timers.values()][-1]
    told, (written,) = due(row, row.due)
    return told.text, written.text  # type: ignore[union-attr]


@pytest.mark.parametrize("word", [*SLURS, "https://scam.example/now"])
async def test_no_list_is_gone_round(word: str) -> None:
    async with chat(SHOW) as there:
        assert await there.reply(f"!hug you {word}") == "Ada hugs …!"
        assert await there.reply("!hug you", viewer(word)) == "… hugs you!"
        assert await there.reply(f"!count {word}") == "Nothing is counted under …."
        await there.reply(f"!remindme 1s visit {word}")
        assert due_of(there) == ('"Ada" asked to be reminded: "…"', "@Ada You wanted to be reminded: …")
        there.commands.games.append(lambda who, move: f"{move} is no move")
        assert await there.reply(f"!play {word}") == "…"


@pytest.mark.parametrize("word", SLURS)
async def test_no_list_is_gone_round_by_who_looks_after_the_show(word: str) -> None:
    async with chat(SHOW) as there:
        assert await there.reply(f"!quote add so said {word}", MOD) == "I would rather not repeat that."
        assert "Not all of that" in await there.reply(f"!wheel {word}, b", MOD)
        assert not there.events.of(WheelSpun)
        assert await there.reply(f"!count {word} +2", MOD) == "…: 2"
        assert await there.reply("!count", MOD) == "There are counters for …."
        assert "raffle for … is open" in await there.reply(f"!raffle a {word}", MOD)
        assert await there.reply(f"!so {word}", MOD) == "I would rather not repeat that."
        assert not there.events.of(ShoutOut)


async def test_what_was_kept_under_other_lists_is_judged_again() -> None:
    rows = PastimeRows(
        kinds={
            "raffle": {"a frslur": 1},
            "raffle ticket": {json.dumps(["twitch:x", "frslur"]): 1},
        },
        kept_quotes={1: "so said frslur"},
    )
    async with chat(SHOW, rows) as there:
        assert await there.reply("!quote 1") == "I would rather not repeat that."
        assert "raffle for … is open" in await there.reply("!raffle", MOD)
        assert await there.reply("!draw", MOD) == "@… has won the raffle for …!"
        assert "frslur" not in there.told[-1].text


async def test_the_shows_own_words_are_its_own() -> None:
    show = f'{LISTS}[commands.wheel]\nitems = ["frslur", "b"]\n[commands.f]\naction = "count"\ncounter = "frslur"\n'
    async with chat(show) as there:
        assert await there.reply("!wheel", MOD) == "The wheel turns: frslur, b"
        assert await there.reply("!f") == "frslur: 0"


async def test_the_lists_that_come_with_the_program_hold_in_every_language() -> None:
    async with chat('[commands.hug]\nreply = "{user} hugs {args}!"\ncooldown = 0\nviewer_cooldown = 0') as there:
        for word in ("puta", "bougnoul", "fag"):
            for language in ("en", "es", "fr", "zh", "ja"):
                assert await there.reply(f"!hug you {word}", language=language) == "Ada hugs …!", (word, language)


async def test_words_of_ones_own_hold_from_the_next_use_on_in_whatever_language_their_list_is() -> None:
    async with chat('[commands.hug]\nreply = "{user} hugs {args}!"\n' + FREE) as there:
        assert await there.reply("!hug ptslur") == "Ada hugs ptslur!"
        there.moderator.rules = Rules(config.Moderation(), ("nevermore",), {"pt": ["ptslur"], "any": ["blorp"]})
        for word in ("ptslur", "blorp", "nevermore"):
            assert await there.reply(f"!hug {word}") == "Ada hugs …!"
        there.moderator.rules = Rules(config.Moderation(), own={"pt": ["ptslur"], "allow": ["ptslur"]})
        assert await there.reply("!hug ptslur") == "Ada hugs ptslur!"


async def test_words_are_folded_once_however_many_lists_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rules, folded = moderation.Moderator(config.parse(LISTS).moderation), list[str]()
    fold = moderation.fold
    monkeypatch.setattr(moderation, "fold", lambda text: folded.append(text) or fold(text))
    assert [bool(rules.unwritten(f"a {word}")) for word in (*SLURS, "flower")] == [True] * len(SLURS) + [False]
    assert folded == [f"a {word}" for word in (*SLURS, "flower")]
