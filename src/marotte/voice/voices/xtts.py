"""XTTS v2 behind xtts-api-server: a voice cloned from a few seconds of sound, in seventeen languages.

Of the servers for XTTS only this one streams sound as it is made and needs no more of a speaker than a name (checked
with 0.9.0, MIT; it has not been released since June 2024). Coqui's own server, which is still kept, sends whole files
and speaks OpenAI's interface: that is the engine ``openai``. A WAV header of unknown length comes before the sound.

https://github.com/daswer123/xtts-api-server
"""

from collections.abc import AsyncIterator
from typing import ClassVar

from pydantic import Field

from marotte.config import Url
from marotte.engines.http import HttpSettings
from marotte.engines.kinds import EngineSettings, EngineUnsuited, Sound, VoiceSettings
from marotte.events import Line
from marotte.text.language import base
from marotte.voice.streamed import HttpVoice

_LANGUAGES = frozenset(
    ("ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh-cn")
)


class XTTSSettings(HttpSettings, VoiceSettings):
    """Settings of the voice. Its speed is the server's: ``POST /set_tts_settings`` sets it for everybody."""

    cannot = frozenset({"style", "speed", "pitch"})

    url: Url = "http://127.0.0.1:8020"
    """Address of the server."""
    voice: str = Field(default="female", min_length=1)
    """A WAV file in the server's folder of speakers, without ``.wav``, or a folder of several of one speaker."""


class XTTSVoice(HttpVoice):
    """Asks an XTTS server for a line and passes its sound on as it is made."""

    Settings: ClassVar[type[EngineSettings]] = XTTSSettings
    name = "xtts"
    _settings: XTTSSettings

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, without timings: this interface has none."""
        language = base(line.language)
        language = "zh-cn" if language == "zh" else language
        if language not in _LANGUAGES:
            raise EngineUnsuited(f"xtts: it does not speak {line.language!r}")
        if not line.spoken.strip():
            raise EngineUnsuited("xtts: there is nothing to say")
        # The server reads a file out where the text is the path of one that ends so.
        text = f"{line.spoken} " if line.spoken.lower().endswith(".txt") else line.spoken
        asked = {"text": text, "speaker_wav": self._settings.manner(line).voice, "language": language}
        async for sound in self._ask("GET", "tts_stream", params=asked):
            yield sound
