"""What the voice figures share: a run with private floors, the bare pipeline beside it, and the scripted providers."""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Protocol

import aiohttp

from bench.bare import Bare
from bench.sink import Sink
from marotte import config
from marotte.events import Utterance
from marotte.show import Run

WATCHED = 0.5
"""Seconds after a cut in which nothing of the turn may come."""
START_WITHIN = 1.5
"""The conversations of a round begin at random within so many seconds."""

SCRIPTED = """
[brain]
chain = ["scripted"]
discover = false
[brain.scripted]
engine = "openai"
url = "{url}"
[voice]
chain = ["scripted"]
[voice.scripted]
engine = "openai"
url = "{url}"
[gateway]
partners = 64
[attention]
lull_after = 0
pause = 0
"""
"""A show whose brain and voice are scripted providers at ``{url}``; more keys of attention may follow."""


class Contender(Protocol):
    """One conversation that is measured."""

    sink: Sink

    def ask(self, text: str) -> None: ...
    def cut(self) -> None: ...


class Ours:
    """A private floor of a run."""

    def __init__(self, run: Run, number: int) -> None:
        self._run = run
        self._floor = run.open_floor(f"bench-{number:028}", f"Partner {number}", "en")
        speaker = self._floor.speaker
        self.sink = Sink(lambda sample: speaker.played(self.sink, sample), speaker.now)
        speaker.attach(self.sink)

    def ask(self, text: str) -> None:
        floor = self._floor
        self._run.publish(
            Utterance(at=self._run.clock.wall(), floor=floor.name, viewer=floor.partner, text=text, language="en")
        )

    def cut(self) -> None:
        self._floor.floor.cut("stopped")


@dataclass
class Turn:
    """What one turn's stamps say, in seconds of the monotonic clock."""

    contender: str
    mark: str
    asked: float
    first: float = 0.0
    """The first sound was handed over; 0 where the cut came before."""
    cut: float = 0.0
    late: tuple[float, ...] = ()
    """When sound was handed over or written after the cut."""


@dataclass
class Company:
    """Conversations in one process: so many of ours, and as many bare ones."""

    url: str
    contenders: dict[str, list[Contender]]
    rng: Random

    async def rounds(self, rounds: int, turns: int, until_cut: Callable[[Turn, Sink], Awaitable[None]]) -> list[Turn]:
        """Let each contender's conversations take turns all at once, in random order of contenders.

        ``until_cut`` waits, within a turn, until it is to be cut. Each conversation's first turn is dropped.
        """
        taken: list[Turn] = []
        for _ in range(rounds):
            for name in self.rng.sample(list(self.contenders), len(self.contenders)):
                talks = (self._talk(name, contender, turns, until_cut) for contender in self.contenders[name])
                taken += [turn for talk in await asyncio.gather(*talks) for turn in talk]
        return taken

    async def _talk(self, name: str, contender: Contender, turns: int, until_cut: Any) -> list[Turn]:
        await asyncio.sleep(self.rng.uniform(0, START_WITHIN))
        return [await self._turn(name, contender, until_cut) for _ in range(turns + 1)][1:]

    async def _turn(self, name: str, contender: Contender, until_cut: Any) -> Turn:
        # No letter twice: runs of one letter are not spoken as they are written.
        mark = "turn" + "".join(self.rng.sample("abcdefghijklmopqsvwxyz", k=8))
        sink = contender.sink
        sink.expect()
        turn = Turn(name, mark, asked=time.monotonic())
        contender.ask(f"Tell me all about {mark}.")
        await until_cut(turn, sink)
        turn.cut = time.monotonic()
        contender.cut()
        await asyncio.sleep(WATCHED)
        turn.first = next((at for at in sink.came if at < turn.cut), 0.0)
        turn.late = tuple(at for at in (*sink.came, *sink.written) if at >= turn.cut)
        return turn

    async def requests(self) -> list[dict[str, Any]]:
        """Return the requests that the providers had, with their stamps."""
        async with aiohttp.ClientSession() as session, session.get(self.url.replace("/v1", "/requests")) as response:
            return await response.json()


@asynccontextmanager
async def company(count: int) -> AsyncIterator[Company]:
    """Open ``count`` floors of one run and as many bare conversations, all on the same providers."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        child = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.providers", stdout=subprocess.PIPE)
        stack.push_async_callback(child.wait)
        stack.callback(child.kill)
        assert child.stdout is not None
        url = (await child.stdout.readline()).decode().strip()
        run = Run(config.parse(SCRIPTED.format(url=url)), Path(folder), {})
        stack.push_async_callback(run.stop)
        await run.start()
        await warm(run)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        ours: list[Contender] = [Ours(run, number) for number in range(count)]
        bare: list[Contender] = [Bare(url, session) for _ in range(count)]
        for contender in (*ours, *bare):
            contender.sink.start()
            stack.callback(contender.sink.close)
        yield Company(url, {"ours": ours, "bare": bare}, Random(7))


async def warm(run: Run) -> None:
    """Wait until the run has loaded what it loads beforehand."""
    async with asyncio.timeout(30):
        while "warming up" in run.supervisor.tasks:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
