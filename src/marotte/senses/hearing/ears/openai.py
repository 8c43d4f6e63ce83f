"""An ear behind OpenAI's transcription interface: OpenAI's own, and the servers that speak it (Groq, speaches, vLLM).

https://platform.openai.com/docs/api-reference/audio/createTranscription. whisper.cpp's own server has an ear of its
own, ``whispercpp_server``.
"""

from collections.abc import AsyncIterator
from typing import ClassVar, Literal

from pydantic import Field

from marotte.engines.kinds import EngineSettings, Heard, Kit
from marotte.engines.openai import TAKES_SEVERAL, OpenAISettings, Server
from marotte.senses.hearing import upload, whisper
from marotte.senses.hearing.speech import collect
from marotte.text.language import base


class OpenAIEarSettings(OpenAISettings):
    """Settings of the ear."""

    model: str = "gpt-transcribe"
    path: str = Field(default="audio/transcriptions", pattern=r"^[A-Za-z0-9_./-]+$")
    """What follows the server's address."""
    response_format: Literal["json", "verbose_json"] = "json"
    """A verbose answer also tells the language and how sure the ear is; not every model gives it."""
    words: bool = False
    """Whether to ask when each word was spoken, which makes the answer a verbose one; not every model tells it."""


class OpenAIEar:
    """Sends a whole turn to a server and gives back its text."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIEarSettings

    def __init__(self, settings: OpenAIEarSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server("openai ear", settings, kit)
        self._names = kit.names

    @classmethod
    def check(cls, settings: OpenAIEarSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return Server("openai ear", settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take the whole turn, then yield its text once."""
        fields, pcm = self._fields(language), await collect(speech)
        yield await upload.transcribe(self._server, self._settings.path, pcm, fields, language)

    def _fields(self, language: str) -> list[tuple[str, object]]:
        asked = self._settings
        fields: list[tuple[str, object]] = [
            ("model", asked.model),
            ("response_format", "verbose_json" if asked.words else asked.response_format),
        ]
        if asked.words:
            # Words alone would leave out the segments, which tell how sure the ear is.
            fields += [("timestamp_granularities[]", kind) for kind in ("word", "segment")]
        if asked.model.startswith(TAKES_SEVERAL):
            fields += [("languages[]", base(language))] if language else []
            fields += [("keywords[]", name) for name in self._names]
        elif language:
            fields.append(("language", whisper.code(language)))
        return [*(field for field in fields if field[0] not in asked.extra), *asked.extra.items()]
