"""Pictures from cameras and partners, made fit to be looked at: small, upright, and without what is hidden in files."""

import asyncio
import importlib.util
from contextlib import aclosing
from typing import Any

import msgspec

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError, EngineUnavailable
from marotte.senses.sight.header import PictureError, size_of

PROGRAM = "marotte.senses.sight.opencv_program"
LARGEST = 12_000_000
"""Bytes of a picture as it comes."""
LONGEST_SIDE = 1_280
"""Pixels of a picture's longer side once it is prepared."""
THUMBNAIL = (48, 36)
"""Width and height of a thumbnail."""
_SMALLEST = 16
"""Pixels that the shorter side must have, also once the longer one is cut down."""
_MOST_PIXELS = 50_000_000
_WITHIN = 10.0
"""Seconds that a picture may take to be read."""
_FLICKER = 1.33
"""How much brighter or darker it may get everywhere without anything having changed."""
_NOTICEABLE = 18
"""Levels of grey, of 256, by which a place must differ."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is fit to be looked at."""

    jpeg: bytes
    """Encoded anew, its longer side at most ``LONGEST_SIDE``: where and when it was taken is not in it."""
    width: int
    height: int
    thumbnail: bytes
    """The same in 48 by 36 levels of grey, row by row, to tell whether anything has changed."""


class Pictures:
    """Prepares pictures in a child program, which is started for the first of them at the latest."""

    def __init__(self) -> None:
        self._child = Child("pictures", PROGRAM, start_within=30.0)

    async def prepare(self, data: bytes) -> Picture:
        """Make a JPEG, PNG or WebP fit to be looked at; of a moving picture its beginning.

        Raises PictureError where it cannot be taken, EngineError where the program cannot work.
        """
        width, height = _fit(data)
        asked = {"ask": "prepare", "longest": LONGEST_SIDE, "thumbnail": THUMBNAIL, "size": [width, height]}
        await self.warm()
        found, made = dict[str, Any](), b""
        try:
            async with asyncio.timeout(_WITHIN), aclosing(self._child.request(asked, data)) as answers:
                async for header, payload in answers:
                    found, made = header, payload
        except TimeoutError:
            raise PictureError(f"the picture could not be read within {_WITHIN:g} s") from None
        if "refused" in found:
            raise PictureError(found["refused"])
        if not found:
            raise EngineError("pictures: the program ended without an answer")
        grey = THUMBNAIL[0] * THUMBNAIL[1]
        return Picture(jpeg=made[:-grey], thumbnail=made[-grey:], width=found["width"], height=found["height"])

    async def warm(self) -> None:
        """Start the program now. Raises EngineError."""
        if missing := opencv_missing():
            raise EngineUnavailable(f"pictures: {missing}")
        await self._child.start()

    async def close(self) -> None:
        """End the program."""
        await self._child.close()


def opencv_missing() -> str:
    """Say in one line how to get OpenCV where it is not installed, or ""."""
    return "" if importlib.util.find_spec("cv2") else "OpenCV is not installed: pip install 'marotte[embedded]'"


def _fit(data: bytes) -> tuple[int, int]:
    """Return a picture's size as its header has it. Raises PictureError where nobody should try to decode it."""
    if len(data) > LARGEST:
        raise PictureError(f"the picture has {len(data) / 1e6:.1f} MB; it may have {LARGEST // 1_000_000}")
    width, height = size_of(data)
    if width * height > _MOST_PIXELS:
        most = _MOST_PIXELS // 1_000_000
        raise PictureError(f"the picture has {width} × {height} pixels; it may have {most} million in all")
    if min(width, height) * min(1.0, LONGEST_SIDE / max(width, height, 1)) < _SMALLEST:
        raise PictureError(f"the picture has {width} × {height} pixels: too few, or too narrow, to see anything")
    return width, height


def changed(before: Picture, after: Picture) -> float:
    """Return on what share of a picture something has changed noticeably, 0 to 1.

    Light that flickers, up to a third, changes nothing; one that is switched on or off changes everything.
    """
    import numpy as np

    old, new = (np.frombuffer(picture.thumbnail, np.uint8).astype(np.float32) for picture in (before, after))
    light = min(max(float(np.median((new + 8) / (old + 8))), 1 / _FLICKER), _FLICKER)
    return float(np.mean(np.abs(new - np.minimum(old * light, 255)) > _NOTICEABLE))
