"""OpenCV: the embedded eye. It finds faces, light and colours, and knows nothing of what it sees.

It needs no key, no network and no model. https://docs.opencv.org/4.x/, version 4.14 or later; 5 has no cascades.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError, EngineSettings, Kit
from marotte.senses.sight.pictures import PROGRAM, opencv_missing
from marotte.senses.sight.words import seen_in, tell


class OpenCVSettings(EngineSettings):
    """Settings of the embedded eye."""


class OpenCVEye:
    """Turns a picture into a sentence or two on its light, its colours, and whether somebody is there."""

    Settings: ClassVar[type[EngineSettings]] = OpenCVSettings

    def __init__(self, settings: OpenCVSettings, kit: Kit) -> None:
        self._child = Child("opencv", PROGRAM, start_within=30.0)

    @classmethod
    def check(cls, settings: OpenCVSettings, kit: Kit) -> str:
        """Say in one line what is missing here, or ""."""
        return opencv_missing()

    async def warm(self) -> None:
        """Start the program now, some 60 MB in half a second, so that the first look need not wait for it."""
        await self._child.start()

    async def see(self, picture: bytes, language: str) -> AsyncIterator[str]:
        """Yield what is seen, once; in English, Spanish, French, Chinese or Japanese."""
        found = dict[str, Any]()
        async with aclosing(self._child.request({"ask": "see"}, picture)) as answers:
            async for header, _ in answers:
                found = header
        if not found:
            raise EngineError("opencv: the program ended without an answer")
        yield tell(seen_in(found), language)

    async def close(self) -> None:
        """End the program."""
        await self._child.close()
