"""What the integration tests share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from marotte.store import Store
from marotte.time import Clock
from tests.servers.postgres import Postgres
from tests.waiting import PATIENCE


@pytest.fixture(autouse=True)
def slow_to_die(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let child programs take their time to end: where a machine stalls, nobody would be left to see how they did."""
    monkeypatch.setattr("marotte.engines.child._DEATH", PATIENCE)


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
