"""An ear behind whisper.cpp's own server, ``whisper-server`` (1.9): its route ``/inference``.

https://github.com/ggml-org/whisper.cpp/tree/master/examples/server. It takes OpenAI's form with fields of its own, and
without a language it takes everything for English, so that it is always told one, or to find it out.
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from pydantic import Field

from marotte.config import Url
from marotte.engines.http import HttpSettings, Server
from marotte.engines.kinds import EngineSettings, EngineUnsuited, Heard, Kit
from marotte.senses.hearing import upload, whisper
from marotte.senses.hearing.speech import collect

_NAME = "whispercpp_server"


class WhisperCppServerSettings(HttpSettings):
    """Settings of whisper.cpp's server."""

    first_within: float = 30.0
    url: Url = "http://127.0.0.1:8080"
    """Where the server listens."""
    path: str = Field(default="inference", pattern=r"^[A-Za-z0-9_./-]+$")
    """What follows the address, where the server was started with another ``--inference-path``."""
    temperature_inc: float = Field(default=0.2, ge=0.0, le=1.0)
    """How much more freely it reads what it could not read well, time after time up to 1; 0: it reads only once, so
    that what is hard to understand takes no longer than the rest."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the form of each request: ``{beam_size = 5, suppress_nst = true}``."""


class WhisperCppServerEar:
    """Sends a whole turn to whisper.cpp's server and gives back what it understood."""

    Settings: ClassVar[type[EngineSettings]] = WhisperCppServerSettings

    def __init__(self, settings: WhisperCppServerSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(_NAME, settings.url, kit, settings.secret)

    @classmethod
    def check(cls, settings: WhisperCppServerSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server(_NAME, settings.url, kit, settings.secret).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take the whole turn, then yield its text once; the server finds out the language where it is "".

        Raises EngineUnsuited for a language that Whisper does not know, which the server fails on.
        """
        code = whisper.code(language)
        if code and code not in whisper.CODES:
            raise EngineUnsuited(f"{_NAME}: Whisper does not know the language {language!r}")
        fields: dict[str, object] = {
            "response_format": "verbose_json",
            "language": code or "auto",
            "no_language_probabilities": "true",  # they cost as much as the transcript itself
            "temperature_inc": self._settings.temperature_inc,
        }
        for name, value in self._settings.extra.items():
            fields[name] = str(value).lower() if isinstance(value, bool) else value
        pcm = await collect(speech)
        yield await upload.transcribe(self._server, self._settings.path, pcm, list(fields.items()), language)
