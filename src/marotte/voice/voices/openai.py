"""A voice behind OpenAI's speech interface: OpenAI's own, and the local servers that speak it (Kokoro and others).

https://platform.openai.com/docs/api-reference/audio/createSpeech
"""

import struct
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Kit, Sound
from marotte.engines.openai import OpenAISettings, Server
from marotte.events import Line

if TYPE_CHECKING:
    import aiohttp

LARGEST = 64_000_000
"""Bytes of sound for one line."""
_PIECE = 0.1
"""Seconds of sound in one piece."""
_AHEAD = 0.3
"""While less than so many seconds lie ahead of the ear, pieces are passed on as small as they come."""
_SHORTEST = 0.02
"""Seconds of sound; less is no speech, whatever it is."""
_LARGEST_HEADER = 4_096


class OpenAIVoiceSettings(OpenAISettings):
    """Settings of the voice."""

    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    """Any name that the server knows."""
    voices: dict[str, str] = Field(default_factory=dict[str, str])
    """Voices for single languages: ``{ja = "jf_alpha"}``."""
    rate: int = Field(default=24_000, ge=8_000, le=192_000)
    """Samples per second that the server sends; OpenAI's are 24000."""
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    instructions: str = ""
    """How to speak, for models that take it."""


class OpenAIVoice:
    """Asks a server for raw sound and passes it on as it comes."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIVoiceSettings

    def __init__(self, settings: OpenAIVoiceSettings, kit: Kit) -> None:
        self._settings = settings
        self._clock = kit.clock
        self._server = Server("openai voice", settings, kit)

    @classmethod
    def check(cls, settings: OpenAIVoiceSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server("openai voice", settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, without timings: this interface has none."""
        async with self._server.post("audio/speech", json=self._body(line)) as response:
            if response.content_type == "application/json" or response.content_type.startswith("text/"):
                complaint = await self._server.complaint(response)
                raise EngineUnavailable(f"openai voice: sent {response.content_type} instead of sound: {complaint}")
            data, rate = await self._head(response)
            step, taken, more = 2 * round(rate * _PIECE), len(data), data
            began = self._clock.now()
            while more:
                ahead = (taken - len(data)) / 2 / rate - (self._clock.now() - began)
                if len(data) >= step or ahead < _AHEAD:
                    whole = len(data) // 2 * 2
                    for at in range(0, whole, step):
                        yield Sound(pcm=data[at : min(at + step, whole)], rate=rate)
                    data = data[whole:]
                more = await response.content.readany()
                taken += len(more)
                if taken > LARGEST:
                    raise EngineError(f"openai voice: sent more than {LARGEST // 1_000_000} MB for one line")
                data += more
            if len(data) > 1:
                yield Sound(pcm=data[: len(data) // 2 * 2], rate=rate)
            if taken < 2 * rate * _SHORTEST:
                raise EngineError("openai voice: sent no sound")

    def _body(self, line: Line) -> dict[str, Any]:
        settings = self._settings
        voice = settings.voices.get(line.language) or settings.voices.get(line.language.split("-")[0])
        body: dict[str, Any] = {
            "model": settings.model,
            "voice": voice or settings.voice,
            "input": line.spoken,
            "response_format": "pcm",
        }
        if settings.speed != 1:
            body["speed"] = settings.speed
        if settings.instructions:
            body["instructions"] = settings.instructions
        return {**body, **settings.extra}

    async def _head(self, response: "aiohttp.ClientResponse") -> tuple[bytes, int]:
        """Return the first sound and its rate; some servers send a WAV file, whatever they were asked for."""
        data = b""
        while len(data) < 4 and (more := await response.content.readany()):
            data += more
        if (
            data[:4] in (b"OggS", b"fLaC")
            or data[:3] == b"ID3"
            or (response.content_type == "audio/mpeg" and data[:1] == b"\xff")
        ):
            raise EngineUnavailable("openai voice: sent compressed sound though raw PCM was asked for")
        if data[:4] != b"RIFF":
            return data, self._settings.rate
        while (at := data.find(b"data")) < 0 or len(data) < at + 8:
            more = await response.content.readany()
            if not more or len(data) > _LARGEST_HEADER:
                raise EngineError("openai voice: sent a WAV file without sound")
            data += more
        form = data.find(b"fmt ")
        if not 0 <= form < at - 23:
            raise EngineUnavailable("openai voice: sent a WAV file without a format")
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, form + 8)
        if (kind, channels, bits) not in ((1, 1, 16), (0xFFFE, 1, 16)) or not 8_000 <= rate <= 192_000:
            raise EngineUnavailable(f"openai voice: sent WAV with {channels} channels of {bits} bits at {rate} Hz")
        return data[at + 8 :], rate
