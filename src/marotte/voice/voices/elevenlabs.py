"""ElevenLabs: expressive and cloned voices in many languages, with the time of every character.

Asked over HTTP, not over the WebSocket: a line is whole when the voice gets it, and for whole text their own reference
calls the WebSocket slower. The answer is a stream of JSON objects, one a line, each with sound and its characters.

https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps
"""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast
from urllib.parse import quote

from msgspec.structs import replace
from pydantic import Field, model_validator

from marotte.config import Url
from marotte.engines.http import HttpSettings, Server
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Kit, Manner, Sound, VoiceSettings
from marotte.events import Line
from marotte.voice.placing import Placing
from marotte.voice.reading import Reading
from marotte.voice.streamed import LARGEST, SHORTEST, HttpVoice

if TYPE_CHECKING:
    import aiohttp

LARGEST_CHUNK = 8_000_000
"""Bytes of one JSON object: about a minute of sound."""
_SLOWEST, _FASTEST = 0.7, 1.2
_PIECE = 10
"""Pieces of sound that are passed on for a second."""
_ONE_LANGUAGE = re.compile(r"eleven_(multilingual_v[12]|monolingual_v1|(flash|turbo)_v2)$")
"""Models that refuse to be told a language: they speak one, or find it out."""
_NO_TAGS = re.compile(r"eleven_(multilingual|monolingual|flash|turbo)_")
"""Models that would read an audio tag out."""
_COMPRESSED = (b"ID3", b"OggS", b"fLaC", b"RIFF")
_OWN = "https://api.elevenlabs.io/"


class ElevenLabsSettings(HttpSettings, VoiceSettings):
    """Settings of the voice. A style is a number from 0 to 1, how much is made of the voice's own, or an audio tag.

    ElevenLabs' own server is given ELEVENLABS_API_KEY; no other is.
    """

    cannot = frozenset({"pitch"})

    url: Url = "https://api.elevenlabs.io/v1"
    """Where ElevenLabs listens; servers in other regions have other names."""
    voice: str = Field(default="JBFqnCBsd6RMkjVDRZzb", min_length=1)
    """The id of a voice, as the list of your voices shows it; usual is their George."""
    model: str = "eleven_flash_v2_5"
    """Flash answers first; ``eleven_multilingual_v2`` is richer, ``eleven_v3`` and ``eleven_v4`` take audio tags."""
    stability: float | None = Field(default=None, ge=0, le=1)
    """Low is lively, high is even; usual is what the voice was given at ElevenLabs, and so with the next one."""
    similarity: float | None = Field(default=None, ge=0, le=1)
    """How closely it keeps to the voice that it was made of."""
    rate: Literal[16_000, 22_050, 24_000, 32_000, 44_100, 48_000] = 24_000
    """Samples per second; 44100 and more want a dearer plan."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """More fields for the body of each request: ``{seed = 7}``."""

    @model_validator(mode="after")
    def _styles(self) -> Self:
        for manner in (self, *self.languages.values(), *self.feelings.values()):
            amount = _amount(manner.style)
            if amount is None and re.search(r"[\[\]]", manner.style):
                raise ValueError("style: an audio tag is given without its brackets")
            if amount is None and manner.style and _NO_TAGS.match(self.model):
                raise ValueError(f"style: {self.model} takes a number from 0 to 1; audio tags are for v3 and later")
            if amount is not None and not 0 <= amount <= 1:
                raise ValueError("style: a number goes from 0 to 1")
        return self


class ElevenLabsVoice(HttpVoice):
    """Asks ElevenLabs for raw sound and passes it on as it comes, with the time of each word."""

    Settings: ClassVar[type[EngineSettings]] = ElevenLabsSettings
    name = "elevenlabs"

    @classmethod
    def _reach(cls, settings: ElevenLabsSettings, kit: Kit) -> Server:
        secret = settings.secret or ("ELEVENLABS_API_KEY" if settings.url.startswith(_OWN) else "")
        return _Server(cls.name, settings.url, kit, secret, header="xi-api-key", scheme="")

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield about 100 ms of sound at a time, with words; the mouth follows the sound."""
        settings: ElevenLabsSettings = self._settings
        manner = settings.manner(line)
        voice, form = quote(manner.voice, safe=""), f"pcm_{settings.rate}"
        path = f"text-to-speech/{voice}/stream/with-timestamps?output_format={form}"
        placing, reading = Placing(line.spoken, settings.rate), Reading(line.spoken, _tag(manner))
        async with self._server.post(path, json=_body(line, settings, manner)) as response:
            rest = b""
            async for chunk in self._chunks(response):
                letters = [(at, reading.goes_on(letter)) for letter, at in _letters(chunk.get("alignment"))]
                words = [(round(at * settings.rate), offset) for at, offset in letters if offset is not None]
                pcm = rest + self._pcm(chunk)
                if not placing.length and pcm.startswith(_COMPRESSED):
                    raise EngineUnavailable(f"{self.name}: sent compressed sound though raw PCM was asked for")
                rest = pcm[len(pcm) // 2 * 2 :]
                step = 2 * (settings.rate // _PIECE)
                for at in range(0, max(1, len(pcm) - 1), step):
                    yield _lipless(placing.place(pcm[at : min(at + step, len(pcm) // 2 * 2)], words if at == 0 else ()))
                if 2 * placing.length > LARGEST:
                    raise EngineError(f"{self.name}: sent more than {LARGEST // 1_000_000} MB for one line")
        if placing.length < settings.rate * SHORTEST:
            raise EngineError(f"{self.name}: sent no sound")
        yield _lipless(placing.finish())

    async def _chunks(self, response: "aiohttp.ClientResponse") -> AsyncIterator[dict[str, Any]]:
        """Yield the JSON objects of an answer, one a line, as they come."""
        if response.content_type == "text/html":
            complaint = await self._server.complaint(response)
            raise EngineUnavailable(f"{self.name}: sent {response.content_type} instead of sound: {complaint}")
        rest = b""
        while more := await response.content.readany():
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                if line.strip():
                    yield self._object(line)
            if len(rest) > LARGEST_CHUNK:
                raise EngineError(f"{self.name}: sent a line of more than {LARGEST_CHUNK // 1_000_000} MB")
        if rest.strip():
            yield self._object(rest)

    def _object(self, line: bytes) -> dict[str, Any]:
        try:
            found: Any = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise EngineError(f"{self.name}: sent what is no JSON object: {self._server.message(line[:100])}")
        chunk = cast("dict[str, Any]", found)
        if "audio_base64" not in chunk:
            raise EngineError(f"{self.name}: sent no sound but: {self._server.message(line)}")
        return chunk

    def _pcm(self, chunk: dict[str, Any]) -> bytes:
        try:
            return base64.b64decode(chunk["audio_base64"] or "", validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise EngineError(f"{self.name}: sent what is no base64 for sound") from None


class _Server(Server):
    """Their server: it says why it refuses in ``detail``, and the status alone would mislead."""

    declined = re.compile(rb'"content_against_policy"')

    def message(self, said: bytes) -> str:
        status, text = _detail(said)
        return self.clean(f"{status}: {text}" if status else text) if text else super().message(said)

    def refused(self, status: int, headers: Mapping[str, str] | None, complaint: str = "") -> EngineUnavailable:
        usual = super().refused(status, headers, complaint)
        if complaint.startswith("invalid_api_key") or not self.key:
            return usual
        reason = "has failed" if status >= 500 else "refuses the request"
        return EngineUnavailable(f"{self.name}: {self.url} {reason} ({status}): {complaint}", usual.retry_after)


def _body(line: Line, settings: ElevenLabsSettings, manner: Manner) -> dict[str, Any]:
    amount = _amount(manner.style)
    wished = {
        "stability": settings.stability,
        "similarity_boost": settings.similarity,
        "style": amount,
        "speed": None if manner.speed == 1 else min(_FASTEST, max(_SLOWEST, manner.speed)),
    }
    body: dict[str, Any] = {"text": _tag(manner) + line.spoken, "model_id": settings.model}
    if voice := {name: value for name, value in wished.items() if value is not None}:
        body["voice_settings"] = voice
    if not _ONE_LANGUAGE.match(settings.model):
        body["language_code"] = line.language.split("-")[0]
    return {**body, **settings.extra}


def _letters(alignment: Any) -> Iterator[tuple[str, float]]:
    """Yield each character with the seconds at which it is spoken; what is no alignment has none."""
    given = cast("dict[str, Any]", alignment) if isinstance(alignment, dict) else {}
    letters, times = given.get("characters"), given.get("character_start_times_seconds")
    if isinstance(letters, list) and isinstance(times, list):
        for letter, seconds in zip(cast("list[Any]", letters), cast("list[Any]", times), strict=False):
            if isinstance(letter, str) and isinstance(seconds, int | float) and 0 <= seconds < 3_600:
                yield letter, seconds


def _tag(manner: Manner) -> str:
    """Return the audio tag that is spoken by, or ""."""
    return f"[{manner.style}] " if manner.style and _amount(manner.style) is None else ""


def _lipless(sound: Sound) -> Sound:
    """Leave the mouth to the sound: when a letter is spoken is known, but not how."""
    return replace(sound, mouths=())


def _amount(style: str) -> float | None:
    try:
        return float(style)
    except ValueError:
        return None


def _detail(said: bytes) -> tuple[str, str]:
    """Read why a request was refused: ``{"detail": {"status", "message"}}``, or a list of what is wrong with it."""
    try:
        detail: Any = json.loads(said)["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""
    if isinstance(detail, list):
        wrong = [cast("dict[str, Any]", item) for item in cast("list[Any]", detail) if isinstance(item, dict)]
        return "", "; ".join(f"{item.get('loc')}: {item.get('msg')}" for item in wrong)
    found = cast("dict[str, Any]", detail) if isinstance(detail, dict) else {"message": detail}
    return str(found.get("status") or found.get("code") or ""), str(found.get("message") or "")
