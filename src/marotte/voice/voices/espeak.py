"""The embedded voice: espeak-ng, about a hundred languages, no key and no network.

It runs as a program of its own (``espeak_program.py``): its licence stays there, and a cut kills nothing of ours. What
it reads of Japanese is kana; for kanji it has no dictionary and spells them, so a show in Japanese wants another voice
before this one in its chain.
"""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Any, ClassVar

from pydantic import Field

from marotte.engines.child import Child
from marotte.engines.kinds import EngineSettings, Kit, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.placed import spoken

_VOICES = {"en": "en-us", "en-gb": "en-gb-x-rp", "zh": "cmn", "zh-hk": "yue", "no": "nb", "es-mx": "es-419"}
_RATE = 165
"""Words a minute at the usual speed."""
_SEMITONE = 50 / 12
"""espeak-ng's pitch goes from 0 to 99; 50 steps are about an octave."""


class EspeakSettings(VoiceSettings):
    """Settings of the embedded voice. ``voice`` is one of espeak-ng's own, usual is the line's language: ``pt-br``."""

    cannot = frozenset({"style"})

    variant: str = Field(default="f5", pattern=r"^[A-Za-z0-9_-]*$")
    """A timbre of espeak-ng's: ``f1`` to ``f5``, ``m1`` to ``m8``, ``croak``, ``whisper``, ``Demonic``, …"""
    range: int = Field(default=50, ge=0, le=99)
    """How lively the pitch moves."""
    volume: int = Field(default=100, ge=0, le=200)


class EspeakVoice:
    """Speaks with espeak-ng: robotic, instant, with exact times of words and sounds."""

    cheap: ClassVar[bool] = True
    Settings: ClassVar[type[EngineSettings]] = EspeakSettings

    def __init__(self, settings: EspeakSettings, kit: Kit) -> None:
        self._settings = settings
        self._child = Child("espeak", "marotte.voice.voices.espeak_program")

    @classmethod
    def check(cls, settings: EspeakSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return "" if find_spec("espeakng_loader") else "espeak-ng is missing: pip install 'marotte[embedded]'"

    async def warm(self) -> None:
        """Start the program, so that the first line need not wait for it."""
        await self._child.start()

    async def close(self) -> None:
        """End the program."""
        await self._child.close()

    async def languages(self) -> tuple[str, ...]:
        """List the languages it speaks."""
        [(answer, _)] = [answer async for answer in self._child.request({"list": True})]
        return tuple(answer["languages"])

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield 60 ms of sound at a time, with words and mouth shapes as soon as their end is known."""
        async for sound in spoken(self._child, line, self._header(line)):
            yield sound

    def _header(self, line: Line) -> dict[str, Any]:
        settings, manner, tag = self._settings, self._settings.manner(line), line.language.lower()
        usual = [name for known in (tag, tag.split("-")[0]) for name in (_VOICES.get(known, ""), known)]
        names = [name for name in dict.fromkeys((manner.voice, *usual)) if name]
        return {
            "voices": [f"{name}+{settings.variant}".removesuffix("+") for name in names],
            "rate": min(450, max(80, round(_RATE * manner.speed))),
            "pitch": min(99, max(0, round(50 + manner.pitch * _SEMITONE))),
            "range": settings.range,
            "volume": settings.volume,
        }
