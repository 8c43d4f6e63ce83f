"""Style-Bert-VITS2 behind its own server: Japanese, English and Chinese voices with styles that can be turned up.

The server is ``server_fastapi.py`` of the original project (checked with 2.7.0, AGPL-3.0). It takes everything in the
query, answers with a whole WAV file and refuses a text of more than 100 characters, so that a longer line is asked for
in parts: the first is heard while the second is made.

https://github.com/litagin02/Style-Bert-VITS2/blob/master/server_fastapi.py
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

from pydantic import Field

from marotte.config import Url
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import EngineSettings, EngineUnsuited, Sound, VoiceSettings
from marotte.events import Line
from marotte.text.language import base
from marotte.voice.streamed import HttpVoice

_LANGUAGES = {"ja": "JP", "en": "EN", "zh": "ZH"}
_CUTS = (re.compile(r"[。！？!?…]|\.(?=\s)"), re.compile(r"[、，；：]|[,;:](?=\s)"), re.compile(r"\s"))
"""Where a text is best cut, second best and third best."""


class StyleBertVITS2Settings(HttpSettings, VoiceSettings):
    """Settings of the voice. ``voice`` is a model's name, ``style`` one of its styles: ``Happy``; usual is Neutral.

    Where a model has several speakers, ``voice`` may name one: ``amitaro/あみたろ``.

    Models of the kind JP-Extra speak only Japanese: give other languages a voice of their own, or ``speaks = ["ja"]``.
    """

    cannot = frozenset({"pitch"})

    url: Url = "http://127.0.0.1:5000"
    """Address of the server."""
    style_weight: float | None = Field(default=None, ge=0, le=20)
    """How strong the style is; usual is 1, and more than 5 distorts."""
    sdp_ratio: float | None = Field(default=None, ge=0, le=1)
    """How lively the intonation is; usual is 0.2."""
    noise: float | None = Field(default=None, ge=0, le=2)
    """How much the sound varies; usual is 0.6."""
    noisew: float | None = Field(default=None, ge=0, le=2)
    """How much the length of each sound varies; usual is 0.8."""
    longest: int = Field(default=100, ge=20, le=2_000)
    """Characters of one request: what the server's ``config.yml`` has as ``limit``."""


class StyleBertVITS2Voice(HttpVoice):
    """Asks a Style-Bert-VITS2 server for a line and passes its sound on."""

    Settings: ClassVar[type[EngineSettings]] = StyleBertVITS2Settings
    name = "style_bert_vits2"
    _settings: StyleBertVITS2Settings

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, without timings: this interface has none."""
        asked = self._query(line)
        texts = list(parts(line.spoken, self._settings.longest))
        if not texts:
            raise EngineUnsuited("style_bert_vits2: there is nothing to say")
        for text in texts:
            async for sound in self._ask("POST", "voice", params={"text": text, **asked}):
                yield sound

    def _query(self, line: Line) -> dict[str, str]:
        language = _LANGUAGES.get(base(line.language))
        if language is None:
            raise EngineUnsuited(f"style_bert_vits2: it does not speak {line.language!r}")
        settings, manner = self._settings, self._settings.manner(line)
        model, _, speaker = manner.voice.partition("/")
        asked = {
            "language": language,
            "model_name": model or None,
            "speaker_name": speaker or None,
            "style": manner.style or None,
            "style_weight": settings.style_weight,
            "length": round(1 / manner.speed, 3) if manner.speed != 1 else None,
            "sdp_ratio": settings.sdp_ratio,
            "noise": settings.noise,
            "noisew": settings.noisew,
        }
        return {name: str(value) for name, value in asked.items() if value is not None}


def parts(text: str, longest: int) -> Iterator[str]:
    """Cut a text where it is least heard into parts of at most ``longest`` characters."""
    text = text.strip()
    while len(text) > longest:
        ends = [max((m.end() for m in cut.finditer(text, 0, longest)), default=0) for cut in _CUTS]
        at = next((end for end in ends if end > longest // 3), 0) or max(ends) or longest
        yield text[:at].strip()
        text = text[at:].lstrip()
    if text:
        yield text
