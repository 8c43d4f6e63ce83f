"""The purse: who writes earns, commands are paid for, and what was not done costs nothing."""

import asyncio

import pytest

from marotte import config
from marotte.config import ShowError
from marotte.events import Send
from marotte.mind import commands
from marotte.mind.pastimes import purse
from tests.pastimes import BOB, MOD, PastimeRows, chat, viewer

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
