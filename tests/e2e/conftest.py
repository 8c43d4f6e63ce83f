"""What the tests in the browser share: one browser, one program that most of them visit, and its visitors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.e2e.visitor import MICROPHONE, SHOW, Visitor, chromium, enter, spoken
from tests.servers.marotte import Marotte, marotte
from tests.waiting import until

Visit = Callable[..., Awaitable[Visitor]]


@pytest.fixture(scope="package")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """One event loop for all, because they share a browser."""
    return "asyncio", {}


@pytest.fixture(scope="package")
async def browser(anyio_backend: object, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser whose microphone hears somebody ask for a joke, each time that it is opened."""
    speech = spoken("tell me a joke", tmp_path_factory.mktemp("speech") / "joke.wav")
    async with chromium(MICROPHONE, f"--use-file-for-fake-audio-capture={speech}%noloop") as opened:
        yield opened


@pytest.fixture(scope="package")
async def house(anyio_backend: object, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Marotte]:
    """The jester's program, awake for all tests of the package."""
    async with marotte(tmp_path_factory.mktemp("house"), SHOW) as program:
        yield program


@pytest.fixture
async def program(house: Marotte) -> Marotte:
    """The jester's program, silent at the beginning of a test."""
    await hush(house)
    return house


@pytest.fixture
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Open windows that are closed in the end."""
    opened: list[Visitor] = []

    async def visiting(program: Marotte | str, path: str, **more: object) -> Visitor:
        url = program if isinstance(program, str) else program.url
        visitor = await enter(browser, url + path, **more)  # pyright: ignore[reportArgumentType]
        opened.append(visitor)
        return visitor

    yield visiting
    for visitor in opened:
        await visitor.page.context.close()


@pytest.fixture
def results(pytestconfig: pytest.Config) -> Path:
    """Where pictures for people to look at are left."""
    folder = pytestconfig.rootpath / "test-results"
    folder.mkdir(exist_ok=True)
    return folder


async def hush(program: Marotte) -> None:
    """Leave the public floor empty and silent."""
    for entry in await program.get("/api/v1/queue"):
        async with program.request("DELETE", f"/api/v1/queue/{entry['percept']}"):
            pass

    async def silent() -> bool:
        floors = {floor["name"]: floor for floor in await program.get("/api/v1/floors")}
        if floors["public"]["turn"] or floors["public"]["speaking"]:
            await program.post("/api/v1/floors/public/stop")
            return False
        return True

    await until(silent, "a silent public floor")
