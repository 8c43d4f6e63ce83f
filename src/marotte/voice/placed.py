"""Speaks a line with a child program that tells when it says what, as the local voices do.

The program is asked for one part of the line after another: a request with the part's text as its payload. It answers
with pieces of sound (mono, 16 bits), each with ``"words": [[sample, offset], …]`` and ``"sounds": [[sample, ipa], …]``
for what begins in it; samples and offsets count from the start of the part. ``{"unknown": true}`` says that it has no
voice for the language.
"""

import asyncio
import importlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from marotte.engines.child import Child, Frame
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Sound
from marotte.events import Line
from marotte.voice.placing import Placing

if TYPE_CHECKING:
    from marotte.engines.program import Request

LONGEST = 5_000
"""Characters of one line, about six minutes."""
_PIECE = 0.1
"""Seconds of sound in one answer."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)?")
_PAUSE, _LONGEST_PAUSE = 0.5, 5.0


async def spoken(child: Child, line: Line, header: dict[str, Any], rate: int = 0) -> AsyncIterator[Sound]:
    """Yield a line's sound, with words and mouth shapes as soon as their end is known.

    ``header`` goes with every request; ``rate`` is that of the sound, where the program does not tell it when it is
    ready. Raises EngineUnsuited where nothing can be said, EngineUnavailable where the program fails before its first
    sound.
    """
    if len(line.spoken) > LONGEST:
        raise EngineUnsuited(f"{child.name}: a line of {len(line.spoken)} characters is longer than {LONGEST}")
    if not child.ready:
        # The lips want numpy: it is loaded while the program starts.
        await asyncio.gather(child.start(), asyncio.to_thread(importlib.import_module, "numpy"))
    placing, told = Placing(line.spoken, rate or child.ready["rate"]), False
    try:
        for text, offset, pause in _parts(line):
            placing.begin(offset)
            if text.strip():
                async with aclosing(ahead(child.request(header, text.encode()))) as answers:
                    async for answer, pcm in answers:
                        if "unknown" in answer:
                            raise EngineUnsuited(f"{child.name}: it has no voice for the language {line.language!r}")
                        told = told or "sounds" in answer
                        yield _seen(placing.place(pcm, answer.get("words", ()), answer.get("sounds", ())), told)
            if pause:
                yield _seen(placing.silence(pause), told)
    except EngineError as error:
        if placing.length or isinstance(error, EngineUnavailable):
            raise
        raise EngineUnavailable(str(error)) from None
    if not placing.length:
        raise EngineUnsuited(f"{child.name}: there is nothing to say")
    yield _seen(placing.finish(), told)


def _seen(sound: Sound, told: bool) -> Sound:
    """Leave out the mouth where the program tells no sounds of speech: it follows the loudness then."""
    return sound if told else replace(sound, mouths=())


def send(
    request: "Request",
    pcm: bytes,
    rate: int,
    start: int,
    words: Sequence[tuple[int, int]] = (),
    sounds: Sequence[tuple[int, str]] = (),
) -> None:
    """Answer, in the program, with sound that begins at sample ``start`` of the part, 100 ms at a time."""
    step = round(rate * _PIECE)
    end = start + len(pcm) // 2
    for at in range(start, end, step):
        if request.cancelled:
            return
        until = at + step if at + step < end else end + 1
        header = {
            "words": [word for word in words if at <= word[0] < until],
            "sounds": [sound for sound in sounds if at <= sound[0] < until],
        }
        piece = pcm[2 * (at - start) : 2 * (at - start + step)]
        request.send({name: placed for name, placed in header.items() if placed}, piece)


def _parts(line: Line) -> Iterator[tuple[str, int, float]]:
    """Cut a line at its pauses: what is spoken, its offset, and the seconds of silence after it."""
    offset = 0
    for cue in sorted((cue for cue in line.cues if cue.kind == "pause"), key=lambda cue: cue.offset):
        given = _DURATION.fullmatch(cue.name.strip())
        seconds = float(given[1]) * (0.001 if given[2] == "ms" else 1) if given else _PAUSE
        yield line.spoken[offset : cue.offset], offset, min(seconds, _LONGEST_PAUSE)
        offset = max(offset, min(cue.offset, len(line.spoken)))
    yield line.spoken[offset:], offset, 0.0


async def ahead(frames: AsyncGenerator[Frame]) -> AsyncGenerator[Frame]:
    """Read on while nobody takes: a floor that has enough sound ahead must not keep the program from the others."""
    made: asyncio.Queue[Frame | Exception | None] = asyncio.Queue()  # bounded by the longest line

    async def read() -> None:
        try:
            async with aclosing(frames):
                async for answer in frames:
                    made.put_nowait(answer)
            made.put_nowait(None)
        except Exception as error:  # whatever it is, who waits for more must hear of it
            made.put_nowait(error)

    reading = asyncio.create_task(read())
    try:
        while (item := await made.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        reading.cancel()
