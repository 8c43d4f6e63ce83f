"""A clock on which hours pass in seconds, for links that are tried against servers over real connections."""

import asyncio

from marotte.time import Clock


class Fast(Clock):
    """Runs so many times faster than the machine's; ``skip`` lets more pass at once."""

    def __init__(self, speed: float) -> None:
        self._speed, self._ahead = speed, 0.0
        super().__init__()

    def now(self) -> float:
        return super().now() * self._speed + self._ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    def skip(self, seconds: float) -> None:
        self._ahead += seconds
