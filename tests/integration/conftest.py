"""What the integration tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from marotte.store import Store
from marotte.time import Clock
from tests.integration.twitch_stage import Stage
from tests.servers.postgres import Postgres
from tests.servers.twitch import TwitchServer
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def slow_to_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child programs take their time to end: where a machine stalls, nobody would be left to see how they did."""
    monkeypatch.setattr("marotte.engines.child._DEATH", PATIENCE)


@pytest.fixture
def quick_twitch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the link to Twitch wait for little."""
    monkeypatch.setattr("marotte.links.twitch.session.DRAIN", 0.2)
    monkeypatch.setattr("marotte.links.twitch.account.LOOKS", 0.05)


@pytest.fixture
async def rough() -> AsyncIterator[TwitchServer]:
    """A Twitch of which a test expects complaints."""
    async with TwitchServer() as twitch:
        yield twitch


@pytest.fixture
async def twitch(rough: TwitchServer) -> AsyncIterator[TwitchServer]:
    """A Twitch that has nothing to complain of."""
    yield rough
    assert rough.complaints == []


@pytest.fixture
async def at(twitch: TwitchServer, tmp_path: Path) -> AsyncIterator[Stage]:
    """A link that is signed in there."""
    async with Stage(twitch, tmp_path).signed_in() as stage:
        yield stage


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'show.sqlite'}"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, Clock())
    yield store
    await store.close()
