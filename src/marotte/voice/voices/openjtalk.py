"""Japanese on this machine: Open JTalk through pyopenjtalk-plus (extra ``ja``), in a child process.

https://github.com/tsukumijima/pyopenjtalk-plus, 0.4.1: the wheel brings the dictionary and the voice Mei, and nothing
is downloaded. It reads kanji, which the embedded voice spells out.
"""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from marotte.engines.child import Child
from marotte.engines.kinds import EngineSettings, EngineUnsuited, Kit, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.placed import spoken


class OpenJTalkSettings(VoiceSettings):
    """Settings of the voice. ``voice`` is the path of another HTS voice, as ``mei_happy.htsvoice``; usual is Mei."""

    cannot = frozenset({"style"})

    speaks: tuple[str, ...] = ("ja",)
    """It reads everything as Japanese: whoever empties this wants all languages with that accent."""
    volume: float = Field(default=0.0, ge=-40, le=20)
    """Decibels above the voice's usual loudness."""


class OpenJTalkVoice:
    """Speaks Japanese at 48 kHz, with exact times of words and sounds."""

    cheap: ClassVar[bool] = True
    Settings: ClassVar[type[EngineSettings]] = OpenJTalkSettings

    def __init__(self, settings: OpenJTalkSettings, kit: Kit) -> None:
        self._settings = settings
        self._child = Child("openjtalk", "marotte.voice.voices.openjtalk_program", start_within=60.0)

    @classmethod
    def check(cls, settings: OpenJTalkSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        if not find_spec("pyopenjtalk"):
            return "Open JTalk is missing: pip install 'marotte[ja]'"
        manners = (settings, *settings.languages.values(), *settings.feelings.values())
        for path in (manner.voice for manner in manners):
            if path and not Path(path).expanduser().is_file():
                return f"openjtalk: there is no voice file at {path}"
        return ""

    async def warm(self) -> None:
        """Start the program and load the dictionary, so that the first line need not wait for them."""
        await self._child.start()

    async def close(self) -> None:
        """End the program."""
        await self._child.close()

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield a line phrase by phrase: the first sounds while the next is being made."""
        if not self._settings.serves(line.language):
            raise EngineUnsuited(f"openjtalk: it speaks Japanese, not {line.language!r}")
        manner = self._settings.manner(line)
        header = {
            "voice": manner.voice,
            "speed": manner.speed,
            "pitch": manner.pitch,
            "volume": self._settings.volume,
        }
        async for sound in spoken(self._child, line, header):
            yield sound
