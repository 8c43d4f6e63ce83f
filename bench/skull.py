"""From a button's release to the answer, with a look through a camera beside the ear.

* With an ear that thinks 0.5 s after the release, and an eye that takes 0.2 s or 2 s from the press: how much later the
  brain is asked than whichever of the two is slower.
* With the embedded engines and a picture of 640 by 480: from the release to the first sound, after a command of a
  second that espeak-ng has spoken. The limit is the same without a look.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import cv2
import numpy as np

from bench import Row, Rows, go, median
from bench.conversation import COMMANDS, Said, ScriptedEar, run_of, speak
from bench.sink import Sink
from marotte.engines.kinds import EngineSettings, Prompt
from marotte.engines.registry import Built
from marotte.show import Run

EAR = 0.5
EYES = (0.2, 2.0)
_SHOW = "[attention]\nlull_after = 0\npause = 0\nbegin_early = false\n[brain]\ndiscover = false\n[sight]\nwithin = 3\n"
ROUNDS = 6


class Camera:
    """Gives a picture of 640 by 480 at once."""

    name = "bench"

    def __init__(self) -> None:
        noise = np.random.default_rng(3).integers(0, 255, (480, 640, 3), np.uint8)
        self._jpeg = cv2.imencode(".jpg", cv2.GaussianBlur(noise, (31, 31), 0))[1].tobytes()

    async def picture(self) -> bytes:
        return self._jpeg


class ScriptedEye:
    """Takes so long for every picture."""

    def __init__(self, takes: float) -> None:
        self._takes = takes

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        await asyncio.sleep(self._takes)
        yield "A room."

    async def close(self) -> None:
        pass


class ScriptedBrain:
    """Notes when it is asked."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.at = 0.0

    async def reply(self, prompt: Prompt) -> AsyncIterator[str]:
        self.at = time.monotonic()
        self.asked.set()
        yield "Yes."

    async def close(self) -> None:
        pass


async def _press(run: Run, said: Said, number: int, *, looks: bool = True) -> tuple[Sink, float, Any]:
    """Hold the button while something is said on a private floor of its own; returns its sink and the release."""
    floor = run.open_floor(f"bench-skull-{number:024}", f"Partner {number}", "en")
    sink = Sink(lambda sample: floor.speaker.played(sink, sample), floor.speaker.now)
    floor.speaker.attach(sink)
    sink.start()
    if looks:
        floor.sight.attach(Camera())
    hearing = floor.hearing(floor.partner, "en")
    hearing.hands_free = False
    hearing.press()
    listening = asyncio.create_task(hearing.run(said))
    await asyncio.sleep(0.05)
    await asyncio.sleep(said.end - time.monotonic())
    sink.expect()
    hearing.release()
    return sink, time.monotonic(), (listening, floor)


async def _parallel(takes: float, samples: Any) -> float:
    """Return how many milliseconds later than the slower of ear and eye the brain is asked."""
    late: list[float] = []
    async with run_of(_SHOW, ScriptedEar(EAR)) as run:
        brain = ScriptedBrain()
        run.brains.put_first(Built("scripted", brain, EngineSettings()))  # type: ignore[arg-type]
        run.eyes.put_first(Built("scripted", ScriptedEye(takes), EngineSettings()))  # type: ignore[arg-type]
        await run.pictures.prepare(await Camera().picture())
        for number in range(ROUNDS):
            brain.asked.clear()
            pressed = time.monotonic()
            _, released, (listening, _) = await _press(run, Said(samples, 0.1), number)
            await brain.asked.wait()
            late.append((brain.at - max(released + EAR, pressed + takes)) * 1e3)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return median(late[1:])


async def _embedded(spoken: list[Any], *, looks: bool) -> float:
    """Return the worst time from the release to the first sound."""
    took: list[float] = []
    async with run_of(_SHOW) as run:
        await run.pictures.prepare(await Camera().picture())
        await run.eyes.see(await Camera().picture(), "en")
        for number in range(ROUNDS):
            said = Said(spoken[number % len(spoken)], 0.1)
            sink, released, (listening, floor) = await _press(run, said, number, looks=looks)
            took.append((await sink.first(20) - released) * 1e3)
            floor.floor.cut()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    return max(took[1:])


async def _measure() -> Rows:
    spoken = await speak(COMMANDS)
    rows: Rows = []
    for takes in EYES:
        late = await _parallel(takes, spoken[0])
        rows.append(
            Row(f"an eye of {takes:g} s beside an ear of {EAR:g} s: the brain is asked later by", "ms", late, None, 10)
        )
    with_look, without = await _embedded(spoken, looks=True), await _embedded(spoken, looks=False)
    rows.append(Row("skull: button released to first sound, embedded, worst", "ms", with_look, without, 1_000))
    return rows


def run() -> Rows:
    return go(_measure())
