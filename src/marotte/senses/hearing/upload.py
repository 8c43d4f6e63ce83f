"""A whole turn, sent to a server as a file in a form, and the transcript that comes back.

OpenAI's form, which whisper.cpp's server and many others take too:
https://platform.openai.com/docs/api-reference/audio/createTranscription.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from marotte.engines.http import Server
from marotte.engines.kinds import EngineError, EngineUnavailable, Heard
from marotte.senses.hearing import whisper
from marotte.senses.hearing.speech import words_of

LARGEST = 1_000_000
"""Bytes of an answer."""


async def transcribe(
    server: Server, path: str, pcm: bytes, fields: Sequence[tuple[str, object]], language: str
) -> Heard:
    """Send 16 kHz mono 16-bit speech and return what the server understood, in ``language`` unless it tells another.

    Raises EngineUnavailable where the server refuses or sends no transcript, EngineError where it breaks off or sends
    too much.
    """
    import aiohttp

    from marotte.senses.hearing.wav import write_wav

    form = aiohttp.FormData()
    form.add_field("file", write_wav(pcm), filename="speech.wav", content_type="audio/wav")
    for name, value in fields:
        form.add_field(name, str(value))
    async with server.post(path, data=form) as response:
        said = bytearray()
        async for piece in response.content.iter_any():
            said += piece
            if len(said) > LARGEST:
                raise EngineError(f"{server.name}: sent more than {LARGEST // 1_000_000} MB for one turn")
        return _read(server, bytes(said), response.content_type, language, len(pcm) // 2)


def _read(server: Server, said: bytes, content_type: str, language: str, samples: int) -> Heard:
    """Read an answer: JSON with a ``text``, or the text alone, which whisper.cpp calls ``text/html``."""
    text = said.decode("utf-8", "replace").strip()
    if content_type.startswith("text/") and not text.startswith(("<", "{")):
        return Heard(text=words_of(text), language=language)
    try:
        answer: Any = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(cast("dict[str, Any]", answer).get("text"), str):
        raise EngineUnavailable(f"{server.name}: sent {content_type} without a transcript: {server.message(said)}")
    found = cast("dict[str, Any]", answer)
    segments, words = _tables(found.get("segments")), words_of(found["text"])
    return Heard(
        text=words,
        language=_language(found) or language,
        uncertain=bool(words) and whisper.doubts(segments),
        no_speech=whisper.no_speech(segments),
        words=whisper.place(_pieces(found, segments), words, samples),
    )


def _language(answer: Mapping[str, Any]) -> str:
    """Return what is told of the language: by Whisper's name for it, or, of several that were found, the first."""
    several = _tables(answer.get("languages"))
    return str(several[0].get("code") or "") if several else whisper.code_of(str(answer.get("language") or ""))


def _pieces(answer: Mapping[str, Any], segments: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float, float]]:
    """Yield what was said when: OpenAI's words, which stand beside the segments, or whisper.cpp's pieces in them."""
    words = [(" ", word) for word in _tables(answer.get("words"))]
    for space, piece in words or [("", word) for segment in segments for word in _tables(segment.get("words"))]:
        said, start, end = piece.get("word"), piece.get("start"), piece.get("end")
        if isinstance(said, str) and isinstance(start, int | float) and isinstance(end, int | float):
            yield space + said.lstrip() if space else said, float(start), float(end)


def _tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", item) for item in cast("list[Any]", value) if isinstance(item, dict)]
