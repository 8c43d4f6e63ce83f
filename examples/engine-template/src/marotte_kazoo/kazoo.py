"""A voice that hums each word on a kazoo: the smallest engine that does all that an engine should."""

import math
import re
from array import array
from collections.abc import AsyncIterator
from typing import ClassVar

from marotte.engines.kinds import EngineSettings, EngineUnsuited, Kit, Sound, VoiceSettings
from marotte.events import Line, Word
from pydantic import Field

RATE = 16_000
_WORD = re.compile(r"\w+")


class KazooSettings(VoiceSettings):
    """What a show may set under ``[voice.kazoo]``, besides speed and pitch."""

    cannot = frozenset({"voice", "style"})

    tone: float = Field(default=196.0, ge=80, le=800)
    """The first word's tone, in Hz; each word after it is a step lower."""
    letter: float = Field(default=0.06, ge=0.02, le=0.5)
    """Seconds that one letter is hummed."""


class Kazoo:
    """Hums each word of a line."""

    Settings: ClassVar[type[EngineSettings]] = KazooSettings

    def __init__(self, settings: KazooSettings, kit: Kit) -> None:
        self._settings = settings

    @classmethod
    def check(cls, settings: KazooSettings, kit: Kit) -> str:
        """Say in one line what is missing for it to work and how to get it; a kazoo lacks nothing."""
        return ""

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield each word as it is made, with the place where it sounds.

        Raises EngineUnsuited before the first sound where there is nothing to hum: the next voice takes over.
        """
        words = list(_WORD.finditer(line.spoken))
        if not words:
            raise EngineUnsuited("kazoo: there is no word to hum")
        manner = self._settings.manner(line)
        tone = self._settings.tone * 2 ** (manner.pitch / 12)
        start = 0
        for place, word in enumerate(words):
            pcm = self._hum(tone * 2 ** (-(place % 5) / 12), len(word[0]) / manner.speed)
            end = start + len(pcm) // 2
            yield Sound(pcm=pcm, rate=RATE, words=(Word(word[0], start, end, word.start()),))
            start = end

    def _hum(self, tone: float, letters: float) -> bytes:
        """Make one word's sound: a tone with a few overtones, which swells and fades so that nothing clicks."""
        length = round(letters * self._settings.letter * RATE)
        samples = array("h")
        for n in range(length):
            angle = 2 * math.pi * tone * n / RATE
            buzz = sum(math.sin(k * angle) / k for k in (1, 2, 3))
            samples.append(round(9_000 * buzz * math.sin(math.pi * n / length)))
        return samples.tobytes()

    async def close(self) -> None:
        """Give back what it holds; a kazoo holds nothing."""
