"""Speech as microphones give it and ears take it: 16 kHz, mono, signed 16 bits, little endian."""

import re
from collections.abc import AsyncIterator

from marotte.engines.kinds import EngineUnsuited
from marotte.time import Clock

RATE = 16_000
"""Samples per second of everything that is heard."""
LONGEST_TURN = 600
"""Seconds that an ear takes at once."""
_PIECE = 2 * RATE // 50


class Recording:
    """A microphone that plays a recording in real time, in pieces of 20 ms."""

    def __init__(self, pcm: bytes, clock: Clock) -> None:
        """``pcm`` is 16 kHz mono 16-bit sound."""
        self._pcm = pcm
        self._clock = clock

    async def sound(self) -> AsyncIterator[bytes]:
        """Yield the recording, each piece once it would have been spoken."""
        begun = self._clock.now()
        for start in range(0, len(self._pcm), _PIECE):
            piece = self._pcm[start : start + _PIECE]
            await self._clock.sleep(begun + (start + len(piece)) / (2 * RATE) - self._clock.now())
            yield piece


async def collect(speech: AsyncIterator[bytes]) -> bytes:
    """Return the whole of a turn, for ears that take it at once. Raises EngineUnsuited beyond ``LONGEST_TURN``."""
    pcm = bytearray()
    async for piece in speech:
        pcm += piece
        if len(pcm) > 2 * RATE * LONGEST_TURN:
            raise EngineUnsuited(f"more than {LONGEST_TURN} seconds in one turn")
    return bytes(pcm)


def words_of(text: str) -> str:
    """Return what was said of a transcript: Whisper puts noises in brackets, ``[BLANK_AUDIO]`` or ``(music)``."""
    return " ".join(re.sub(r"\[[^]]*\]|\([^)]*\)|♪+", " ", text).split())
