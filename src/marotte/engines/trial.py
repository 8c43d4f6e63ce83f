"""Trying an engine by itself: past its chain, so that no breaker moves and no turn waits."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec

from marotte.engines.kinds import Prompt
from marotte.events import Asked, Line
from marotte.time import Clock

WITHIN = 20.0
"""Seconds that a trial may last."""
_MOST_SOUND, _MOST_TEXT = 15.0, 500
_EAR_RATE = 16_000
PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9"
    "lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCABAAEAD"
    "ASIAAhEBAxEB/8QAGAABAQEBAQAAAAAAAAAAAAAAAAUCBgP/xAAgEAEAAgIBBQEBAAAAAAAAAAAAAQIDETEEBRIUQSGR/8QAGAEBAQEBAQAAAAAA"
    "AAAAAAAAAAQBAwX/xAAhEQABAwMFAQEAAAAAAAAAAAAAAQIDBBESBRQhMWETMv/aAAwDAQACEQMRAD8AsAKiEAAAAAAAAAAxlyVxY7XvxWEbP1+f"
    "LadWmlfkVnTm+RGdlNPSvn/PRcEPD12fFaJm83r9i07WcOWubFXJTiWMlR/RtRSvg5XlDYDqSgc+Jdx4LFPuu/VjXHlG0Z6zG40xNZhPI/Nbnt6f"
    "MxGfNVsplY7Tv1rb48vz+JMVmW4jUaI3YLc3UJmKzBFup0I58Ubjw8OwASmgAAAAAAH/2Q=="
)
"""What eyes are shown: a red ball on a green meadow under a blue sky, 64 by 64 pixels."""


class Trial(msgspec.Struct, kw_only=True):
    """What came of a trial."""

    ok: bool
    first_ms: float | None = None
    """Milliseconds to the first sound or word; of an ear from the end of speech to its last word."""
    seconds: float = 0.0
    """How long it took in all."""
    realtime: float | None = None
    """Seconds that it took for a second of sound."""
    detail: str = ""
    """What went wrong, or what is to be known, in plain words."""
    text: str = ""
    """What a brain said, an ear heard or an eye saw."""
    pcm: bytes = b""
    """What a voice said: mono, signed 16 bits."""
    rate: int = 0


async def speak(voice: Any, line: Line, clock: Clock, within: float = WITHIN) -> Trial:
    """Let a voice say a line, fifteen seconds of it at most; never raises for what the voice does."""

    async def say(trial: Trial) -> None:
        began, pcm = clock.now(), bytearray()
        async with aclosing(voice.speak(line)) as sounds:
            async for sound in sounds:
                if sound.pcm and trial.first_ms is None:
                    trial.first_ms = _ms(clock.now() - began)
                trial.rate = trial.rate or sound.rate
                if sound.rate != trial.rate:
                    trial.detail = f"it changed from {trial.rate} to {sound.rate} Hz in mid-speech"
                    return
                pcm += sound.pcm
                if len(pcm) > _MOST_SOUND * 2 * sound.rate:
                    break
        trial.pcm = bytes(pcm)
        made = len(pcm) / 2 / trial.rate if trial.rate else 0.0
        if not made:
            trial.detail = "it made no sound"
            return
        trial.realtime = round((clock.now() - began) / made, 3)
        trial.ok = True

    return await _tried(say, clock, within)


async def reply(brain: Any, language: str, character: str, clock: Clock, within: float = WITHIN) -> Trial:
    """Let a brain answer a greeting with a few words; never raises for what the brain does."""
    prompt = Prompt(
        system=f"You are {character}. Answer with one short sentence.",
        percepts=(Asked(text="Hello!"),),
        text="Hello!",
        language=language,
        languages=(language,),
        character=character,
    )

    async def answer(trial: Trial) -> None:
        began = clock.now()
        async with aclosing(brain.reply(prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str) and piece:
                    trial.first_ms = _ms(clock.now() - began) if trial.first_ms is None else trial.first_ms
                    trial.text += piece
                if len(trial.text) > _MOST_TEXT:
                    break
        trial.text = trial.text[:_MOST_TEXT].strip()
        trial.ok = bool(trial.text)
        trial.detail = "" if trial.ok else "it gave no word"

    return await _tried(answer, clock, within)


async def hear(ear: Any, pcm: bytes, language: str, clock: Clock, within: float = WITHIN) -> Trial:
    """Let an ear hear 16 kHz speech as it would be spoken; never raises for what the ear does."""
    ended = clock.now()

    async def speech() -> AsyncIterator[bytes]:
        nonlocal ended
        for at in range(0, len(pcm), _EAR_RATE // 10):
            yield pcm[at : at + _EAR_RATE // 10]
            await clock.sleep(0.05)  # a piece is so long
        ended = clock.now()

    async def listen(trial: Trial) -> None:
        heard = False
        async with aclosing(ear.hear(speech(), language)) as transcripts:
            async for transcript in transcripts:
                heard, trial.text = True, transcript.text[:_MOST_TEXT]
        trial.first_ms = _ms(clock.now() - ended)
        trial.ok = heard
        trial.detail = "it gave no transcript" if not heard else "" if trial.text else "it understood nothing"

    return await _tried(listen, clock, within)


async def see(eye: Any, language: str, clock: Clock, within: float = WITHIN) -> Trial:
    """Show an eye a small drawing; never raises for what the eye does."""

    async def look(trial: Trial) -> None:
        began = clock.now()
        async with aclosing(eye.see(PICTURE, language)) as pieces:
            async for piece in pieces:
                if piece and trial.first_ms is None:
                    trial.first_ms = _ms(clock.now() - began)
                trial.text += piece
                if len(trial.text) > _MOST_TEXT:
                    break
        trial.text = trial.text[:_MOST_TEXT].strip()
        trial.ok = bool(trial.text)
        trial.detail = "" if trial.ok else "it gave no word"

    return await _tried(look, clock, within)


async def _tried(work: Any, clock: Clock, within: float) -> Trial:
    """Do a trial's work in a task of its own, and wait so long and no longer: not for a provider's goodbye either."""
    trial, began = Trial(ok=False), clock.now()
    task: asyncio.Task[None] = asyncio.create_task(work(trial))
    try:
        done, _ = await asyncio.wait({task}, timeout=within)
    finally:
        task.cancel()
    if not done:
        trial = Trial(ok=False, detail=f"it was not done within {within:g} s")
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
    elif task.cancelled() or (error := task.exception()) is None:
        pass
    else:
        trial = Trial(ok=False, detail=str(error) or type(error).__name__)
    trial.seconds = round(clock.now() - began, 3)
    return trial


def _ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1e3, 1)
