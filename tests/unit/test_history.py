"""The last events of a run: bounded, searched from the newest on, without the kinds that come too often."""

import asyncio

import msgspec
import pytest

from marotte import events
from marotte.bus.local import LocalBus
from marotte.events import ChatMessage, Ending, LineStopped, Transcript, TurnEnded, Viewer, subject
from marotte.ops.history import Asked, History

pytestmark = pytest.mark.anyio


def chat(text: str, name: str = "Ada", floor: str = "public") -> ChatMessage:
    return ChatMessage(text=text, viewer=Viewer(id=f"irc:x/{name.lower()}", name=name), floor=floor)


def filled(*what: events.Event, most: int = 100_000) -> History:
    history = History(LocalBus(), most)
    for event in what:
        history.add(event)
    return history


EVERYTHING = Asked()


async def seqs(history: History, asked: Asked = EVERYTHING, **more: int) -> list[int]:
    return [entry.seq for entry in await history.find(asked, **more)]


async def test_newest_first_and_page_by_page() -> None:
    history = filled(*(chat(f"message {n}") for n in range(10)))
    assert await seqs(history, limit=4) == [10, 9, 8, 7]
    assert await seqs(history, before=7, limit=4) == [6, 5, 4, 3]
    assert await seqs(history, before=3, limit=4) == [2, 1]
    assert await seqs(history, before=1, limit=4) == []


async def test_it_is_bounded_and_pages_across_its_blocks() -> None:
    history = filled(*(chat(f"message {n}") for n in range(3_500)), most=3_000)
    assert len(history) == 3_000
    assert await seqs(history, limit=5_000) == list(range(3_500, 500, -1))
    assert await seqs(history, before=2_002, limit=3) == [2_001, 2_000, 1_999]
    assert await seqs(history, Asked(text="message 499")) == []
    assert await seqs(history, Asked(text="message 500")) == [501]
    for n in range(1_100):
        history.add(chat(f"more {n}"))
        assert 2_750 < len(history) <= 3_000


async def test_a_large_one_is_searched_to_its_end() -> None:
    history = filled(chat("the needle"), *(chat("hay") for _ in range(9_999)), most=10_000)
    assert await seqs(history, Asked(text="NEEDLE")) == [1]
    assert len(await history.find(Asked(), limit=20_000)) == 10_000


async def test_what_comes_in_while_it_is_searched_disturbs_nothing() -> None:
    history = filled(*(chat("hay") for _ in range(10_000)), most=10_000)
    search = asyncio.create_task(history.find(Asked(), limit=20_000))
    for _ in range(5):
        await asyncio.sleep(0)
        for _ in range(100):
            history.add(chat("new"))
    found = [entry.seq for entry in await search]
    assert found == sorted(set(found), reverse=True)
    assert found[0] == 10_000


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Asked(text="straße"), [1]),
        (Asked(text="STRASSE"), [1]),
        (Asked(text="grace"), [2]),
        (Asked(text="a word"), [3]),
        (Asked(text="goodbye"), [4]),
        (Asked(text="text"), []),
        (Asked(kind="line_stopped"), [3]),
        (Asked(turn="t1"), [4, 3]),
        (Asked(turn="t1", kind="turn_ended"), [4]),
        (Asked(floor="talk-x"), [2]),
    ],
)
async def test_filters(asked: Asked, found: list[int]) -> None:
    history = filled(
        chat("In der Straße"),
        chat("hello", "Grace", "talk-x"),
        LineStopped(turn="t1", line="l1", shown="oh", reason="a word"),
        TurnEnded(turn="t1", lane="chat", ending=Ending(state="done", heard="Goodbye.")),
    )
    assert await seqs(history, asked) == found


async def test_private_floors_can_be_passed_over() -> None:
    history = filled(chat("a"), chat("b", floor="talk-x"))
    assert [e.seq for e in await history.find(Asked(), private=False)] == [1]
    assert await history.find(Asked(floor="talk-x"), private=False) == []


async def test_it_takes_in_what_crosses_the_bus_but_what_comes_too_often() -> None:
    bus = LocalBus()
    history = History(bus)
    watching = asyncio.create_task(history.watch())
    for event in (
        chat("hello"),
        Transcript(text="he"),
        Transcript(text="hello", final=True),
        events.Used(engine="x", kind="voice", unit="tokens", amount=1),
        events.Played(outlet="w", sample=1),
        events.LineTimings(turn="t", line="l"),
    ):
        bus.publish(subject(event), event)
    bus.publish("_reply.x", "no event")
    while len(history) < 2:
        await asyncio.sleep(0)
    watching.cancel()
    kinds = [entry.kind for entry in await history.find(Asked())]
    assert kinds == ["transcript", "chat_message"]


async def test_an_entry_is_the_event_as_json() -> None:
    said = [chat(f"hello\n{n}") for n in range(600)]
    found = await filled(*said).find(Asked(), limit=600)
    assert [events.decode(entry.json) for entry in found] == said[::-1]
    assert msgspec.json.decode(found[0].json)["type"] == "chat_message"


async def test_all_is_forgotten_at_once_and_places_go_on() -> None:
    history = filled(*(chat(f"message {n}") for n in range(5)), most=10)
    history.forget()
    assert await history.find(Asked()) == []
    for n in range(12):
        history.add(chat(f"later {n}"))
    assert await seqs(history) == list(range(17, 15, -1))
