"""The embedded voice: espeak-ng, about a hundred languages, no key and no network.

It runs as a program of its own (``espeak_program.py``): its licence stays there, and a cut kills nothing of ours. What
it reads of Japanese is kana; for kanji it has no dictionary and spells them, so a show in Japanese wants another voice
before this one in its chain.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from importlib.util import find_spec
from typing import Any, ClassVar

from pydantic import Field

from marotte.engines.child import Child, Frame
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, EngineUnsuited, Kit, Sound
from marotte.events import Line
from marotte.voice.placing import Placing

LONGEST = 5_000
"""Characters of one line, about six minutes."""
_VOICES = {"en": "en-us", "en-gb": "en-gb-x-rp", "zh": "cmn", "zh-hk": "yue", "no": "nb", "es-mx": "es-419"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)?")
_PAUSE, _LONGEST_PAUSE = 0.5, 5.0


class EspeakSettings(EngineSettings):
    """Settings of the embedded voice."""

    variant: str = Field(default="f5", pattern=r"^[A-Za-z0-9_-]*$")
    """A timbre of espeak-ng's: ``f1`` to ``f5``, ``m1`` to ``m8``, ``croak``, ``whisper``, ``Demonic``, …"""
    rate: int = Field(default=165, ge=80, le=450)
    """Words a minute."""
    pitch: int = Field(default=50, ge=0, le=99)
    range: int = Field(default=50, ge=0, le=99)
    """How lively the pitch moves."""
    volume: int = Field(default=100, ge=0, le=200)
    voices: dict[str, str] = Field(default_factory=dict[str, str])
    """espeak-ng's voice for a language, where another than the usual one is wanted: ``{"pt": "pt-br"}``."""


class EspeakVoice:
    """Speaks with espeak-ng: robotic, instant, with exact times of words and sounds."""

    Settings: ClassVar[type[EngineSettings]] = EspeakSettings

    def __init__(self, settings: EspeakSettings, kit: Kit) -> None:
        self._settings = settings
        self._child = Child("espeak", "marotte.voice.voices.espeak_program")

    @classmethod
    def check(cls, settings: EspeakSettings, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return "" if find_spec("espeakng_loader") else "espeak-ng is missing: pip install 'marotte[embedded]'"

    async def warm(self) -> None:
        """Start the program, so that the first line need not wait for it."""
        await self._child.start()

    async def close(self) -> None:
        """End the program."""
        await self._child.close()

    async def languages(self) -> tuple[str, ...]:
        """List the languages it speaks."""
        [(answer, _)] = [answer async for answer in self._child.request({"list": True})]
        return tuple(answer["languages"])

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield 60 ms of sound at a time, with words and mouth shapes as soon as their end is known."""
        if len(line.spoken) > LONGEST:
            raise EngineUnsuited(f"espeak: a line of {len(line.spoken)} characters is longer than {LONGEST}")
        if not self._child.ready:
            await self._child.start()
        placing = Placing(line.spoken, self._child.ready["rate"])
        try:
            for text, offset, pause in _parts(line):
                placing.begin(offset)
                if text.strip():
                    asked = self._child.request(self._header(line.language), text.encode())
                    async with aclosing(_ahead(asked)) as answers:
                        async for header, pcm in answers:
                            if "unknown" in header:
                                raise EngineUnsuited(f"espeak: it has no voice for the language {line.language!r}")
                            yield placing.place(pcm, header.get("words", ()), header.get("sounds", ()))
                if pause:
                    yield placing.silence(pause)
        except EngineError as error:
            if placing.length or isinstance(error, EngineUnavailable):
                raise
            raise EngineUnavailable(str(error)) from None
        if not placing.length:
            raise EngineUnsuited("espeak: there is nothing to say")
        yield placing.finish()

    def _header(self, language: str) -> dict[str, Any]:
        settings = self._settings
        chosen = {tag.lower(): name for tag, name in settings.voices.items()}
        tag = language.lower()
        known = (tag, tag.split("-")[0])
        names = [name for tag in known for name in (chosen.get(tag), _VOICES.get(tag), tag) if name]
        return {
            "voices": [f"{name}+{settings.variant}".removesuffix("+") for name in dict.fromkeys(names)],
            **settings.model_dump(include={"rate", "pitch", "range", "volume"}),
        }


def _parts(line: Line) -> Iterator[tuple[str, int, float]]:
    """Cut a line at its pauses: what is spoken, its offset, and the seconds of silence after it."""
    offset = 0
    for cue in sorted((cue for cue in line.cues if cue.kind == "pause"), key=lambda cue: cue.offset):
        given = _DURATION.fullmatch(cue.name.strip())
        seconds = float(given[1]) * (0.001 if given[2] == "ms" else 1) if given else _PAUSE
        yield line.spoken[offset : cue.offset], offset, min(seconds, _LONGEST_PAUSE)
        offset = max(offset, min(cue.offset, len(line.spoken)))
    yield line.spoken[offset:], offset, 0.0


async def _ahead(frames: AsyncGenerator[Frame]) -> AsyncGenerator[Frame]:
    """Read on while nobody takes: a floor that has enough sound ahead must not keep the program from the others."""
    made: asyncio.Queue[Frame | EngineError | None] = asyncio.Queue()  # bounded by the longest line

    async def read() -> None:
        try:
            async with aclosing(frames):
                async for answer in frames:
                    made.put_nowait(answer)
            made.put_nowait(None)
        except EngineError as error:
            made.put_nowait(error)

    reading = asyncio.create_task(read())
    try:
        while (item := await made.get()) is not None:
            if isinstance(item, EngineError):
                raise item
            yield item
    finally:
        reading.cancel()
