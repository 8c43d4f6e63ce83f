"""Asks engines the least that shows how quick they are; past their chains, so that no breaker moves."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar, cast

from marotte.engines.child import Child
from marotte.engines.kinds import Heard, Kit, Prompt, Sound
from marotte.engines.registry import Built
from marotte.events import Asked, Line
from marotte.ops.findings import Check, Figure

T = TypeVar("T")

FIRST_SOUND, FIRST_WORD, RECOGNISED = 300.0, 1_000.0, 500.0
"""Milliseconds that a voice, a brain and an ear may take of the two seconds in which an answer should begin."""
UTTERANCE = "tell me a joke"
"""What a voice says for the ears to hear; the embedded ear knows it."""
_START_WITHIN = 30.0
_EAR_RATE = 16_000
_GREETINGS = {
    "en": "Good evening, and welcome to the show.",
    "es": "Buenas noches, y bienvenidos al espectáculo.",
    "fr": "Bonsoir, et bienvenue au spectacle.",
    "ja": "こんばんは。ようこそ。",
    "zh": "晚上好,欢迎光临。",
}


class _LateError(Exception):
    """An engine was too late."""


async def measure_voice(built: Built, kit: Kit, language: str) -> Check:
    """Let a voice say a sentence: time to its first sound, real-time factor, memory."""

    async def speak() -> tuple[list[Figure], str]:
        text = _GREETINGS.get(language.split("-")[0], _GREETINGS["en"])
        began, first, made = kit.clock.now(), -1.0, 0.0
        async for sound in _sounds(built, text, language if language.split("-")[0] in _GREETINGS else "en"):
            if sound.pcm and first < 0:
                first = kit.clock.now() - began
            made += len(sound.pcm) / 2 / sound.rate
        if first < 0:
            raise _LateError("it made no sound")
        factor = Figure(name="real-time factor", value=round((kit.clock.now() - began) / made, 3), unit="", limit=1)
        return [_ms("first sound", first, FIRST_SOUND), factor], ""

    return await _measure(built, kit, speak)


async def measure_brain(built: Built, kit: Kit, language: str) -> Check:
    """Greet a brain and take the time to its first word; the rest of its reply is not waited for."""
    prompt = Prompt(
        system="Answer with one short sentence.",
        percepts=(Asked(text="Hello!"),),
        text="Hello!",
        language=language.split("-")[0],
        languages=(language,),
        character=kit.names[0] if kit.names else "",
    )

    async def think() -> tuple[list[Figure], str]:
        began = kit.clock.now()
        async with aclosing(cast("Any", built.engine).reply(prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str) and piece.strip():
                    return [_ms("first word", kit.clock.now() - began, FIRST_WORD)], ""
        raise _LateError("it gave no word")

    return await _measure(built, kit, think)


async def measure_ear(built: Built, kit: Kit, speech: bytes) -> Check:
    """Let an ear hear 16 kHz speech in English and take the time from its end to the final text."""

    async def hear() -> tuple[list[Figure], str]:
        ended = began = kit.clock.now()

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal ended
            for at in range(0, len(speech), 1_280):
                yield speech[at : at + 1_280]
            ended = kit.clock.now()

        async with aclosing(cast("Any", built.engine).hear(pieces(), "en")) as transcripts:
            everything: list[Heard] = [transcript async for transcript in transcripts]
        if not everything:
            raise _LateError("it gave no transcript")
        heard = everything[-1]
        length = Figure(name="of speech", value=round(len(speech) / 2 / _EAR_RATE, 2), unit="s")
        took = _ms("recognition", kit.clock.now() - max(began, ended), RECOGNISED)
        return [took, length], f"heard {heard.text!r}" if heard.text else "understood nothing"

    return await _measure(built, kit, hear)


async def utterance(built: Built, kit: Kit) -> bytes:
    """Let a voice say ``UTTERANCE`` for the ears: 16 kHz mono, half a second of silence behind it; b"" if it cannot."""

    async def speak() -> bytes:
        import numpy as np
        import soxr  # pyright: ignore[reportMissingTypeStubs]

        rate = _EAR_RATE
        pieces: list[Any] = []
        async for sound in _sounds(built, UTTERANCE, "en"):
            pieces.append(np.frombuffer(sound.pcm, np.int16))
            rate = sound.rate
        if not pieces:
            return b""
        pcm: Any = soxr.resample(np.concatenate(pieces), rate, _EAR_RATE)  # pyright: ignore[reportUnknownMemberType]
        return pcm.astype(np.int16).tobytes() + bytes(_EAR_RATE)

    with suppress(Exception):
        return await _within(speak(), _patience(built))
    return b""


async def _measure(built: Built, kit: Kit, ask: Any) -> Check:
    """Start an engine, ask it, and put what came of it into a check; whatever it raises is told, never raised."""
    try:
        began = kit.clock.now()
        if warm := getattr(built.engine, "warm", None):
            await _within(warm(), _START_WITHIN)
        started = kit.clock.now() - began
        figures, detail = await _within(ask(), _patience(built))
    except Exception as error:
        # A stranger's engine may raise anything; the doctor goes on to the next.
        said = str(error) or type(error).__name__
        return Check(
            name=built.name,
            state="warn",
            detail=said.removeprefix(f"{built.name}: "),
            remedy="mend this, or take it out of its chain; until then its understudy serves",
        )
    figures += [_ms("start", started), *_memory(built)]
    slow = [figure.name for figure in figures if figure.over]
    return Check(
        name=built.name,
        state="warn" if slow else "ok",
        detail=detail,
        remedy=f"{' and '.join(slow)} over the limit: take a smaller model or a nearer server" if slow else "",
        figures=tuple(figures),
    )


async def _sounds(built: Built, text: str, language: str) -> AsyncIterator[Sound]:
    line = Line(shown=text, spoken=text, language=language)
    async with aclosing(cast("Any", built.engine).speak(line)) as sounds:
        async for sound in sounds:
            yield sound


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Wait so long for an engine and no longer, even where it does not let itself be cancelled."""
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not done:
        raise _LateError(f"gave nothing within {seconds:g} s")
    return task.result()


def _patience(built: Built) -> float:
    return built.settings.first_within + built.settings.next_within


def _ms(name: str, seconds: float, limit: float | None = None) -> Figure:
    return Figure(name=name, value=round(seconds * 1e3, 1), unit="ms", limit=limit)


def _memory(built: Built) -> list[Figure]:
    """Return the resident memory of the helper programs that an engine holds."""
    held = sum(thing.memory() for thing in vars(built.engine).values() if isinstance(thing, Child))
    return [Figure(name="memory", value=round(held / 1e6, 1), unit="MB")] if held else []
