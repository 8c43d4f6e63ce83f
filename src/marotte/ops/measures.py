"""Asks engines the least that shows how quick they are; past their chains, so that no breaker moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing, suppress
from statistics import median
from typing import Any, NamedTuple, TypeVar, cast

from marotte.engines.child import Child, resident
from marotte.engines.duplex import AsVoice
from marotte.engines.kinds import Heard, Kit, Prompt, Sound
from marotte.engines.registry import Built
from marotte.engines.trial import PICTURE
from marotte.events import Asked, Line
from marotte.ops.findings import Check, Figure
from marotte.text.sentences import seconds

T = TypeVar("T")

FIRST_SOUND, FIRST_WORD, RECOGNISED, SEEN = 300.0, 1_000.0, 500.0, 1_500.0
"""Milliseconds that a voice, a brain and an ear may take of the two seconds in which an answer should begin. An
eye looks while the partner still speaks."""
THOROUGH = 6
"""So often an engine is asked where it is measured thoroughly: once to begin with, and five times that count."""
UTTERANCE = "tell me a joke"
"""What a voice says for the ears to hear; the embedded ear knows it."""
_START_WITHIN = 30.0
_ASKING_WITHIN = 20.0
"""Seconds after which an engine is not asked once more, however often it was."""
_LONGEST_REPLY = 300
"""Characters of a reply that are waited for to know how quickly a brain writes."""
_LONGEST_SIGHT = 100
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


class _Take(NamedTuple):
    """What came of asking once."""

    first: float
    """Seconds to the first sound or word, or to the final transcript."""
    factor: float = -1.0
    """Seconds that it took for each second of sound; -1 where that is not known."""
    detail: str = ""


async def measure_voice(built: Built, kit: Kit, language: str, times: int = 1, within: float = FIRST_SOUND) -> Check:
    """Let a voice say a sentence: time to its first sound, real-time factor, memory.

    ``within``: milliseconds that the first sound may take.
    """

    async def speak() -> _Take:
        text = _GREETINGS.get(language.split("-")[0], _GREETINGS["en"])
        began, first, made = kit.clock.now(), -1.0, 0.0
        async for sound in _sounds(built, text, language if language.split("-")[0] in _GREETINGS else "en"):
            if sound.pcm and first < 0:
                first = kit.clock.now() - began
            made += len(sound.pcm) / 2 / sound.rate
        if first < 0:
            raise _LateError("it made no sound")
        return _Take(first, (kit.clock.now() - began) / made)

    return await _measure(built, kit, _Asking("first sound", within, speak, times))


async def measure_duplex(built: Built, kit: Kit, language: str, times: int = 1) -> Check:
    """Greet a duplex engine: it may take as long as a brain and a voice together."""
    asked = built._replace(engine=cast("Any", AsVoice(built.engine)))
    return await measure_voice(asked, kit, language, times, FIRST_WORD + FIRST_SOUND)


async def measure_brain(built: Built, kit: Kit, language: str, times: int = 1) -> Check:
    """Greet a brain and take the time to its first word.

    Asked once, the rest of its reply is not waited for; asked more often, it tells how quickly the brain writes what
    takes a second to say.
    """
    prompt = Prompt(
        system="Answer with one short sentence.",
        percepts=(Asked(text="Hello!"),),
        text="Hello!",
        language=language.split("-")[0],
        languages=(language,),
        character=kit.names[0] if kit.names else "",
    )

    async def think() -> _Take:
        began, first, text = kit.clock.now(), -1.0, ""
        async with aclosing(cast("Any", built.engine).reply(prompt)) as pieces:
            async for piece in pieces:
                text += piece if isinstance(piece, str) else ""
                if first < 0 and text.strip():
                    first = kit.clock.now() - began
                if first >= 0 and (times == 1 or len(text) > _LONGEST_REPLY):
                    break
        if first < 0:
            raise _LateError("it gave no word")
        return _Take(first, (kit.clock.now() - began) / max(seconds(text), 0.1) if times > 1 else -1.0)

    return await _measure(built, kit, _Asking("first word", FIRST_WORD, think, times))


async def measure_ear(built: Built, kit: Kit, speech: bytes, times: int = 1) -> Check:
    """Let an ear hear 16 kHz speech in English and take the time from its end to the final text."""

    async def hear() -> _Take:
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
        text, took = everything[-1].text, kit.clock.now() - max(began, ended)
        factor = (kit.clock.now() - began) / (len(speech) / 2 / _EAR_RATE)
        return _Take(took, factor, f"heard {text!r}" if text else "understood nothing")

    return await _measure(built, kit, _Asking("recognition", RECOGNISED, hear, times))


async def measure_eye(built: Built, kit: Kit, language: str, times: int = 1) -> Check:
    """Show an eye a small drawing and take the time until it is told."""

    async def see() -> _Take:
        began, text = kit.clock.now(), ""
        async with aclosing(cast("Any", built.engine).see(PICTURE, language)) as pieces:
            async for piece in pieces:
                text += piece
        if not text.strip():
            raise _LateError("it gave no word")
        return _Take(kit.clock.now() - began, detail=f"saw {' '.join(text.split())[:_LONGEST_SIGHT]!r}")

    return await _measure(built, kit, _Asking("description", SEEN, see, times))


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


class _Asking(NamedTuple):
    """How an engine is asked, and what is made of its answers."""

    name: str
    limit: float
    """Milliseconds that its first piece may take."""
    ask: Callable[[], Coroutine[Any, Any, _Take]]
    times: int


async def _measure(built: Built, kit: Kit, asking: _Asking) -> Check:
    """Start an engine, ask it, and put what came of it into a check; whatever it raises is told, never raised."""
    before = resident()
    try:
        began = kit.clock.now()
        if warm := getattr(built.engine, "warm", None):
            await _within(warm(), _START_WITHIN)
        started = kit.clock.now() - began
        takes = await _ask(built, kit, asking)
    except Exception as error:
        # A stranger's engine may raise anything; the doctor goes on to the next.
        said = str(error) or type(error).__name__
        return Check(
            name=built.name,
            state="warn",
            detail=said.removeprefix(f"{built.name}: "),
            remedy=f"{_remedy(built, said)}; until then its understudy serves",
        )
    figures = [*_figures(asking, takes), _ms("start", started), *_memory(built, before, asking.times > 1)]
    slow = [figure.name for figure in figures if figure.over]
    return Check(
        name=built.name,
        state="warn" if slow else "ok",
        detail=takes[-1].detail,
        remedy=f"{' and '.join(slow)} over the limit: take a smaller model or a nearer server" if slow else "",
        figures=tuple(figures),
    )


async def _ask(built: Built, kit: Kit, asking: _Asking) -> list[_Take]:
    """Ask as often as is wanted and ``_ASKING_WITHIN`` lets, each time with a deadline."""
    takes, until = [await _within(asking.ask(), _patience(built))], kit.clock.now() + _ASKING_WITHIN
    while len(takes) < asking.times and kit.clock.now() < until:
        takes.append(await _within(asking.ask(), _patience(built)))
    return takes


def _figures(asking: _Asking, takes: list[_Take]) -> list[Figure]:
    """Return what a first piece took, at its median; of several asks the first is told apart, for it loads things."""
    then = takes[1:] or takes
    figures = [_ms(asking.name, median(take.first for take in then), asking.limit)]
    factors = [take.factor for take in then if take.factor >= 0]
    if factors:
        figures.append(Figure(name="real-time factor", value=round(median(factors), 3), unit="", limit=1))
    if asking.times > 1:
        figures += [_ms("slowest", max(take.first for take in then)), _ms("first time", takes[0].first)]
    return figures


def _remedy(built: Built, said: str) -> str:
    """Say what helps an engine that failed with these words."""
    address = next((key for key in ("url", "uri", "host") if getattr(built.settings, key, "")), "")
    if address and "cannot be reached" in said:
        return f"start that server, or correct {address} in its table"
    return "mend this, or take it out of its chain"


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


def _memory(built: Built, before: int, thorough: bool) -> list[Figure]:
    """Return the resident memory of an engine's helper programs; of one without, by how much this process grew."""
    programs = sum(child.memory() for child in set(_programs(vars(built.engine).values())))
    if programs:
        return [Figure(name="memory", value=round(programs / 1e6, 1), unit="MB")]
    grown = Figure(name="memory here", value=round(max(0, resident() - before) / 1e6, 1), unit="MB")
    return [grown] if thorough else []


def _programs(things: Iterable[Any], depth: int = 2) -> Iterable[Child]:
    """Yield the helper programs among an engine's attributes, and among those of what it is made of."""
    for thing in things:
        if isinstance(thing, Child):
            yield thing
        elif isinstance(thing, list | set) and depth:
            yield from _programs(cast("list[Any]", thing), depth - 1)
        elif depth and type(cast("object", thing)).__module__.startswith("marotte.engines."):
            yield from _programs(getattr(cast("object", thing), "__dict__", {}).values(), depth - 1)
