"""What the link writes into the chat: whole messages in their order, and nothing that is stale."""

import asyncio
from typing import cast

import pytest

from marotte.events import Send, Verdict, Viewer
from marotte.links.link import Passing
from marotte.links.pace import Late
from marotte.links.youtube.acts import Acts
from marotte.links.youtube.api import Api
from marotte.links.youtube.sending import Ours
from marotte.time import Clock

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]


class Slow:
    """Takes five seconds for the first message, and one for each after it."""

    def __init__(self) -> None:
        self.asked = 0
        self.said: list[str] = []

    async def insert(self, chat: str, text: str) -> str:
        self.asked += 1
        await asyncio.sleep(5.0 if self.asked == 1 else 1.0)
        self.said.append(text)
        return f"m{self.asked}"


def acting(clock: Clock) -> tuple[Acts, Slow]:
    acts, slow = Acts(Ours(clock), lambda: "chat", clock), Slow()
    acts.api = cast("Api", slow)
    return acts, slow


def send(text: str) -> Send:
    return Send(link="youtube", text=text)


async def test_messages_keep_their_order_and_their_pieces_together() -> None:
    clock = Clock()
    acts, slow = acting(clock)
    until = clock.now() + 20.0
    await asyncio.gather(*(acts.send(send(f"{name} juggles. " * 20), until) for name in "ABC"))
    assert [said[0] for said in slow.said] == ["A", "A", "B", "B", "C", "C"]


async def test_a_message_that_would_come_too_late_is_not_written_and_the_next_is() -> None:
    clock = Clock()
    acts, slow = acting(clock)
    first = asyncio.create_task(acts.send(send("one"), clock.now() + 20.0))
    await asyncio.sleep(1.0)
    with pytest.raises(Late, match="stale"):
        await acts.send(send("two"), clock.now() + 2.0)
    await acts.send(send("three"), clock.now() + 20.0)
    await first
    assert slow.said == ["one", "three"]


async def test_only_so_many_wait_and_who_gave_up_waits_no_longer() -> None:
    clock = Clock()
    acts, slow = acting(clock)
    until = clock.now() + 4.0
    tasks = [asyncio.create_task(acts.send(send(f"{number}"), until)) for number in range(101)]
    await asyncio.sleep(1.0)
    with pytest.raises(Late, match="wait already"):
        await acts.send(send("one too many"), until)
    await asyncio.gather(*tasks, return_exceptions=True)
    await acts.send(send("later"), clock.now() + 20.0)
    assert slow.said == ["0", "later"]


async def test_while_nobody_is_signed_in_it_waits_whether_a_chat_is_open_or_not() -> None:
    clock = Clock()
    acts, until = Acts(Ours(clock), lambda: "", clock), clock.now() + 20.0
    ban = Verdict(link="youtube", viewer=Viewer(id="youtube:x", name="X"), action="ban", reason="")
    for doing in (acts.send(send("one"), until), acts.verdict(ban, until)):
        with pytest.raises(Passing, match="nobody is signed in"):
            await doing
