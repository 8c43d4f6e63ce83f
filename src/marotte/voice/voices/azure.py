"""Azure Speech: neural voices with styles in many languages, with the time of each word and each shape of the mouth.

Microsoft's SDK speaks with the service, in programs of its own (``azure_program.py``). Voices and their styles:
https://learn.microsoft.com/azure/ai-services/speech-service/language-support?tabs=tts
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar, Literal, cast

from pydantic import Field

from marotte.engines.azure import AzureSettings, Programs, locale
from marotte.engines.kinds import EngineSettings, Kit, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.placed import spoken

_NAME, _PROGRAM = "azure voice", "marotte.voice.voices.azure_program"


class AzureVoiceSettings(AzureSettings, VoiceSettings):
    """Settings of the voice. Its styles are Azure's: ``cheerful``, ``whispering``; which, depends on the voice."""

    voice: str = "en-US-AvaMultilingualNeural"
    """The name of a voice; a multilingual one speaks a line in the line's language."""
    degree: float = Field(default=1.0, ge=0.01, le=2)
    """How strong a style is: 1 as it is meant, 2 twice that."""
    rate: Literal[16_000, 24_000, 48_000] = 24_000
    """Samples per second."""
    tail: int = Field(default=150, ge=0, le=5_000)
    """Milliseconds of silence after a line; Azure's own would be most of a second."""


class AzureVoice:
    """Speaks with Azure's voices, over connections that stay open from line to line."""

    Settings: ClassVar[type[EngineSettings]] = AzureVoiceSettings

    def __init__(self, settings: AzureVoiceSettings, kit: Kit) -> None:
        self._settings = settings
        self._programs = Programs(_NAME, _PROGRAM, settings, kit)

    @classmethod
    def check(cls, settings: AzureVoiceSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Programs(_NAME, _PROGRAM, settings, kit).missing()

    async def warm(self) -> None:
        """Load the SDK and connect, so that the first line need not wait for it. Raises EngineError."""
        async with self._programs.one() as child:
            async for _ in child.request({"ahead": True, **self._header()}):
                pass

    async def close(self) -> None:
        """End the programs."""
        await self._programs.close()

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, with words and mouth shapes as soon as their end is known."""
        settings, manner = self._settings, self._settings.manner(line)
        how = {
            "language": locale(line.language),
            "voice": manner.voice,
            "style": manner.style,
            "degree": settings.degree,
            "speed": manner.speed,
            "pitch": manner.pitch,
            "tail": settings.tail,
        }
        async with self._programs.one() as child:
            sounds = spoken(child, line, {**self._header(), **how}, settings.rate)
            async with aclosing(cast("AsyncGenerator[Sound]", sounds)) as pieces:
                async for sound in pieces:
                    yield sound

    def _header(self) -> dict[str, Any]:
        return {"service": self._programs.service, "rate": self._settings.rate}
