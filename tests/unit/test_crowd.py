"""A crowd that joins a raffle keeps neither its draw nor anything else out of a chat that takes few messages."""

import asyncio

import pytest

from marotte.events import Send
from marotte.links.link import WITHIN
from marotte.links.pace import Gate, Late, Window
from tests.pastimes import MOD, Chat, chat, viewer

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

CROWD = 60


async def late(there: Chat) -> list[str]:
    """Write all that was to be written as a bot may that does not moderate; return what came too late."""
    gate = Gate(there.clock, Window(20, 30.0), Window(1, 1.0))
    lost: list[str] = []

    async def one(text: str) -> None:
        try:
            await gate.enter(there.clock.now() + WITHIN[Send])
        except Late:
            lost.append(text)

    seen, tasks = 0, list[asyncio.Task[None]]()
    for _ in range(300):
        sent = there.events.of(Send)
        tasks += [asyncio.create_task(one(act.text)) for act in sent[seen:]]
        seen = len(sent)
        await asyncio.sleep(0.1)
    await asyncio.gather(*tasks)
    return lost


async def joining(there: Chat) -> None:
    for n in range(CROWD):
        there.write("!join", viewer(f"v{n}"))
        await asyncio.sleep(10 / CROWD)
    there.write("!draw", MOD)


async def test_a_popular_raffle_is_drawn_in_time_and_everybody_is_in_it() -> None:
    async with chat() as there:
        there.write("!raffle a mug", MOD)
        written = asyncio.create_task(late(there))
        await joining(there)
        assert await written == []
        texts = await there.replies()
        assert any("has won the raffle for a mug!" in text for text in texts)
        assert sum("You are in" in text for text in texts) == 5, "a small chat is told one by one, a crowd is not"
        assert len(there.rows.kinds["raffle ticket"]) == CROWD - 1
        assert there.commands.counted["not confirmed"] == CROWD - 5
        await asyncio.sleep(15)
        there.write("!join", viewer("Late"))
        assert "no raffle to join" in (await there.replies())[-1]


async def test_a_crowd_that_is_too_poor_is_not_told_one_by_one() -> None:
    show = '[purse]\nbegins = 0\nearns = 0\n[commands.hug]\nreply = "Hugged!"\ncost = 4\ncooldown = 0\n'
    async with chat(show) as there:
        for n in range(CROWD):
            there.write("!hug", viewer(f"v{n}"))
        there.write("!hug", viewer("other"), link="youtube")
        assert len(await there.replies()) == 5 + 1, "each link has room of its own"


async def test_what_could_not_be_written_down_is_told_whoever_joins() -> None:
    async with chat() as there:
        there.write("!raffle", MOD)
        for n in range(10):
            there.write("!join", viewer(f"v{n}"))
        await there.replies()
        there.rows.away = True
        assert "I could not write" in await there.reply("!join", viewer("v99"))
