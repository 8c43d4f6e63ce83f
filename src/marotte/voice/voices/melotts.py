"""MeloTTS behind the server of Hangry Labs: English, Spanish, French, Chinese, Japanese and Korean, even without a GPU.

MeloTTS itself comes with no HTTP server and has not been released since 2024; the fork of Hangry Labs (MIT) has one and
is kept (checked with 1.0.1). Its own route is used, not its OpenAI-compatible one: it takes a pitch, and sends each
sentence as soon as it is made, as raw PCM at the rate that its content type tells.

https://github.com/hangry-labs/MeloTTS#streaming
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from marotte.config import Url
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import EngineSettings, EngineUnsuited, Sound, VoiceSettings
from marotte.events import Line
from marotte.text.language import base
from marotte.voice.streamed import HttpVoice

_LANGUAGES = {"en": "EN", "es": "ES", "fr": "FR", "zh": "ZH", "ja": "JP", "ko": "KR"}
_USUAL = {"EN": "EN-US", "EN_V2": "EN-US", "EN_NEWEST": "EN-Newest"}
"""Speakers of the models that have several; the others are called like their language."""
_RATE = 44_100
_SLOWEST, _FASTEST, _HIGHEST = 0.5, 2.0, 12.0


class MeloTTSSettings(HttpSettings, VoiceSettings):
    """Settings of the voice. ``voice`` is a speaker of a language and speaks only that: ``EN-BR``, ``EN_INDIA``."""

    cannot = frozenset({"style"})

    url: Url = "http://127.0.0.1:8888"
    """Address of the server."""
    english: Literal["EN", "EN_V2", "EN_NEWEST"] = "EN"
    """Which of the three English models speaks; the newest has one speaker, ``EN-Newest``."""
    sdp_ratio: float | None = Field(default=None, ge=0, le=1)
    """How much chance there is in the rhythm; usual is 0.2."""
    noise_scale: float | None = Field(default=None, ge=0, le=1.5)
    """How much the sound varies; usual is 0.6."""
    noise_scale_w: float | None = Field(default=None, ge=0, le=1.5)
    """How much the length of each sound varies; usual is 0.8."""

    @model_validator(mode="after")
    def _speakers(self) -> Self:
        for manner in (self, *self.languages.values(), *self.feelings.values()):
            if manner.voice and not manner.voice.startswith(tuple(_LANGUAGES.values())):
                raise ValueError(f"voice: a speaker's name begins with its language: {', '.join(_LANGUAGES.values())}")
        return self


class MeloTTSVoice(HttpVoice):
    """Asks a MeloTTS server for a line and passes its sentences on as they come."""

    Settings: ClassVar[type[EngineSettings]] = MeloTTSSettings
    name = "melotts"
    _settings: MeloTTSSettings

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, without timings: this interface has none."""
        async for sound in self._ask("POST", "tts/stream", _RATE, json=self._body(line)):
            yield sound

    def _body(self, line: Line) -> dict[str, Any]:
        language = _LANGUAGES.get(base(line.language))
        if language is None:
            raise EngineUnsuited(f"melotts: it does not speak {line.language!r}")
        if not line.spoken.strip():
            raise EngineUnsuited("melotts: there is nothing to say")
        settings, manner = self._settings, self._settings.manner(line)
        model = settings.english if language == "EN" else language
        speed = min(_FASTEST, max(_SLOWEST, manner.speed))
        body = {
            "text": line.spoken,
            "language": model,
            "speaker_id": manner.voice if manner.voice.startswith(language) else _USUAL.get(model, model),
            "stream_format": "pcm_s16le",
            "speed": speed,
            "tempo": min(_FASTEST, max(_SLOWEST, manner.speed / speed)),
            "pitch_semitones": min(_HIGHEST, max(-_HIGHEST, manner.pitch)),
            "sdp_ratio": settings.sdp_ratio,
            "noise_scale": settings.noise_scale,
            "noise_scale_w": settings.noise_scale_w,
        }
        usual = {"speed": 1, "tempo": 1, "pitch_semitones": 0}
        return {name: value for name, value in body.items() if value is not None and value != usual.get(name)}
