"""A voice behind OpenAI's speech interface: OpenAI's own, and the local servers that speak it (Kokoro and others).

https://platform.openai.com/docs/api-reference/audio/createSpeech
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from pydantic import Field

from marotte.engines.kinds import EngineSettings, Kit, Sound, VoiceSettings
from marotte.engines.openai import OpenAISettings, Server
from marotte.events import Line
from marotte.voice.streamed import HttpVoice


class OpenAIVoiceSettings(OpenAISettings, VoiceSettings):
    """Settings of the voice. Its style is told in words, to models that take them: "Whisper, as if in a library."."""

    cannot = frozenset({"pitch"})

    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    """Any name that the server knows."""
    rate: int = Field(default=24_000, ge=8_000, le=192_000)
    """Samples per second that the server sends; OpenAI's are 24000."""


class OpenAIVoice(HttpVoice):
    """Asks a server for raw sound and passes it on as it comes."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIVoiceSettings
    name = "openai voice"
    _settings: OpenAIVoiceSettings

    @classmethod
    def _reach(cls, settings: OpenAIVoiceSettings, kit: Kit) -> Server:
        return Server(cls.name, settings, kit)

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, without timings: this interface has none."""
        async for sound in self._ask("POST", "audio/speech", self._settings.rate, json=self._body(line)):
            yield sound

    def _body(self, line: Line) -> dict[str, Any]:
        settings, manner = self._settings, self._settings.manner(line)
        body: dict[str, Any] = {
            "model": settings.model,
            "voice": manner.voice,
            "input": line.spoken,
            "response_format": "pcm",
        }
        if manner.speed != 1:
            body["speed"] = manner.speed
        if manner.style:
            body["instructions"] = manner.style
        return {**body, **settings.extra}
