"""The purse: who writes earns, commands are paid for, and what was not done costs nothing."""

import asyncio
from random import Random

import pytest
from msgspec.structs import replace

from marotte import config
from marotte.config import ShowError
from marotte.events import Send, Viewer
from marotte.mind import commands
from marotte.mind.pastimes import purse
from tests.pastimes import ADA, BOB, MOD, Chat, PastimeRows, chat, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

SHOW = """
[purse]
name = "bells"
begins = 3
earns = 2
every = 30
[commands.bells]
action = "purse"
[commands.hug]
reply = "Hugged, {user}!"
cost = 4
cooldown = 20
"""
TUBE = viewer("AdaTube", platform="youtube")
JOINED = replace(TUBE, known_as=ADA.id)
"""The same account, once it is joined to Ada's."""


def held(there: Chat) -> dict[str, int]:
    return {row.strip('"'): count for row, count in there.rows.kinds["purse"].items()}


@pytest.mark.parametrize(
    ("show", "mistake"),
    [
        (
            '[commands.hi]\nreply = "x"\ncost = 5',
            "show.toml:3: show: commands.hi.cost: nobody has anything to pay with",
        ),
        ('[commands.hi]\naction = "purse"', "show.toml:2: show: commands.hi.action: nobody has anything to pay with"),
        ("[purse]\nevery = 0", "show.toml:2: purse.every"),
        ('[purse]\nname = ""', "show.toml:2: purse.name"),
    ],
)
async def test_mistakes_are_told_with_their_line(show: str, mistake: str) -> None:
    with pytest.raises(ShowError) as refused:
        config.parse(show)
    assert mistake in str(refused.value)


async def test_who_writes_earns_but_not_by_writing_more() -> None:
    async with chat(SHOW) as there:
        assert await there.reply("!bells") == "Ada, you have 5 bells."
        for _ in range(20):
            assert not there.write("hello")
        await asyncio.sleep(10)
        assert await there.reply("!bells") == "Ada, you have 5 bells."
        await asyncio.sleep(30)
        assert await there.reply("!bells", language="ja") == "Adaさんのbellsは7です。"
        await asyncio.sleep(2)
        assert await there.reply("!bells", BOB) == "Bob, you have 5 bells."
        assert there.rows.kinds["purse"] == {'"twitch:ada"': 7, '"twitch:bob"': 5}


async def test_a_command_is_paid_for_and_who_cannot_is_told() -> None:
    async with chat(SHOW) as there:
        assert await there.reply("!hug") == "Hugged, Ada!"
        assert there.rows.kinds["purse"]['"twitch:ada"'] == 1
        await asyncio.sleep(25)
        assert await there.reply("!hug") == "Ada, !hug costs 4 bells; you have 1."
        # That Ada could not pay keeps nobody else waiting.
        assert await there.reply("!hug", BOB) == "Hugged, Bob!"
        assert there.commands.counted["too poor"] == 1


async def test_the_list_of_commands_tells_what_they_cost() -> None:
    async with chat(SHOW) as there:
        told = await there.reply("!commands")
        assert "!hug (4)" in told
        assert "!bells !" in told + " !"


async def test_who_looks_after_the_show_does_not_pay() -> None:
    async with chat(SHOW) as there:
        for _ in range(3):
            assert await there.reply("!hug", MOD) == "Hugged, Mo!"
        assert there.rows.kinds["purse"]['"twitch:mo"'] == 5


async def test_what_was_not_done_costs_nothing() -> None:
    show = SHOW + '[commands.join]\naction = "join"\ncost = 1\n'
    async with chat(show) as there:
        assert "raffle" in await there.reply("!join")
        assert there.rows.kinds["purse"]['"twitch:ada"'] == 5
        await there.reply("!raffle a mug", MOD)
        await there.rest()
        await there.reply("!join")
        assert there.rows.kinds["purse"]['"twitch:ada"'] == 5 + 2 - 1


async def test_what_is_held_outlives_a_restart_and_the_show_without_a_purse_gives_none() -> None:
    rows = PastimeRows()
    async with chat(SHOW, rows) as there:
        await there.reply("!hug")
    async with chat(SHOW, rows) as there:
        assert await there.reply("!bells") == "Ada, you have 3 bells."
        there.commands.use(config.parse(""))
        there.write("hello", viewer("Eve"))
        assert '"twitch:eve"' not in rows.kinds["purse"]


async def test_what_cannot_be_written_down_is_not_done_and_not_paid_for() -> None:
    async with chat(SHOW + "[commands.count]\ncost = 1\n") as there:
        there.rows.away = True
        told = await there.reply("!hug")
        assert "Hugged" not in told
        assert told
        await there.reply("!count deaths +1")
        there.rows.away = False
        assert await there.reply("!bells") == "Ada, you have 5 bells."
        assert there.rows.kinds["purse"]['"twitch:ada"'] == 5


async def test_where_too_much_waits_nothing_is_done_and_nothing_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_MOST_JOBS", 1)
    async with chat(SHOW) as there:
        there.write("!commands")
        there.write("!hug")
        await there.replies()
        assert there.commands.counted["too many"] == 1
        assert await there.reply("!bells") == "Ada, you have 5 bells."


async def test_what_is_earned_while_a_payment_waits_for_the_disk_is_not_lost() -> None:
    async with chat(SHOW.replace("every = 30", "every = 1")) as there:
        there.write("!hug")
        there.commands.purses.reseed()
        there.write("and thank you")
        await there.replies()
        assert there.rows.kinds["purse"]['"twitch:ada"'] == 5 - 4 + 2


async def test_so_many_people_hold_something_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purse, "MOST", 2)
    async with chat(SHOW) as there:
        for name in ("Ada", "Bob", "Cy"):
            there.write("hello", viewer(name))
        assert there.rows.kinds["purse"] == {'"twitch:ada"': 5, '"twitch:bob"': 5}
        assert [e.text for e in there.events.of(Send)] == []
        assert await there.reply("!bells", viewer("Cy")) == "Cy, you have 0 bells."
        await there.rest()
        there.write("hello again")
        assert there.rows.kinds["purse"]['"twitch:ada"'] == 7


async def test_accounts_that_are_joined_have_one_purse() -> None:
    rows = PastimeRows()
    async with chat(SHOW, rows) as there:
        there.write("hello")
        there.write("hello", TUBE)
        await asyncio.sleep(5)
        assert await there.reply("!bells", JOINED) == "AdaTube, you have 10 bells."
        assert await there.reply("!hug", JOINED) == "Hugged, AdaTube!"
        assert held(there) == {"twitch:ada": 6, "youtube:adatube": 0}
    async with chat(SHOW, rows) as there:
        await asyncio.sleep(40)
        assert await there.reply("!bells") == "Ada, you have 8 bells."
        await there.rest()
        assert await there.reply("!bells", JOINED) == "AdaTube, you have 10 bells."
        assert sum(held(there).values()) == 10


async def test_accounts_that_are_parted_have_a_purse_each_and_no_more_than_before() -> None:
    rows = PastimeRows()
    async with chat(SHOW, rows) as there:
        there.write("hello")
        there.write("hello", TUBE)
        there.write("me again", JOINED)
        assert await there.reply("!bells") == "Ada, you have 10 bells."
    async with chat(SHOW, rows) as there:
        there.commands.purses.earn = lambda message: there.commands.purses._join(message.viewer or ADA)  # nobody earns
        assert await there.reply("!bells", TUBE) == "AdaTube, you have 5 bells."
        await there.rest()
        assert await there.reply("!bells") == "Ada, you have 5 bells."
        there.write("joined", JOINED)
        await there.rest()
        assert await there.reply("!hug") == "Hugged, Ada!"
        await there.rest()
        assert await there.reply("!hug") == "Hugged, Ada!"
        await there.rest()
        assert await there.reply("!bells", TUBE) == "AdaTube, you have 2 bells.", "what is left of them"
        await there.rest()
        assert await there.reply("!bells", TUBE) == "AdaTube, you have 2 bells.", "and but once"
        assert held(there) == {"twitch:ada": 0, "youtube:adatube": 2}


async def test_whatever_is_joined_and_parted_nothing_is_made_of_it() -> None:
    rng = Random(7)
    ids = ["x:a", "y:b", "z:c"]
    rows = PastimeRows(kinds={"purse": {f'"{who}"': 10 for who in ids}})
    async with chat(SHOW, rows) as there:
        purses = there.commands.purses
        for _ in range(500):
            who, under = rng.choice(ids), rng.choice(["", *ids])
            purses._join(Viewer(id=who, name=who, known_as="" if under == who else under))
            assert sum(held(there).values()) == 30
            assert min(held(there).values()) >= 0
        await purses.open()
        for who in ids:
            purses._join(Viewer(id=who, name=who))
        assert not purses._brought


async def test_who_was_forgotten_takes_along_what_was_joined_to_them() -> None:
    rows = PastimeRows()
    async with chat(SHOW, rows) as there:
        there.write("hello")
        there.write("hello", TUBE)
        there.write("me again", JOINED)
        for kind in rows.kinds.values():  # as the store forgets somebody
            for row in [row for row in kind if '"twitch:ada"' in row]:
                del kind[row]
        there.commands.forget()
        await there.rest()
        assert await there.reply("!bells", TUBE) == "AdaTube, you have 2 bells."
        assert held(there) == {"youtube:adatube": 2}
