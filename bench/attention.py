"""Chat at 20,000 messages a second into the public floor, and a gift a second: how long until the gift is in hand.

The messages are published on a run's bus in batches every 5 ms; an instant director takes what attention gives next.
A gift's time runs from ``Run.perceive`` to its being in the director's hand, and holds its flush to the disk. The limit
is that flush: in a process that has nothing else to do, a row is committed to an SQLite file of the same folder with
the same policy (WAL, ``synchronous=FULL``), half a second off each gift. Every message must be accounted for: taken,
merged with another, dropped and counted, lost and counted at attention's door, or waiting.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from random import Random

import psutil

from bench import Row, Rows, go, median, percentile
from bench.floors import warm
from marotte import config
from marotte.events import PUBLIC, AnyPercept, ChatMessage, Ending, Gift, Viewer
from marotte.show import Run

RATE, SECONDS, TICK = 20_000, 10, 0.005
SETTLED = 2.0
"""Seconds after which memory must no longer grow."""
WORDS = ("hello", "jester", "skull", "why", "bells", "song", "again", "real", "how", "stage", "moon", "lol", "apple")
SHOW = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n"


TURN = 0.005
"""Seconds of a turn that answers chat: two hundred a second, as nobody ever spoke. A gift cuts it."""


class InstantDirector:
    """Takes whatever is next the moment that it is there, or that its turn is over."""

    def __init__(self, run: Run) -> None:
        self.taken = 0
        """Messages taken, with those for which they stand."""
        self.arrived: dict[str, float] = {}
        """When each gift was in hand, by id."""
        self._attention = run.public.attention
        self._pressed = asyncio.Event()
        self._attention.on_press = lambda lane: self._pressed.set()

    async def run(self) -> None:
        while True:
            bundle = await self._attention.next()
            now = time.monotonic()
            for entry in bundle.waiting:
                if isinstance(entry.percept, Gift):
                    self.arrived[entry.percept.id] = now
                else:
                    self.taken += 1 + entry.merged
            self._attention.settle(bundle, Ending(state="done", answered=tuple(p.id for p in bundle.percepts)))
            if bundle.lane == "chat":
                # What was not chosen waits on: a turn that took no time at all would weigh it again without end.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._pressed.wait(), TURN)
            self._pressed.clear()


def messages(count: int) -> list[AnyPercept]:
    """Make chat of 5,000 viewers; some say what others say."""
    rng = Random(7)
    viewers = [Viewer(id=f"bench:{number}", name=f"Viewer {number}") for number in range(5_000)]
    return [
        ChatMessage(viewer=rng.choice(viewers), text=" ".join(rng.choices(WORDS, k=rng.randint(1, 6))), at=1.8e9)
        for _ in range(count)
    ]


def flush(file: str) -> float:
    """Commit one row to the disk; returns the seconds that it took. Keeps its connection."""
    global _connection
    if _connection is None:
        _connection = sqlite3.connect(file, isolation_level="IMMEDIATE")
        _connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; CREATE TABLE gifts (body TEXT)"
        )
    began = time.monotonic()
    with _connection:
        _connection.execute("INSERT INTO gifts VALUES (?)", ("x" * 300,))
    return time.monotonic() - began


_connection: sqlite3.Connection | None = None


async def flood(run: Run) -> tuple[float, float]:
    """Publish the messages on time; returns the seconds that it took and the bytes by which memory grew."""
    said = messages(RATE)
    process, began, published, before = psutil.Process(), time.monotonic(), 0, 0
    while published < RATE * SECONDS:
        due = min(RATE * SECONDS, int((time.monotonic() - began) * RATE))
        for number in range(published, due):
            run.publish(said[number % RATE])
        published = due
        if not before and time.monotonic() - began > SETTLED:
            before = process.memory_info().rss
        await asyncio.sleep(TICK)
    return time.monotonic() - began, process.memory_info().rss - before


async def gifts(run: Run, director: InstantDirector, folder: str) -> tuple[list[float], list[float]]:
    """Give a gift a second; returns the seconds until each was in hand, and of a bare flush beside each."""
    loop, given, flushed = asyncio.get_running_loop(), {}, list[float]()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        file = str(Path(folder, "bare.sqlite"))
        await loop.run_in_executor(pool, flush, file)
        for _ in range(SECONDS):
            gift = Gift(viewer=Viewer(id="bench:giver", name="Ada"), what="rose", at=run.clock.wall())
            given[gift.id] = time.monotonic()
            await run.perceive(gift)
            await asyncio.sleep(0.5)
            flushed.append(await loop.run_in_executor(pool, flush, file))
            await asyncio.sleep(max(0.0, given[gift.id] + 1 - time.monotonic()))
    return [director.arrived[gift] - at for gift, at in given.items()], flushed


async def _measure() -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config.parse(SHOW), Path(folder), {})
        await run.start()
        try:
            await warm(run)
            await run.supervisor.stop(run.supervisor.tasks[f"{PUBLIC} director"])
            director = InstantDirector(run)
            run.supervisor.start("instant director", director.run)
            (took, grown), (waited, flushed) = await asyncio.gather(flood(run), gifts(run, director, folder))
            await asyncio.sleep(0.1)
            lost = run.public._doors["chat_message"].dropped
        finally:
            await run.stop()
        attention = run.public.attention
        dropped: Counter[str] = Counter()
        for (lane, reason), count in attention.dropped.items():
            if lane == "chat":
                dropped[reason] += count
        known = director.taken + dropped.total() + lost + attention.depth()["chat"]
    ours, bare = [s * 1e3 for s in waited], [s * 1e3 for s in flushed]
    return [
        Row("attention: chat messages a second taken in", "/s", RATE * SECONDS / took, RATE),
        Row("attention: gift in hand, median", "ms", median(ours), median(bare)),
        Row("attention: gift in hand, p99", "ms", percentile(ours, 0.99), percentile(bare, 0.99)),
        Row(
            "attention: gift in hand beyond its flush, p99",
            "ms",
            percentile(ours, 0.99) - percentile(bare, 0.99),
            None,
            10,
        ),
        Row("attention: memory grown from 2 s to 10 s", "MB", grown / 1e6, None, 5),
        Row(f"attention: messages unaccounted for, of {RATE * SECONDS:,}", "", abs(RATE * SECONDS - known), None, 0),
        Row("attention: messages lost before attention", "", lost, None, 0),
    ]


def run() -> Rows:
    return go(_measure())
