"""The program in a test's own process, served on a free loopback port, with links whose part the test plays."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

import aiohttp
import uvicorn

from marotte import config
from marotte.events import Act, Event
from marotte.gateway.app import build
from marotte.gateway.guard import Guard
from marotte.links.link import BaseLink
from marotte.ports import Standing
from marotte.show import Run
from marotte.time import Clock
from tests.servers.marotte import TOKEN, Marotte
from tests.waiting import PATIENCE, until


class PlayedLink(BaseLink):
    """A link of any platform: it is up as soon as it runs, and has what the test says."""

    def __init__(self, platform: str, publish: Callable[[Event], None], *rows: Standing) -> None:
        super().__init__(platform, publish, Clock(), Random(1))
        self.platform = platform  # pyright: ignore[reportAttributeAccessIssue]
        self.rows: Sequence[Standing] = rows
        self.lives = 0
        """How often it connected."""
        self.clings = False
        """It does not hang up when it is told to."""
        self.let_go = asyncio.Event()

    def able(self, act: type[Act]) -> None:
        """Let it carry out an act."""

        async def done(act: Act, until: float) -> str:
            return ""

        self.acts[act] = done

    def standing(self) -> Sequence[Standing]:
        return self.rows

    async def run(self) -> None:
        self.lives += 1
        self.tell("up", f"as pip, for the {self.lives}. time")
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            while self.clings and not self.let_go.is_set():
                try:
                    await self.let_go.wait()
                except asyncio.CancelledError:
                    continue
            self.tell("stopped")


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to whoever runs the tests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Within(Marotte):
    """A run in this process; what is done over HTTP is done as with the program in a process of its own."""

    def __init__(self, folder: Path, show: str = "") -> None:
        super().__init__(folder, show)
        self.run = Run(config.load(self.show), self.data, {})

    def played(self, platform: str, *rows: Standing) -> PlayedLink:
        """Return a link to be played, which the run will have; to be asked for before it starts."""
        links = [*self.run.platforms._built(), PlayedLink(platform, self.run.platforms._arrive, *rows)]
        self.run.platforms._built = lambda: iter(links)
        return links[-1]  # pyright: ignore[reportReturnType]

    async def start(self) -> None:
        self.data.mkdir(exist_ok=True)
        guard = Guard(TOKEN, "v" * 32, "127.0.0.1", self.data, self.run.clock)
        settings = uvicorn.Config(
            build(self.run, guard), port=0, log_config=None, ws="websockets-sansio", lifespan="off", access_log=False
        )
        self._server = _Server(settings)
        await self.run.start()
        self._serving = asyncio.create_task(self._server.serve())
        await until(lambda: self._server.started, "the server")
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"})

    async def stop(self) -> int:
        if self._session is not None:
            await self._session.close()
        self._server.should_exit = self._server.force_exit = True
        await asyncio.wait({self._serving}, timeout=PATIENCE)
        await self.run.stop()
        return 0

    def output(self) -> str:
        return ""


@asynccontextmanager
async def serving(program: Within) -> AsyncIterator[Within]:
    """Start it, and stop it in the end."""
    await program.start()
    try:
        yield program
    finally:
        await program.stop()
