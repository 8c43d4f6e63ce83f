"""Twelve control windows while 2,000 chat messages a second come in: how late a window hears of an event.

The run and its server live in a process of their own; the windows, in this one, only read. Every 20 ms the run
publishes a probe that bears its moment; both processes read the same clock. The limit is a line through a pipe.
"""

import asyncio
import json
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import aiohttp

from bench import Row, Rows, go, median, percentile
from marotte import config
from marotte.events import ChatMessage, LinkState, Viewer
from marotte.gateway.server import serve
from marotte.show import Run

WINDOWS, RATE, SECONDS, TICK = 12, 2_000, 6.0, 0.01
TOKEN = "a-token-for-the-bench-of-32-chars"
SHOW = "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nrequests = 100000\n"


async def _show(folder: Path, pipe: Connection) -> None:
    """Serve a run, and let chat and probes come once the windows are there."""
    run = Run(config.parse(SHOW), folder, {})
    serving = asyncio.create_task(serve(run, "127.0.0.1", 0, token=TOKEN, browser=False))
    announced = folder / "running.json"
    while not announced.exists():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    pipe.send(json.loads(announced.read_text())["url"])
    await asyncio.to_thread(pipe.recv)
    rng = Random(3)
    viewers = [Viewer(id=f"irc:x/{n}", name=f"viewer{n}", platform="irc") for n in range(5_000)]
    ends, due = time.monotonic() + SECONDS, 0.0
    sent, began = 0, time.monotonic()
    while (now := time.monotonic()) < ends:
        while sent < (now - began) * RATE:
            sent += 1
            text = f"message {rng.randrange(10**9)}"
            run.publish(ChatMessage(at=run.clock.wall(), viewer=rng.choice(viewers), text=text))
        if now >= due:
            due = now + 0.02
            run.publish(LinkState(at=run.clock.wall(), link="probe", state="up", detail=repr(time.monotonic())))
        await asyncio.sleep(TICK)
    pipe.send("done")
    await serving  # until this process is killed


def _child(folder: str, pipe: Connection) -> None:
    asyncio.run(_show(Path(folder), pipe))


async def _window(session: aiohttp.ClientSession, url: str, delays: list[float], ready: asyncio.Event) -> None:
    async with session.ws_connect(f"{url}/ws", max_msg_size=0) as socket:
        await socket.send_json({"type": "hello", "version": 1, "window": "control", "token": TOKEN})
        await socket.receive()
        ready.set()
        async for frame in socket:
            now = time.monotonic()
            if frame.type == aiohttp.WSMsgType.TEXT and '"probe"' in frame.data:
                event = json.loads(frame.data)["event"]
                delays.append((now - float(event["detail"])) * 1e3)


async def _measure() -> Rows:
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        child = multiprocessing.get_context("spawn").Process(target=_child, args=(folder, there))
        child.start()
        url = await asyncio.to_thread(here.recv)
        delays: list[float] = []
        async with aiohttp.ClientSession() as session:
            ready = [asyncio.Event() for _ in range(WINDOWS)]
            open_ = [asyncio.create_task(_window(session, url, delays, event)) for event in ready]
            await asyncio.gather(*(event.wait() for event in ready))
            here.send("go")
            await asyncio.to_thread(here.recv)
            await asyncio.sleep(0.5)
            for task in open_:
                task.cancel()
        child.kill()
        child.join()
    return [
        Row(f"windows: an event in {WINDOWS} of them, median", "ms", median(delays), _pipe()),
        Row(f"windows: an event in {WINDOWS} of them, p95", "ms", percentile(delays, 0.95), None, 50.0),
    ]


def _pipe() -> float:
    """Return the milliseconds that a line takes through a pipe and back, halved."""
    one, other = multiprocessing.Pipe()
    times = []
    for _ in range(200):
        began = time.perf_counter()
        one.send("x")
        other.send(other.recv())
        one.recv()
        times.append((time.perf_counter() - began) / 2 * 1e3)
    return median(times)


def run() -> Rows:
    return go(_measure())
