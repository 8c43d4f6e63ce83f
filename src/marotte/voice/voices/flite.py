"""English on this machine: CMU Flite 2.2 as Linux distributions package it (Debian: ``apt install flite``).

http://cmuflite.org, https://github.com/festvox/flite. Its library is spoken to by a program of its own
(``flite_program.py``): the command ``flite`` neither streams nor says which phones belong to which word.
"""

from collections.abc import AsyncIterator
from ctypes.util import find_library
from typing import ClassVar, Self

from pydantic import model_validator

from marotte.engines.child import Child
from marotte.engines.kinds import EngineSettings, EngineUnsuited, Kit, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.placed import spoken

VOICES = {"slt": 16_000, "rms": 16_000, "awb": 16_000, "kal": 8_000, "kal16": 16_000}
"""The voices of the package and their rates."""


class FliteSettings(VoiceSettings):
    """Settings of the voice. ``voice`` is ``slt``, a woman, ``rms``, a man, ``awb``, a Scot, ``kal16`` or ``kal``."""

    cannot = frozenset({"style"})

    voice: str = "slt"
    """One of the package's."""
    speaks: tuple[str, ...] = ("en",)
    """It reads everything as English."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        for manner in (self, *self.languages.values(), *self.feelings.values()):
            if "voice" in manner.model_fields_set and manner.voice not in VOICES:
                raise ValueError(f"there is no voice {manner.voice!r}; there are {', '.join(VOICES)}")
        return self


class FliteVoice:
    """Speaks English small and fast, with exact times of words and sounds."""

    cheap: ClassVar[bool] = True
    Settings: ClassVar[type[EngineSettings]] = FliteSettings

    def __init__(self, settings: FliteSettings, kit: Kit) -> None:
        self._settings = settings
        self._child = Child("flite", "marotte.voice.voices.flite_program")

    @classmethod
    def check(cls, settings: FliteSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return "" if find_library("flite") else "Flite is missing: apt install flite"

    async def warm(self) -> None:
        """Start the program, so that the first line need not wait for it."""
        await self._child.start()

    async def close(self) -> None:
        """End the program."""
        await self._child.close()

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield 100 ms of sound at a time, as it is made."""
        manner = self._settings.manner(line)
        if not self._settings.serves(line.language):
            raise EngineUnsuited(f"flite: it speaks English, not {line.language!r}")
        header = {"voice": manner.voice, "speed": manner.speed, "pitch": manner.pitch}
        async for sound in spoken(self._child, line, header, VOICES[manner.voice]):
            yield sound
