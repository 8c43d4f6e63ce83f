"""The last pictures that were looked at, where a show wants some stored: only so many, for their owner alone."""

import asyncio
import itertools
import os
import time
from pathlib import Path

from marotte.senses.sight.pictures import Picture


class Album:
    """Stores pictures in a folder; the oldest goes when there are too many."""

    def __init__(self, folder: Path) -> None:
        """The folder is made with the first picture."""
        self._folder = folder
        self._numbers = itertools.count()

    async def keep(self, picture: Picture, most: int) -> None:
        """Store a picture and no more than ``most`` in all. Raises OSError."""
        await asyncio.to_thread(self._keep, picture.jpeg, most)

    async def bound(self, most: int) -> None:
        """Keep no more than ``most``, those stored last. Raises OSError."""
        await asyncio.to_thread(self._bound, most)

    def _keep(self, jpeg: bytes, most: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{next(self._numbers) % 1_000:03}.jpg"
        with open(os.open(self._folder / name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(jpeg)
        self._bound(most)

    def _bound(self, most: int) -> None:
        stored = sorted(self._folder.glob("*.jpg"))
        for oldest in stored[: max(0, len(stored) - most)]:
            oldest.unlink(missing_ok=True)
