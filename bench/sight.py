"""Milliseconds in which the embedded eye puts a picture of 640 by 480 pixels into words, and in which a camera's twelve
million pixels are made fit to be looked at, both in a program of their own.

The limit is the same steps in this process: OpenCV alone, without a pipe and without words. The picture is the
photograph of the tests on a grey wall. Forty times each, in turns, after ten that are dropped; medians, and the
ninety-fifth percentile.
"""

import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from bench import Row, Rows, go, median, percentile
from marotte.engines.kinds import Kit
from marotte.senses.sight import opencv_program
from marotte.senses.sight.eyes.opencv import OpenCVEye, OpenCVSettings
from marotte.senses.sight.pictures import LONGEST_SIDE, THUMBNAIL, Pictures

ROUNDS, DROPPED = 50, 10
PHOTOGRAPH = Path(__file__).parents[1] / "tests" / "data" / "astronaut.jpg"


class _Asked:
    """As much of a request as the program's preparing touches."""

    def __init__(self, payload: bytes, width: int, height: int) -> None:
        self.header = {"longest": LONGEST_SIDE, "thumbnail": THUMBNAIL, "size": [width, height]}
        self.payload = payload
        self.sent: dict[str, Any] = {}

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        self.sent = header


def _pictures() -> tuple[bytes, bytes]:
    wall = np.full((480, 640, 3), 140, np.uint8)
    wall[160:, 160:480] = cast("Any", cv2.imread(str(PHOTOGRAPH)))
    large = cv2.resize(wall, (4_000, 3_000), interpolation=cv2.INTER_CUBIC)
    small, big = (cv2.imencode(".jpg", image)[1].tobytes() for image in (wall, large))
    return small, big


async def _measure() -> Rows:
    small, big = _pictures()
    eye, pictures, bare = OpenCVEye(OpenCVSettings(), Kit()), Pictures(), opencv_program.Eye()

    async def see() -> None:
        told = "".join([piece async for piece in eye.see(small, "en")])
        assert "somebody is there" in told, told

    async def prepare() -> None:
        assert (await pictures.prepare(big)).width == LONGEST_SIDE

    async def see_here() -> None:
        assert bare._see(cv2.imdecode(np.frombuffer(small, np.uint8), cv2.IMREAD_COLOR))["people"] == 1

    async def prepare_here() -> None:
        asked: Any = _Asked(big, 4_000, 3_000)
        bare._prepare(asked)
        assert asked.sent["width"] == LONGEST_SIDE

    works: list[Callable[[], Coroutine[Any, Any, None]]] = [see, see_here, prepare, prepare_here]
    took: list[list[float]] = [[] for _ in works]
    try:
        for _ in range(ROUNDS):
            for work, found in zip(works, took, strict=True):
                began = time.perf_counter()
                await work()
                found.append((time.perf_counter() - began) * 1e3)
    finally:
        await eye.close()
        await pictures.close()
    saw, saw_here, prepared, prepared_here = (found[DROPPED:] for found in took)
    return [
        Row("sight: 640 × 480 in words, median", "ms", median(saw), median(saw_here), 60),
        Row("sight: the same, 95th percentile", "ms", percentile(saw, 0.95), percentile(saw_here, 0.95)),
        Row("sight: 12 megapixels made fit, median", "ms", median(prepared), median(prepared_here)),
    ]


def run() -> Rows:
    return go(_measure())
