"""A board's program as a subprocess, with pins that it tells of instead of moving: see ``skull.py --mock``."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from tests.waiting import until

ROOT = Path(__file__).parents[2]
Kind = Literal["pi", "esp32"]


class SkullProgram:
    """What the program's pins have done so far, and its button."""

    def __init__(self, process: asyncio.subprocess.Process, file: Path) -> None:
        self.process = process
        self.file = file
        self.angles: list[tuple[float, int | None]] = []
        """Angles in degrees, each with the floor's sample that was heard when it was commanded."""
        self.lights: list[str] = []
        self.said = ""

    def press(self, *, down: bool = True) -> None:
        """Push the button down, or let it go."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"press\n" if down else b"release\n")

    async def shows(self, light: str) -> None:
        """Wait until the light shows it."""
        await until(lambda: self.lights[-1:] == [light], f"the light shows {light}")

    async def follow(self) -> None:
        """Read what the pins do."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            try:
                told: dict[str, Any] = json.loads(line)
            except ValueError:
                self.said += line.decode()
                continue
            if "light" in told:
                self.lights.append(told["light"])
            else:
                self.angles.append((told["angle"], told["sample"]))


@asynccontextmanager
async def skull_program(kind: Kind, file: Path, **settings: Any) -> AsyncIterator[SkullProgram]:
    """Run a board's program with those settings until the block ends."""
    await asyncio.to_thread(file.write_text, json.dumps(settings))
    program = (
        (ROOT / "devices/skull/pi/skull.py", "--mock", "--settings")
        if kind == "pi"
        else (ROOT / "tests/servers/esp32.py",)
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, file, stdin=-1, stdout=-1, stderr=asyncio.subprocess.STDOUT
    )
    skull = SkullProgram(process, file)
    following = asyncio.create_task(skull.follow())
    try:
        yield skull
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        await following
