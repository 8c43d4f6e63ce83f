"""Milliseconds from letting a skull's button go to the first sound, a picture included; and what it costs to look while
somebody is listened to.

A device on the loopback presses its button, says a command that espeak-ng has spoken, in real time and in pieces of
20 ms, gives a picture of 640 by 480 pixels when it is asked, lets go, and waits for the first frame of sound. Ear, eye,
brain and voice are the embedded ones; the program has a process of its own. The limit is the ear alone, in that
process, on the same sound in real time: from its last sample to its words. The first round is dropped.

The second figure is from letting go to the brain's being asked, less the longer of ear and eye, which are scripted: the
picture comes when the button goes up, so that both work at once. The limit is the same with no camera there.
"""

import asyncio
import json
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import aiohttp
import cv2
import numpy as np

from bench import Row, Rows, go, median
from bench.conversation import COMMANDS, ScriptedEar, run_of, speak
from bench.floors import warm
from marotte import config
from marotte.engines.kinds import EngineSettings, Prompt
from marotte.engines.registry import Built
from marotte.events import SAMPLE_RATE
from marotte.gateway.server import serve
from marotte.senses.hearing.speech import RATE
from marotte.show import Run

SHOW = "[attention]\nlull_after = 0\npause = 0\n[brain]\ndiscover = false\n"
TOKEN = "a-token-for-the-bench-of-32-chars"
PHOTOGRAPH = Path(__file__).parents[1] / "tests" / "data" / "astronaut.jpg"
CAN = ["button", "microphone", "loudspeaker", "camera", "light", "jaw"]
ROUNDS, ROUNDS_AT_ONCE = 9, 6
PIECE = RATE // 50
WITHIN = 30.0
"""Seconds that anything may take before the figure is given up."""
REST = 0.5
THINK = (0.3, 0.25)
"""Seconds of the longer and the shorter of ear and eye."""


# --- the program, in a process of its own


async def _show(folder: Path, pipe: Connection) -> None:
    """Serve a run; measure its ear alone for each sound that comes, when the device is done."""
    run = Run(config.parse(SHOW), folder, {})
    serving = asyncio.create_task(serve(run, "127.0.0.1", 0, token=TOKEN, browser=False))
    announced = folder / "running.json"
    while not announced.exists():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)
    await warm(run)
    await run.ears.warm()
    pipe.send(json.loads(announced.read_text())["url"])
    while not serving.done():  # until this process is killed
        sound: bytes = await asyncio.to_thread(pipe.recv)
        pipe.send(await _ear(run, sound))


def _child(folder: str, pipe: Connection) -> None:
    asyncio.run(_show(Path(folder), pipe))


async def _ear(run: Run, sound: bytes) -> float:
    """Return the seconds from the last sample to its words, of the ear alone."""
    last = 0.0

    async def speech() -> AsyncIterator[bytes]:
        nonlocal last
        async for piece in _in_time(sound):
            yield piece
        last = time.monotonic()

    async for _ in run.ears.hear(speech(), "en"):
        pass
    return time.monotonic() - last


async def _in_time(sound: bytes) -> AsyncIterator[bytes]:
    """Yield sound in pieces of 20 ms, each when it was spoken."""
    began = time.monotonic()
    for at in range(0, len(sound), 2 * PIECE):
        await asyncio.sleep(began + (at // 2 + PIECE) / RATE - time.monotonic())
        yield sound[at : at + 2 * PIECE]


# --- the device


class _Device:
    """A skull: gives pictures when it is asked, reports what it played, and keeps what came, with the time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.came: list[tuple[float, dict[str, Any]]] = []
        self._socket = socket
        self._picture = _picture()
        self._news = asyncio.Event()
        self._ids = 0

    async def read(self) -> None:
        """Take what comes, until the connection ends."""
        async for message in self._socket:
            now = time.monotonic()
            text = message.type is aiohttp.WSMsgType.TEXT
            frame = json.loads(message.data if text else message.data.partition(b"\n")[0])
            if frame["type"] == "snapshot":
                header = json.dumps({"type": "picture", "id": frame["id"]}).encode()
                await self._socket.send_bytes(header + b"\n" + self._picture)
            elif frame["type"] == "sound":
                await self._socket.send_json({"type": "played", "sample": frame["sample"] + SAMPLE_RATE // 50})
            elif frame["type"] in ("outcome", "error"):
                raise RuntimeError(f"it answered {frame}")
            self.came.append((now, frame))
            self._news.set()

    async def until(self, is_it: Callable[[dict[str, Any]], bool], since: int) -> float:
        """Wait for a frame among those behind the first ``since``; returns when it came."""
        while True:
            self._news.clear()
            for at, frame in self.came[since:]:
                if is_it(frame):
                    return at
            await self._news.wait()

    async def press(self, kind: str) -> float:
        """Press the button or let it go, and wait until that is acknowledged; returns when it was done."""
        self._ids += 1
        number, since, at = self._ids, len(self.came), time.monotonic()
        await self._socket.send_json({"type": f"{kind}_recording", "id": number})
        await self.until(lambda frame: frame["type"] == "ack" and frame["id"] == number, since)
        return at

    async def ask(self, sound: bytes) -> float:
        """Say something, and return the seconds from letting go to the first sound."""
        since = len(self.came)
        await self.press("begin")
        async for piece in _in_time(sound):
            await self._socket.send_bytes(b'{"type":"microphone"}\n' + piece)
        heard = asyncio.create_task(self.until(lambda frame: frame["type"] == "sound", len(self.came)))
        let_go = await self.press("stop")
        first = await heard
        assert any(frame["type"] == "snapshot" for _, frame in self.came[since:]), "it never looked"
        await asyncio.sleep(REST)
        since = len(self.came)
        await self._socket.send_json({"type": "stop"})
        await self.until(lambda frame: frame == {"type": "light", "show": "idle"}, since)
        await asyncio.sleep(REST)
        return first - let_go


def _picture() -> bytes:
    wall = np.full((480, 640, 3), 140, np.uint8)
    wall[160:, 160:480] = cast("Any", cv2.imread(str(PHOTOGRAPH)))
    return cv2.imencode(".jpg", wall)[1].tobytes()


async def answers(url: str, sounds: list[bytes]) -> list[float]:
    """Return the seconds from letting go to the first sound, of each round."""
    hello = {"type": "hello", "version": 1, "window": "skull", "name": "bench", "partner": "a secret of the bench's"}
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws", max_msg_size=0) as socket:
        await socket.send_json({**hello, "can": CAN, "language": "en"})
        device = _Device(socket)
        reading = asyncio.create_task(device.read())
        asking = asyncio.create_task(_rounds(device, sounds))
        try:
            async with asyncio.timeout(ROUNDS * WITHIN):
                done, _ = await asyncio.wait((reading, asking), return_when=asyncio.FIRST_COMPLETED)
            if reading in done:
                reading.result()
                raise RuntimeError("the connection ended")
            return asking.result()
        finally:
            reading.cancel()
            asking.cancel()


async def _rounds(device: _Device, sounds: list[bytes]) -> list[float]:
    await device.until(lambda frame: frame["type"] == "welcome", 0)
    await asyncio.sleep(2 * REST)  # the eyes begin once there is a camera
    took: list[float] = []
    for number in range(ROUNDS):
        async with asyncio.timeout(WITHIN):
            took.append(await device.ask(sounds[number % len(sounds)]))
    return took


async def embedded() -> Rows:
    """Measure from letting go to the first sound, with the engines that come with the program."""
    sounds = [samples.astype("<i2").tobytes() for samples in await speak(COMMANDS)]
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with tempfile.TemporaryDirectory() as folder:
        child = multiprocessing.get_context("spawn").Process(target=_child, args=(folder, theirs))
        child.start()
        try:
            took = (await answers(await _told(ours), sounds))[1:]
            alone: list[float] = []
            for number in range(1, ROUNDS):
                ours.send(sounds[number % len(sounds)])
                alone.append(await _told(ours))
        finally:
            child.kill()
            child.join()
    name = "skull: button released to first sound, snapshot included, embedded engines"
    return [
        Row(f"{name}: median", "ms", median(took) * 1e3, median(alone) * 1e3, 1_000),
        Row(f"{name}: worst of {len(took)}", "ms", max(took) * 1e3, max(alone) * 1e3, 1_000),
    ]


async def _told(pipe: Connection) -> Any:
    if not await asyncio.to_thread(pipe.poll, 2 * WITHIN):
        raise TimeoutError("the program says nothing")
    return pipe.recv()


# --- an eye beside an ear


class _Scripted:
    """Camera, eye and brain: the picture comes when the button goes up, and is in words so much later."""

    name, translates = "the bench's camera", False

    def __init__(self, takes: float) -> None:
        self._takes = takes
        self.let_go = asyncio.Event()
        self.at = 0.0
        self.asked = asyncio.Event()
        self.asked_at = 0.0
        self.told = False
        self._photograph = _picture()

    async def picture(self) -> bytes:
        await self.let_go.wait()
        return self._photograph

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        await asyncio.sleep(self.at + self._takes - time.monotonic())
        yield "A lamp is lit."

    async def reply(self, prompt: Prompt) -> AsyncIterator[str]:
        self.asked_at, self.told = time.monotonic(), "A lamp is lit." in prompt.system
        self.asked.set()
        yield "Yes."

    async def close(self) -> None:
        pass


class _Speaker:
    """A microphone into which one sentence is spoken, and then nothing."""

    def __init__(self, sound: bytes, done: Callable[[], None]) -> None:
        self._sound, self._done = sound, done

    async def sound(self) -> AsyncIterator[bytes]:
        async for piece in _in_time(self._sound):
            yield piece
        self._done()
        await asyncio.Event().wait()


async def _beside(sound: bytes, thinks: float, sees: float) -> list[float]:
    """Return the milliseconds, beyond the longer of both, from letting go to the brain; no camera where it is 0."""
    over: list[float] = []
    async with run_of(SHOW, ScriptedEar(thinks)) as run:
        floor = run.open_floor(f"bench-{0:028}", "Partner", "en")
        for _ in range(ROUNDS_AT_ONCE):
            scripted = _Scripted(sees)
            run.eyes.put_first(Built("scripted", cast("Any", scripted), EngineSettings()))
            run.brains.put_first(Built("scripted", cast("Any", scripted), EngineSettings()))
            if sees:
                floor.sight.attach(scripted)
            hearing = floor.hearing(floor.partner, "en")

            def done(scripted: _Scripted = scripted, release: Callable[[], None] = hearing.release) -> None:
                scripted.at = time.monotonic()
                scripted.let_go.set()
                release()

            hearing.press()
            listening = asyncio.create_task(hearing.run(_Speaker(sound, done)))
            try:
                async with asyncio.timeout(WITHIN):
                    await scripted.asked.wait()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
            assert scripted.told == bool(sees), "what the eye said did not reach the brain"
            over.append((scripted.asked_at - scripted.at - max(thinks, sees)) * 1e3)
            floor.sight.detach(scripted)
            floor.floor.cut("stopped")
            await asyncio.sleep(REST)
    return over[1:]


async def beside() -> Rows:
    """Measure what is lost where ear and eye work at once."""
    sound = (await speak(COMMANDS[:1]))[0].astype("<i2").tobytes()
    longer, shorter = THINK
    rows: Rows = []
    for thinks, sees, what in ((longer, shorter, "the ear longer"), (shorter, longer, "the eye longer")):
        both, alone = await _beside(sound, thinks, sees), await _beside(sound, thinks, 0)
        rows.append(Row(f"sight: caption beside transcription, {what}: median", "ms", median(both), median(alone), 10))
    return rows


async def _measure() -> Rows:
    return await embedded() + await beside()


def run() -> Rows:
    return go(_measure())
