"""A skull behind a bad line: stalls, resets, and what a device claims to have played.

A board's own protocol, player and jaw (``devices/skull``) are driven as its program drives them, against the program.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any

import aiohttp
import numpy as np
import pytest
from numpy.typing import NDArray

from marotte.body.jaw import Jaw
from tests.servers.marotte import TOKEN, Marotte, Window, marotte
from tests.servers.micropython import SKULL
from tests.servers.openai import OpenAIServer, Script
from tests.servers.stalling_proxy import StallingProxy, stalling_proxy
from tests.waiting import until

sys.path.append(str(SKULL))

import skull_settings
from skull_motion import Player, Servo
from skull_protocol import Skull

pytestmark = [pytest.mark.anyio, pytest.mark.alone]
SHOW = """
[attention]
lull_after = 0
pause = 0
[brain]
discover = false
[voice]
chain = ["scripted"]
[voice.scripted]
engine = "openai"
url = "{url}"
first_within = 60
next_within = 60
"""
"""Its voice says the same twice alike, to the sample, as the embedded one never does; and none speaks in its stead."""
STORY = " ".join(f"Number {n} of this long story is told here." for n in range(1, 7))
BLOCK, BEHIND = 480, 1_500
"""Samples that the loudspeaker takes at a time, and between what it takes and what is heard: never on a border."""
RATE = 48_000


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


@pytest.fixture(scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, anyio_backend: object) -> AsyncIterator[Marotte]:
    async with OpenAIServer(Script(key="")) as voice:
        async with marotte(tmp_path_factory.mktemp("link"), SHOW.format(url=voice.url)) as running:
            yield running


class Board:
    """A board with a loudspeaker that keeps time, and no pins."""

    def __init__(self, url: str, name: str) -> None:
        self._url = f"{url}/ws"
        self.settings = skull_settings.load("/nowhere.json", {"name": name, "partner": f"a secret kept by {name}"})
        self.settings["can"] = ["loudspeaker", "jaw", "light"]
        jaw = self.settings["jaw"]
        self.player = Player()
        servo = Servo(jaw["closed"], jaw["open"], jaw["speed"], jaw["dead"], jaw["latency"])
        self.skull = Skull(self.settings, self.player, servo)
        self.lives: list[list[tuple[dict[str, Any], bytes]]] = []
        """What sounded of each connection."""
        self.stops: list[dict[str, Any]] = []
        self.lights: list[str] = []
        self.moved: list[tuple[int, int]] = []
        """The sample that was heard, and how far the jaw was open then."""
        self.reports: list[tuple[int, int]] = []
        """What was reported as played, and the end of what had come by then."""
        self.floor = ""
        self._end = 0

    @property
    def sound(self) -> list[tuple[dict[str, Any], bytes]]:
        """All that came to be played."""
        return [frame for life in self.lives for frame in life]

    async def live(self) -> None:
        """Stay connected, until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._play())
            while True:
                if self.skull.may_connect(_now()):
                    try:
                        async with aiohttp.ClientSession() as session, session.ws_connect(self._url) as socket:
                            await self._converse(socket)
                    except (aiohttp.ClientError, OSError):
                        pass
                    self.skull.closed(_now())
                await asyncio.sleep(0.02)

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.skull.opened(_now())
        self.lives.append([])
        sending = asyncio.create_task(self._send(socket))
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._note(json.loads(message.data))
                    self.skull.text(message.data, _now())
                else:
                    header, _, pcm = message.data.partition(b"\n")
                    self.lives[-1].append((json.loads(header), pcm))
                    self._end = self.lives[-1][-1][0]["sample"] + len(pcm) // 2
                    self.skull.binary(message.data, _now())
        finally:
            sending.cancel()

    def _note(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "welcome":
            self.floor = frame["floor"]
        elif frame["type"] == "light":
            self.lights.append(frame["show"])
        elif frame["type"] == "stop":
            self.stops.append(frame)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            while self.skull.out:
                frame = self.skull.out.pop(0)
                said = json.loads(frame)
                if said["type"] == "played":
                    self.reports.append((said["sample"], self._end))
                await socket.send_str(frame)
            await asyncio.sleep(0.01)

    async def _play(self) -> None:
        """Take sound as a loudspeaker does, and see how the jaw stands while it is heard."""
        began, block = time.monotonic(), bytearray(2 * BLOCK)
        while True:
            await asyncio.sleep(0.01)
            while self.player.place < (time.monotonic() - began) * RATE:
                self.player.take(block)
                place = self.player.place - BEHIND
                level = self.player.level(place)
                heard = self.player.heard(place)
                if heard is not None and not self.player.idle:
                    self.moved.append((heard, level))
                self.skull.tick(_now(), heard)


def _now() -> int:
    return round(time.monotonic() * 1_000)


@asynccontextmanager
async def living(url: str, name: str) -> AsyncIterator[Board]:
    board = Board(url, name)
    life = asyncio.create_task(board.live())
    try:
        await until(lambda: board.floor, "a welcome")
        yield board
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def say(program: Marotte, floor: str, text: str = STORY) -> None:
    wish = {"type": "asked", "text": text, "verbatim": True, "floor": floor}
    assert (await program.post("/api/v1/percepts", wish))[0] == 202


async def ended(watcher: Window) -> dict[str, dict[str, Any]]:
    """Read to the end of a turn; returns how its lines ended."""
    while (await watcher.event("line_started", "line_ended", "turn_ended"))["type"] != "turn_ended":
        pass
    return {event["line"]: event for event in watcher.events if event["type"] == "line_ended"}


def begun(watcher: Window) -> dict[str, dict[str, Any]]:
    return {event["line"]: event for event in watcher.events if event["type"] == "line_started"}


# --- stalls and resets


async def test_through_stalls_and_resets_sound_jaw_and_reports_stay_on_the_samples_own_time(program: Marotte) -> None:
    line, breaks = stalling_proxy(program.url, seed=5, stall=0.2, every=0.8), Random(5)
    async with living(program.url, "near") as near, line as wire, living(wire.url, "far away") as far:
        (whole, _), (_, told), _ = await asyncio.gather(
            told_a_story(program, near),
            told_a_story(program, far),
            broken(wire, far, *(breaks.randint(50, 120) for _ in range(2))),
        )
    assert wire.stalls >= 3
    assert wire.resets == 2
    assert len(far.lives) == 3
    assert all(far.lives), "each time it was back in mid-speech"
    assert far.lights.count("speaking") >= 3
    assert len({header["turn"] for header, _ in far.sound}) == 1, "and what was said went on"
    assert len(told) == len(whole) == 6
    _sound_where_it_belongs(far, told, whole)
    _jaw_where_the_sound_is(far)
    _reports_that_can_be_true(far)


async def broken(wire: StallingProxy, board: Board, *pieces: int) -> None:
    """Break the line each time that so many pieces of sound came over it: in mid-speech, however slow all this is."""
    for life, count in enumerate(pieces):
        await until(
            lambda life=life, count=count: len(board.lives) > life and len(board.lives[life]) >= count,
            "sound on the line",
        )
        wire.reset()


async def told_a_story(program: Marotte, board: Board) -> tuple[dict[str, bytes], dict[str, dict[str, Any]]]:
    """Have the story told and heard; returns the sound that came of each sentence, and the beginning of each line."""
    async with program.window("talk", floor=board.floor, token=TOKEN) as watcher:
        await say(program, board.floor)
        await ended(watcher)
    # What is still on its way to the loudspeaker is heard, too.
    await until(lambda: board.player.idle, "all of it was heard")
    told, sound = begun(watcher), dict[str, bytes]()
    for header, pcm in board.sound:
        said = told[header["line"]]["spoken"]
        sound[said] = sound.get(said, b"") + pcm
    return sound, told


def _sound_where_it_belongs(board: Board, told: dict[str, dict[str, Any]], whole: dict[str, bytes]) -> None:
    """Each frame is, to the sample, what its sentence has at that place on a good line: nothing has shifted."""
    for life in board.lives:
        for (one, pcm), (other, _) in pairwise(life):
            assert other["sample"] >= one["sample"] + len(pcm) // 2
    dry: dict[str, int] = {}
    for header, pcm in board.sound:
        begin, line = told[header["line"]], header["line"]
        good = np.frombuffer(whole[begin["spoken"]], "<i2").astype(int)
        dry[line] = _silent_before(
            np.frombuffer(pcm, "<i2"), good, header["sample"] - begin["sample"], dry.get(line, 0)
        )


def _silent_before(piece: NDArray[np.int16], good: NDArray[np.int_], at: int, known: int) -> int:
    """How many samples of silence lie before a piece that came as the ``at``-th sample of its sentence.

    There are none but those that are ``known``, unless this machine stalled and the sound ran dry.
    """
    for silent in range(known, at + 1):
        there = good[at - silent : at - silent + len(piece)]
        # To be heard in other pieces rounds a sample otherwise; to be one sample off would differ by far more.
        if len(there) == len(piece) and np.abs(there - piece).max() <= 2:
            return silent
    raise AssertionError(f"what came as sample {at} lies nowhere before it, {known} samples of silence left aside")


def _jaw_where_the_sound_is(board: Board) -> None:
    """The level that was sent, and that at which the jaw stood, are those of the sound at that very sample."""
    levels: list[tuple[int, int, int]] = []
    for life in board.lives:
        jaw, line = Jaw(), ""
        for header, pcm in life:
            if header["line"] != line:
                line = header["line"]
                jaw.reset()
            assert header["jaw"] == jaw.level(pcm), header
            levels.append((header["sample"], header["sample"] + len(pcm) // 2, header["jaw"]))
    within = 0
    for heard, stood in board.moved:
        # At the end of what was heard the jaw may have shut, or stand as what comes next wants it.
        asked = [level for begin, end, level in levels if begin < heard < end]
        assert not asked or stood in asked, heard
        within += bool(asked)
    assert within > 500


def _reports_that_can_be_true(board: Board) -> None:
    samples = [sample for sample, _ in board.reports]
    assert samples == sorted(samples)
    assert all(sample <= end for sample, end in board.reports)


def given_up(watcher: Window) -> bool:
    """Whether what is heard followed the clock: nobody had reported for seconds, as where a machine stalls."""
    return any(event["type"] == "outlet_changed" and event["outlet"] == "clock" for event in watcher.events)


async def test_what_a_stalled_device_did_not_play_is_not_counted_as_heard(program: Marotte) -> None:
    async with stalling_proxy(program.url) as wire, living(wire.url, "stalled") as board:
        for _ in range(5):
            board.stops.clear()
            async with program.window("talk", floor=board.floor, token=TOKEN) as watcher:
                told = len(board.reports)
                await say(program, board.floor)
                await until(lambda told=told: len(board.reports) > told + 5, "some reports")
                wire.hold()
                await until(lambda: board.player.idle, "the end of what it has")
                known = board.reports[-1][0]
                assert (await program.post(f"/api/v1/floors/{board.floor}/stop"))[0] < 300
                ends = await ended(watcher)
                wire.go_on()
            if not given_up(watcher):
                break
            await until(lambda: board.stops and board.player.idle, "silence")
        (last,) = (end for end in ends.values() if end["cut"])
        start = begun(watcher)[last["line"]]
        assert start["sample"] < last["sample"] <= known
        assert start["spoken"].startswith(last["heard"])
        await until(lambda: board.stops, "what was held back")
        await until(lambda: board.player.idle, "silence")
        # What it says once it can be heard again changes nothing of that.
        assert await said_last(program, board.floor) == last["heard"]


async def said_last(program: Marotte, floor: str) -> str:
    """Return what counts as heard of the last turn of a floor."""
    rows = await program.get("/api/v1/turns?limit=50")
    return next(row["heard"] for row in rows if row["floor"] == floor)


# --- devices that lie


async def lying(
    program: Marotte, name: str, tell: Callable[[int, int], int]
) -> tuple[list[tuple[int, int]], dict[str, Any], dict[str, Any]]:
    """Let a device report what ``tell`` makes of a frame's sample and number, until it is cut.

    Returns each frame's sample and end, the beginning of the line that was cut, and its end.
    """
    for _ in range(5):
        if lies := await _lies(program, name, tell):
            return lies
    raise AssertionError("each time it was given up before it was cut")


async def _lies(
    program: Marotte, name: str, tell: Callable[[int, int], int]
) -> tuple[list[tuple[int, int]], dict[str, Any], dict[str, Any]] | None:
    """Let it lie once; returns what ``lying`` does, or None where it was given up."""
    hello = {"name": name, "partner": f"a secret kept by {name}", "can": ["loudspeaker"]}
    async with program.window("skull", **hello) as window:
        floor = window.welcome["floor"]
        async with program.window("talk", floor=floor, token=TOKEN) as watcher:
            await say(program, floor)
            while len(window.sound) < 60:
                header = await window.until("sound")
                await window.send(type="played", sample=tell(header["sample"], len(window.sound)))
            await window.send(type="ping", t=1)
            await window.until("pong")
            assert (await program.post(f"/api/v1/floors/{floor}/stop"))[0] < 300
            ends = await ended(watcher)
        if given_up(watcher):
            return None
        (end,) = (end for end in ends.values() if end["cut"])
        frames = [(header["sample"], header["sample"] + len(pcm) // 2) for header, pcm in window.sound]
        return frames, begun(watcher)[end["line"]], end


@pytest.mark.parametrize("far", [2**40, 2**52])
async def test_samples_that_a_device_was_never_sent_are_not_heard(program: Marotte, far: int) -> None:
    frames, begin, end = await lying(program, f"boaster {far}", lambda sample, number: sample + far)
    assert end["sample"] <= frames[-1][1]
    assert len(end["heard"]) < len(begin["spoken"]), "nobody has heard the end of it"


async def test_a_device_that_runs_ahead_of_time_is_held_to_it(program: Marotte) -> None:
    """Sound comes a quarter of a second before it is due: who has it has not played it."""
    async with program.window("skull", name="hasty", partner="a secret of the hasty", can=["loudspeaker"]) as window:
        floor = window.welcome["floor"]
        async with program.window("talk", floor=floor, token=TOKEN) as watcher:
            await say(program, floor)
            while len(window.sound) < 40:
                header = await window.until("sound")
                await window.send(type="played", sample=header["sample"] + len(window.sound[-1][1]) // 2)
            stopped = asyncio.create_task(window.until("stop"))
            assert (await program.post(f"/api/v1/floors/{floor}/stop"))[0] < 300
            cut = (await stopped)["sample"]
            (end,) = (end for end in (await ended(watcher)).values() if end["cut"])
        assert end["sample"] <= cut


async def test_a_device_that_runs_back_unhears_nothing(program: Marotte) -> None:
    def back(sample: int, number: int) -> int:
        return (sample, sample - RATE, -1, 0)[number % 4]

    frames, begin, end = await lying(program, "forgetful", back)
    assert begin["sample"] < end["sample"] <= frames[-1][1]
    # It had played all but what waits in its lead.
    assert end["sample"] >= frames[-1][0] - 2 * RATE
