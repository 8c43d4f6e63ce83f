"""An ESP32 without the chip: the board's real program on Python, with a pretended ``board.py`` and MicroPython's clock.

``python tests/servers/esp32.py SKULL_JSON`` tells on its output what the pins do, as ``skull.py --mock`` does on a Pi,
and takes ``press`` and ``release`` on its input.
"""

import asyncio
import json
import sys
import time
import types
from collections import deque
from pathlib import Path
from typing import Any

SKULL = Path(__file__).parents[2] / "devices" / "skull"


class Board:
    """Pins that are told of instead of wired; sound that is played into nothing, at its own pace."""

    behind = 3_840 // 2 + 1_024
    program: Any = None

    def __init__(self, settings: dict[str, Any]) -> None:
        self._down = False
        self._orders: deque[bool] = deque()
        """What was done to the button and not yet seen: of two things done at once each is seen."""
        self._shown = ""
        self._plays = self._hears = time.monotonic()
        asyncio.get_running_loop().add_reader(sys.stdin, self._order)

    async def join(self, wifi: list[str]) -> None:
        """The network is there already."""

    async def play(self, sound: bytearray) -> None:
        self._plays = await self._after(self._plays)

    async def hear(self) -> bytes:
        self._hears = await self._after(self._hears)
        return bytes(640)

    async def _after(self, before: float) -> float:
        """Wait until 20 ms have passed since ``before``; who was held up has lost time, as a device has."""
        due = max(before, time.monotonic() - 0.02) + 0.02
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        return due

    def turn(self, angle: int) -> None:
        offset = self.program.player.offset
        print(json.dumps({"angle": angle / 1000, "sample": offset and self.program.place() - offset}), flush=True)

    def pressed(self) -> bool:
        if self._orders:
            self._down = self._orders.popleft()
        return self._down

    def show(self, name: str, now: int) -> None:
        if name != self._shown:
            self._shown = name
            print(json.dumps({"light": name}), flush=True)

    def _order(self) -> None:
        line = sys.stdin.buffer.raw.readline().strip()
        if not line:
            asyncio.get_running_loop().remove_reader(sys.stdin)
        self._orders.append(line == b"press")


async def _live(file: str) -> None:
    import main  # pyright: ignore[reportMissingImports]

    program = main.Program(file)
    program.board.program = program
    await program.run()


if __name__ == "__main__":
    sys.path[:0] = [str(SKULL), str(SKULL / "esp32")]
    sys.modules["board"] = types.SimpleNamespace(Board=Board)  # pyright: ignore[reportArgumentType]
    time.ticks_ms = lambda: time.monotonic_ns() // 1_000_000 % 2**30  # pyright: ignore
    time.ticks_diff = lambda a, b: (a - b + 2**29) % 2**30 - 2**29  # pyright: ignore
    asyncio.run(_live(sys.argv[1]))
