"""A run from within: what happens between its tasks, in an order that a test decides."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from marotte import config
from marotte.events import AnyPercept, Asked, Gift, LinkState, TurnEnded, Viewer
from marotte.gateway.app import build
from marotte.gateway.guard import Guard
from marotte.show import Run
from marotte.store import Store, StoreError
from marotte.time import Clock
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio
QUIET = config.Show.model_validate({"attention": {"lull_after": 0}, "brain": {"discover": False}})
ADA = Viewer(id="x:ada", name="Ada")
KEY = "a" * 32


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """A run that has not started; it is stopped in the end."""
    run = Run(QUIET, tmp_path, {})
    yield run
    await run.stop()


async def test_gifts_that_have_just_arrived_outlast_a_shutdown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.conversation.TAKE_IN_WITHIN", PATIENCE)
    await run.start()
    keep, disk = run.store.keep_percept, asyncio.Event()
    reached = []

    async def keep_once_the_disk_is_there(percept: AnyPercept, lane: str) -> bool:
        reached.append(percept.id)
        await disk.wait()
        return await keep(percept, lane)

    monkeypatch.setattr(run.store, "keep_percept", keep_once_the_disk_is_there)
    first, second = Gift(viewer=ADA, what="rose"), Gift(viewer=ADA, what="crown")
    run.publish(first)
    await until(lambda: reached, "the first gift on its way to the disk")
    run.publish(second)
    stopping = asyncio.create_task(run.stop())
    await asyncio.wait({stopping}, timeout=0.1)  # as far as it comes without the disk
    disk.set()
    await stopping
    rows = await Store.open(f"sqlite:///{tmp_path / 'marotte.sqlite'}", Clock())
    assert {percept.id for percept in await rows.waiting_percepts()} == {first.id, second.id}
    await rows.close()


async def test_who_returns_while_their_floor_still_closes_gets_one_that_speaks(run: Run) -> None:
    await run.start()
    ended = run.bus.subscribe("event.turn_ended.>")
    left = run.open_floor(KEY, "Ada", "en")
    closing = asyncio.create_task(run.close_floor(left.name))
    await asyncio.sleep(0)  # the closing begins, and waits for its tasks
    assert left.name not in run.floors
    assert not closing.done()
    back = run.open_floor(KEY, "Ada", "en")
    assert back is not left
    assert back.name == left.name
    await closing
    assert run.floors[back.name] is back
    await run.perceive(Asked(floor=back.name, text="Welcome back.", verbatim=True))
    async with asyncio.timeout(PATIENCE):
        said = (await anext(ended)).data
    assert isinstance(said, TurnEnded)
    assert (said.floor, said.ending.state, said.ending.heard) == (back.name, "done", "Welcome back.")


async def test_a_links_first_state_is_known_however_early_it_was_told(run: Run) -> None:
    run.publish(LinkState(link="early", state="up"))
    await run.start()
    await until(lambda: run.link_states, "the link's state")
    assert run.link_states["early"].state == "up"


async def test_a_database_that_is_away_is_told_as_such_and_when_to_ask_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run.start()
    guard = Guard(KEY, "v" * 32, "127.0.0.1", tmp_path, run.clock)
    app = build(run, guard)

    async def away(*_: object) -> list[object]:
        raise StoreError("postgresql://host/name: cannot be reached: start the server")

    monkeypatch.setattr(run.store, "recent_turns", away)
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {KEY}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/api/v1/turns", "query_string": b"", "headers": headers}
    await app({**scope, "client": ("127.0.0.1", 1)}, receive, send)
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"5"
    assert b"cannot be reached" in sent[1]["body"]
