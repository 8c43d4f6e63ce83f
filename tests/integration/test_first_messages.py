"""Whose message is their first: known for years, bounded, forgotten with whoever it is, and never guessed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from marotte import config
from marotte.events import ChatMessage, Viewer
from marotte.links import first_messages
from marotte.links.first_messages import FirstMessages
from marotte.show import Run
from marotte.store import Store, newcomers
from marotte.time import Clock
from tests.waiting import until

pytestmark = pytest.mark.anyio
WEEK = 604_800.0


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, Clock())
    yield store
    await store.close()


class Listening:
    """A life of the program that listens to chats, at a time of its own."""

    def __init__(self, store: Store, at: float) -> None:
        self.firsts = FirstMessages(store, Clock(at))
        self._store = store
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> FirstMessages:
        self._task = asyncio.create_task(self.firsts.run())
        await until(lambda: self.firsts.complete, "everybody who was kept is known")
        return self.firsts

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait({self._task})
        await self._store.flush()


async def test_a_first_message_is_told_once_for_good(store: Store) -> None:
    async with Listening(store, 0.0) as chat:
        assert not chat.is_first("twitch", "twitch:ada", WEEK)  # nobody can know that on the first day
    async with Listening(store, WEEK + 1) as chat:
        assert not chat.is_first("twitch", "twitch:ada", WEEK)
        assert chat.is_first("twitch", "twitch:bob", WEEK)
        assert not chat.is_first("twitch", "twitch:bob", WEEK)
        assert not chat.is_first("irc", "twitch:bob", WEEK)  # a channel that was never listened to before
    async with Listening(store, 5 * WEEK) as chat:
        assert not chat.is_first("twitch", "twitch:bob", WEEK)
        assert chat.is_first("irc", "twitch:ada", WEEK)


async def test_nobody_is_new_before_all_who_are_kept_are_known(store: Store) -> None:
    async with Listening(store, 0.0) as chat:
        chat.is_first("twitch", "twitch:ada", 0)
    chat = FirstMessages(store, Clock(WEEK))
    assert not chat.is_first("twitch", "twitch:ada", 0)
    assert not chat.is_first("twitch", "twitch:cleo", 0)


async def test_more_than_a_page_of_people_are_known_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "PAGE", 3)
    people = [f"twitch:{number}" for number in range(10)]
    async with Listening(store, 0.0) as chat:
        assert all(chat.is_first("twitch", viewer, 0) for viewer in people)
        assert all(chat.is_first("irc", viewer, 0) for viewer in people)
    async with Listening(store, 1.0) as chat:
        assert not any(chat.is_first(link, viewer, 0) for link in ("irc", "twitch") for viewer in people)


async def test_there_are_never_more_than_so_many(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_messages, "MOST", 5)
    async with Listening(store, 0.0) as chat:
        told = [chat.is_first("twitch", f"twitch:{number}", 0) for number in range(9)]
    assert told == [True] * 5 + [False] * 4
    assert (await store.counts())["wrote"] == 5


async def test_who_is_forgotten_is_new_again(store: Store) -> None:
    store.on_forgotten = lambda: chat.forget()
    async with Listening(store, 0.0) as chat:
        assert chat.is_first("twitch", "twitch:ada", 0)
        assert chat.is_first("twitch", "twitch:bob", 0)
    async with Listening(store, 1.0) as chat:
        await store.forget_viewer("twitch:ada")
        await until(lambda: chat.complete, "those who are left are known")
        assert chat.is_first("twitch", "twitch:ada", 0)
        assert not chat.is_first("twitch", "twitch:bob", 0)


async def test_who_is_forgotten_while_they_are_being_read_is_not_known(store: Store) -> None:
    async with Listening(store, 0.0) as chat:
        chat.is_first("twitch", "twitch:ada", 0)
    chat = FirstMessages(store, Clock(1.0))
    reading = asyncio.create_task(chat.run())
    await asyncio.sleep(0)  # it has asked for the rows
    chat.forget()
    await store.forget_viewer("twitch:ada")
    await until(lambda: chat.complete, "those who are left are known")
    assert chat.is_first("twitch", "twitch:ada", 0)
    reading.cancel()


@pytest.mark.parametrize(
    ("people", "known_as", "first"), [("true", "", True), ("false", "", False), ("true", "x:1", False)]
)
async def test_a_run_tells_it_where_people_are_judged(tmp_path: Path, people: str, known_as: str, first: bool) -> None:
    show = f"[moderation.people]\non = {people}\nnewcomers_after = 0\n[brain]\ndiscover = false\n"
    run = Run(config.parse(show), tmp_path, {})
    await run.start()
    try:
        if known_as:
            await run.platforms.join(known_as, "twitch:bob", "operator")
        await until(lambda: run.platforms.firsts and run.platforms.firsts.complete, "the record is read")
        heard = run.bus.subscribe("percept.chat_message.>")
        for text in ("hello", "and again"):
            viewer = Viewer(id="twitch:bob", name="Bob", platform="twitch")
            await run.perceive(ChatMessage(viewer=viewer, text=text, link="twitch"))
        assert [(await heard.get()).data.first for _ in range(2)] == [first, False]
    finally:
        await run.stop()
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path / 'marotte.sqlite'}", Clock())
    assert (await store.counts())["wrote"] == (people == "true")  # a clean stop loses nobody
    await store.close()
