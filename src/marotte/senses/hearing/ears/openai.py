"""An ear behind OpenAI's transcription interface: OpenAI's own, and the servers that speak it (whisper.cpp and others).

https://platform.openai.com/docs/api-reference/audio/createTranscription. whisper.cpp's own server answers the same
form at another path: ``url = "http://127.0.0.1:8080"``, ``path = "inference"``.
"""

import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import Field

from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Heard, Kit
from marotte.engines.openai import OpenAISettings, Server
from marotte.senses.hearing.speech import collect, words_of

if TYPE_CHECKING:
    import aiohttp

LARGEST = 1_000_000
"""Bytes of an answer."""
_NAMES = {
    "arabic": "ar", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hindi": "hi",
    "italian": "it", "japanese": "ja", "korean": "ko", "polish": "pl", "portuguese": "pt", "russian": "ru",
    "spanish": "es", "turkish": "tr", "ukrainian": "uk",
}  # fmt: skip
"""What servers call languages in a verbose answer."""


class OpenAIEarSettings(OpenAISettings):
    """Settings of the ear."""

    model: str = "whisper-1"
    path: str = Field(default="audio/transcriptions", pattern=r"^[A-Za-z0-9_./-]+$")
    """What follows the server's address."""
    response_format: Literal["json", "verbose_json"] = "json"
    """A verbose answer also tells the language and how sure the ear is; not every model gives it."""


class OpenAIEar:
    """Sends a whole turn to a server and gives back its text."""

    Settings: ClassVar[type[EngineSettings]] = OpenAIEarSettings

    def __init__(self, settings: OpenAIEarSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server("openai ear", settings, kit)

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
        form = self._form(await collect(speech), language)
        async with self._server.post(self._settings.path, data=form) as response:
            said = bytearray()
            async for piece in response.content.iter_any():
                said += piece
                if len(said) > LARGEST:
                    raise EngineError(f"openai ear: sent more than {LARGEST // 1_000_000} MB for one turn")
            yield self._read(bytes(said), response.content_type, language)

    def _form(self, pcm: bytes, language: str) -> "aiohttp.FormData":
        import aiohttp

        from marotte.senses.hearing.wav import write_wav

        form = aiohttp.FormData()
        form.add_field("file", write_wav(pcm), filename="speech.wav", content_type="audio/wav")
        fields = {"model": self._settings.model, "response_format": self._settings.response_format}
        if language:
            fields["language"] = language.split("-")[0]
        for name, value in {**fields, **self._settings.extra}.items():
            form.add_field(name, str(value))
        return form

    def _read(self, said: bytes, content_type: str, language: str) -> Heard:
        """Read an answer: JSON with a ``text``, or the text alone, which whisper.cpp calls ``text/html``."""
        text = said.decode("utf-8", "replace").strip()
        if content_type.startswith("text/") and not text.startswith(("<", "{")):
            return Heard(text=words_of(text), language=language)
        try:
            answer: Any = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not isinstance(cast("dict[str, Any]", answer).get("text"), str):
            complaint = self._server.message(said)
            raise EngineUnavailable(f"openai ear: sent {content_type} without a transcript: {complaint}")
        found = cast("dict[str, Any]", answer)
        named = str(found.get("language") or "").lower()
        told = named if len(named) == 2 else _NAMES.get(named, "")
        return Heard(text=words_of(found["text"]), language=told or language, uncertain=_doubts(found))


def _doubts(answer: dict[str, Any]) -> bool:
    """Say whether a verbose answer holds it likely that nobody spoke, or its words unlikely (Whisper's own limits)."""
    segments: Any = answer.get("segments")
    for segment in cast("list[Any]", segments) if isinstance(segments, list) else ():
        if isinstance(segment, dict):
            judged = cast("dict[str, Any]", segment)
            silent, likely = judged.get("no_speech_prob"), judged.get("avg_logprob")
            if (isinstance(silent, float) and silent > 0.6) or (isinstance(likely, float) and likely < -1.0):
                return True
    return False
