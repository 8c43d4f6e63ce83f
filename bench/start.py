"""Seconds from ``marotte run`` until it answers, and its memory: idle, and for each private floor more.

The program runs in a process of its own and is asked for ``/healthz`` every 50 ms, first with a fresh data directory,
then with the one it left; medians of three. The limit is a bare Python that has loaded the web server and the database
library, which the program cannot do without. Memory is resident, of the main process, five seconds after the start;
its children stand beside it. A first talk window opens a private floor and loads what all floors share; then 20 more
open one each and stay silent for five seconds.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from tests.servers.marotte import Marotte

from bench import Row, Rows, go, median

ROUNDS, FLOORS = 3, 20
SETTLES = 5.0
SHOW = f"[brain]\ndiscover = false\n[gateway]\npartners = {FLOORS + 1}\n"
LIBRARIES = "import fastapi, uvicorn, sqlalchemy.ext.asyncio, aiosqlite, pydantic, numpy"
MEGABYTE = 1e6


async def _start(program: Marotte) -> float:
    began = time.perf_counter()
    await program.start()
    return time.perf_counter() - began


async def starts() -> tuple[list[float], list[float], list[float]]:
    """Return the seconds until it answers, with fresh data and with existing data, and of the bare libraries."""
    fresh, again, bare = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            for seconds in (fresh, again):
                program = Marotte(Path(folder), SHOW)
                seconds.append(await _start(program))
                await program.stop()
        began = time.perf_counter()
        await asyncio.to_thread(subprocess.run, (sys.executable, "-c", LIBRARIES), check=True)
        bare.append(time.perf_counter() - began)
    return fresh, again, bare


async def memory() -> Rows:
    """Return megabytes of the main process, of its children, and of floors."""
    with tempfile.TemporaryDirectory() as folder:
        program = Marotte(Path(folder), SHOW)
        await program.start()
        try:
            process = psutil.Process(program.pid)
            await asyncio.sleep(SETTLES)
            idle = process.memory_info().rss
            children = sum(child.memory_info().rss for child in process.children(recursive=True))
            async with AsyncExitStack() as windows:
                await windows.enter_async_context(program.window(partner=f"bench-{FLOORS:028}"))
                await asyncio.sleep(SETTLES)
                first = process.memory_info().rss
                for number in range(FLOORS):
                    await windows.enter_async_context(program.window(partner=f"bench-{number:028}"))
                await asyncio.sleep(SETTLES)
                full = process.memory_info().rss
        finally:
            await program.stop()
    return [
        Row("memory: main process, idle", "MB", idle / MEGABYTE, await _bare_memory(), 160),
        Row("memory: its children", "MB", children / MEGABYTE),
        Row("memory: the first private floor more", "MB", (first - idle) / MEGABYTE),
        Row(f"memory: each further floor, mean of {FLOORS}", "MB", (full - first) / FLOORS / MEGABYTE, None, 1.0),
    ]


async def _bare_memory() -> float:
    code = f"{LIBRARIES}; import psutil; print(psutil.Process().memory_info().rss)"
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    said, _ = await done.communicate()
    return int(said) / MEGABYTE


async def _measure() -> Rows:
    fresh, again, bare = await starts()
    return [
        Row("start: `marotte run` to /healthz, fresh data", "s", median(fresh), median(bare), 2.0),
        Row("start: `marotte run` to /healthz, existing data", "s", median(again), median(bare), 2.0),
        *await memory(),
    ]


def run() -> Rows:
    return go(_measure())
