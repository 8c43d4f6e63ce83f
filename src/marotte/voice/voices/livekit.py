"""Any provider that LiveKit has a plugin for, as a voice: ``livekit:cartesia``, ``livekit:elevenlabs``, …

livekit-agents 1.8: https://docs.livekit.io/agents/models/tts/. See ``marotte.engines.livekit``.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from marotte.engines.kinds import (
    EngineError,
    EngineSettings,
    EngineUnavailable,
    EngineUnsuited,
    Kit,
    Sound,
    VoiceSettings,
)
from marotte.engines.livekit import LiveKitSettings, Plugin
from marotte.events import Line, Word
from marotte.voice.placed import ahead
from marotte.voice.streamed import LARGEST, SHORTEST

_Part = Literal["voice", "style", "speed", "pitch", "language"]


def _usual() -> dict[_Part, str]:
    return {"voice": "voice", "speed": "speed"}


class LiveKitVoiceSettings(LiveKitSettings, VoiceSettings):
    """Settings of the voice. What the plugin takes for the manner differs, so ``takes`` says under which names."""

    takes: dict[_Part, str] = Field(default_factory=_usual)
    """The plugin's options for parts of the manner, and for the line's language: ``{voice = "voice_id"}``."""

    @model_validator(mode="after")
    def _told(self) -> Self:
        for manner in (self, *self.languages.values(), *self.feelings.values()):
            for part in ("voice", "style", "speed", "pitch"):
                if part in manner.model_fields_set and part not in self.takes:
                    raise ValueError(f"{part}: say in takes which option of the plugin it is")
        return self


class LiveKitVoice:
    """Speaks through a plugin, with word times where it tells them."""

    Settings: ClassVar[type[EngineSettings]] = LiveKitVoiceSettings

    def __init__(self, settings: LiveKitVoiceSettings, kit: Kit) -> None:
        self._settings = settings
        self._plugin = Plugin("TTS", settings, kit)

    @classmethod
    def check(cls, settings: LiveKitVoiceSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Plugin.missing(settings, kit)

    async def warm(self) -> None:
        """Import the plugin in its program, so that the first line need not wait for it."""
        await self._plugin.warm()

    async def close(self) -> None:
        """End the program."""
        await self._plugin.close()

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield sound as it comes."""
        if not line.spoken.strip():
            raise EngineUnsuited(f"{self._plugin.name}: there is nothing to say")
        place, taken, seconds = 0, 0, 0.0
        async with aclosing(ahead(self._plugin.ask({}, self._options(line), line.spoken.encode()))) as answers:
            async for answer, pcm in answers:
                rate, channels = answer["rate"], answer["channels"]
                if channels != 1:
                    raise EngineUnavailable(f"{self._plugin.name}: sent {channels} channels of sound instead of one")
                taken += len(pcm)
                seconds += len(pcm) / 2 / rate
                if taken > LARGEST:
                    raise EngineError(f"{self._plugin.name}: sent more than {LARGEST // 1_000_000} MB for one line")
                words: list[Word] = []
                for told, start, end in answer.get("words", ()):
                    if text := told.strip():
                        found = line.spoken.find(text, place)
                        place = found + len(text) if found >= 0 else place
                        words.append(Word(text=text, start=round(start * rate), end=round(end * rate), offset=found))
                yield Sound(pcm=pcm, rate=rate, words=tuple(words))
        if seconds < SHORTEST:  # plugins take any body for sound, an error page too
            raise EngineError(f"{self._plugin.name}: sent no sound")

    def _options(self, line: Line) -> dict[str, Any]:
        """Return what the manner and the language are called among the plugin's options."""
        manner, takes = self._settings.manner(line), self._settings.takes
        usual = {"voice": "", "style": "", "speed": 1.0, "pitch": 0.0}
        given = {part: getattr(manner, part) for part, value in usual.items() if getattr(manner, part) != value}
        given["language"] = line.language
        return {option: given[part] for part, option in takes.items() if part in given}
