"""What waits to be sent to one window: bounded, so that a slow window loses and never slows."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable

MOST_FRAMES = 600
MOST_BYTES = 2_000_000

Frame = str | bytes


class Outbox:
    """A bounded queue of frames; sound and events beyond the limits are counted and lost."""

    def __init__(self) -> None:
        self._frames: deque[tuple[str, Frame]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._missed = 0
        self.missed = 0
        """How many frames this window has lost in all."""

    def put(self, frame: Frame, turn: str = "") -> None:
        """Add a frame; sound carries its turn, so that a cut can take it out again."""
        if len(self._frames) >= MOST_FRAMES or self._bytes >= MOST_BYTES:
            self._missed += 1
            self.missed += 1
            return
        if self._missed:
            count, self._missed = self._missed, 0
            self._add("", json.dumps({"type": "missed", "count": count}))
        self._add(turn, frame)
        self._filled.set()

    def _add(self, turn: str, frame: Frame) -> None:
        self._frames.append((turn, frame))
        self._bytes += len(frame)

    def drop_sound(self, turn: str) -> None:
        """Take back the sound of a turn that was cut."""
        kept = [(t, f) for t, f in self._frames if t != turn or not t]
        self._frames = deque(kept)
        self._bytes = sum(len(f) for _, f in kept)

    async def send_to(
        self, send_text: Callable[[str], Awaitable[None]], send_bytes: Callable[[bytes], Awaitable[None]]
    ) -> None:
        """Send what comes, in order, until cancelled."""
        while True:
            while self._frames:
                _, frame = self._frames.popleft()
                self._bytes -= len(frame)
                if isinstance(frame, str):
                    await send_text(frame)
                else:
                    await send_bytes(frame)
            self._filled.clear()
            if not self._frames:
                await self._filled.wait()
