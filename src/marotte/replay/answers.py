"""The answers of outside engines and tools as the log has them, in the place of asking again."""

import asyncio
from bisect import insort
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from marotte.engines.kinds import (
    Call,
    Counted,
    EngineError,
    EngineUnavailable,
    EngineUnsuited,
    Piece,
    Prompt,
    Sound,
)
from marotte.engines.offers import Outcome
from marotte.events import SAMPLE_RATE, Line, Mouth, Word
from marotte.ops import runlog
from marotte.ops.recorder import SCENE, asked_of, sound_name, tool_name
from marotte.ports import Scene
from marotte.text.sentences import seconds

_ONE_PIECE = 0.02
"""Sound that a voice made within so many seconds is given as one piece."""


class Past:
    """What outside engines and tools were asked then, and how it went."""

    def __init__(
        self,
        entries: Iterable[runlog.AnyEntry],
        until: Callable[[float], Awaitable[None]],
        now: Callable[[], float],
    ) -> None:
        """``until`` waits until the run was so many seconds old, and ``now`` it is."""
        self.unlike = 0
        """How often something else was asked than then."""
        self.until = until
        self._now = now
        self._calls: dict[str, deque[_Call]] = defaultdict(deque)
        """By who was asked; what was asked first is first."""
        self._written: set[str] = set()
        """The lines that were written then, whether their turn to sound came or not."""
        known: dict[int, _Call] = {}
        for entry in entries:
            if isinstance(entry, runlog.Said) and entry.what == "line":
                self._written.add(str(entry.words[0]))
            if isinstance(entry, runlog.Called):
                known[entry.call] = _Call(entry.asked, entry.t)
                self._calls[entry.engine].append(known[entry.call])
            elif isinstance(entry, runlog.Gave | runlog.Finished) and entry.call in known:
                known[entry.call].add(entry)

    def knows(self, who: str, asked: str) -> bool:
        """Whether just this was asked, and its answer is not yet taken."""
        return any(call.asked == asked for call in self._calls[who])

    def wrote(self, line: str) -> bool:
        """Whether this line was written then."""
        return line in self._written

    async def asked_again(self, who: str, asked: str) -> "_Call | None":
        """Wait until this was asked then, and take how it went, as ``take`` does.

        A turn that is cut before it comes to that draws no chance, and leaves the answer to whoever asks next.
        """
        call = self._first(who, asked)
        if call is None:
            return None
        calls = self._calls[who]
        calls.remove(call)
        try:
            await self.until(call.at)
        except BaseException:
            insort(calls, call, key=lambda other: other.at)
            raise
        self.unlike += call.asked != asked
        return call

    def take(self, who: str, asked: str) -> "_Call | None":
        """Take how a call went: the same question alike, any other in its turn; None where none is left."""
        call = self._first(who, asked)
        if call is not None:
            self._calls[who].remove(call)
            self.unlike += call.asked != asked
        return call

    def _first(self, who: str, asked: str) -> "_Call | None":
        calls = self._calls[who]
        return self._alike(who, asked) or (calls[0] if calls else None)

    def _alike(self, who: str, asked: str) -> "_Call | None":
        """Return the first call that asked just this; one that was cut short and is long over is not asked again."""
        alike = [call for call in self._calls[who] if call.asked == asked]
        while len(alike) > 1 and alike[0].cut_at < self._now():
            alike.pop(0)
        return alike[0] if alike else None


@dataclass
class _Call:
    """One call of an outside engine, as it went."""

    asked: str
    at: float
    """Seconds of the run at which it was asked."""
    answers: deque[runlog.Gave | runlog.Finished] = field(default_factory=deque[runlog.Gave | runlog.Finished])

    @property
    def cut_at(self) -> float:
        """When it was told something last that was given up then; for ever later where it came to its end."""
        if self.answers and isinstance(self.answers[-1], runlog.Finished):
            return float("inf")
        return self.answers[-1].t if self.answers else self.at

    def add(self, answer: runlog.Gave | runlog.Finished) -> None:
        """Add what it gave next; sound that came right after other sound is one piece with it."""
        last = self.answers[-1] if self.answers else None
        if (
            isinstance(answer, runlog.Gave)
            and isinstance(last, runlog.Gave)
            and isinstance(piece := answer.piece, dict)
            and isinstance(before := last.piece, dict)
            and "samples" in piece
            and piece["rate"] == before.get("rate")
            and answer.t - last.t < _ONE_PIECE
        ):
            before["samples"] += piece["samples"]
            for timings in ("words", "mouths"):
                before[timings] = [*before.get(timings, ()), *piece.get(timings, ())]
        else:
            self.answers.append(answer)


class Answers:
    """An engine that answers what another answered then: the same question alike, any other in its turn.

    One that the run's seed decides is asked itself, and answers at the pace at which it did.
    """

    def __init__(self, past: Past, name: str, own: Any = None) -> None:
        self._past = past
        self._name = name
        self._own = own

    async def close(self) -> None:
        """It holds nothing."""

    def join(self, about: Callable[[], Awaitable[Prompt]]) -> "_AnswersAloud":
        """Converse as the duplex engine did."""
        return _AnswersAloud(self)

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted | Call]:
        """Reply as the brain did."""
        if self._own is not None:
            then = await self._past.asked_again(self._name, asked_of(prompt))
            given = iter(then.answers if then else ())
            async for piece in self._own.reply(prompt):
                if (answer := next(given, None)) is not None:
                    await self._past.until(answer.t)
                yield piece
            return
        async for piece in self._answer(asked_of(prompt)):
            if isinstance(piece, str):
                yield piece
            elif "call" in piece:
                yield msgspec.convert(piece["call"], Call)
            else:
                yield Counted(piece["tokens"])

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Make silence, as long as the sound that the voice made, with its timings.

        What it was not asked then, as a line that was cut before its turn came, takes about as long as people speak.
        """
        if not self._past.knows(self._name, asked_of(line)):
            self._past.unlike += not self._past.wrote(line.shown)
            yield Sound(pcm=bytes(2 * round(SAMPLE_RATE * seconds(line.spoken, line.language))), rate=SAMPLE_RATE)
            return
        async for piece in self._answer(asked_of(line)):
            if isinstance(piece, str):
                raise EngineError("the log has words where sound was made")
            # At the floors' own rate: nobody hears how well silence is resampled.
            scale = SAMPLE_RATE / piece["rate"]
            words = msgspec.convert(piece.get("words", ()), tuple[Word, ...])
            mouths = msgspec.convert(piece.get("mouths", ()), tuple[Mouth, ...])
            yield Sound(
                pcm=bytes(2 * round(piece["samples"] * scale)),
                rate=SAMPLE_RATE,
                words=tuple(Word(w.text, round(w.start * scale), round(w.end * scale), w.offset) for w in words),
                mouths=tuple(Mouth(round(m.start * scale), m.shape, m.level) for m in mouths),
            )

    async def _answer(self, asked: str) -> AsyncIterator[str | dict[str, Any]]:
        then = await self._past.asked_again(self._name, asked)
        if then is None:
            raise EngineError("the log holds no further answer")
        for answer in then.answers:
            await self._past.until(answer.t)
            if isinstance(answer, runlog.Gave):
                yield answer.piece
            elif answer.error:
                raise _ERRORS.get(answer.kind, EngineError)(answer.error)
            else:
                return
        await asyncio.Event().wait()  # it had not ended when it was cut, or given up


class _AnswersAloud:
    """A duplex engine's session that replies as it did then; the sound of its lines is in the log line by line."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def reply(self, prompt: Prompt, *, to_speech: bool) -> AsyncIterator[Piece]:
        """Reply as it did."""
        return self._answers.reply(prompt)

    async def cut(self, seconds: float, text: str) -> None:
        """It knew then."""

    async def close(self) -> None:
        """It holds nothing."""


class Sounds:
    """The sound that a duplex engine's lines got then."""

    def __init__(self, past: Past) -> None:
        self._past = past

    async def sound(self, engine: str, line: Line, sounds: AsyncGenerator[Sound]) -> AsyncGenerator[Sound]:
        """Give a line the sound that it got."""
        async for sound in Answers(self._past, sound_name(engine)).speak(line):
            yield sound


class Scenes:
    """What was to be seen then, in words: pictures are in no log."""

    def __init__(self, past: Past) -> None:
        self._past = past

    async def seen(self, percept: str, look: Callable[[], Awaitable[Scene | None]]) -> Scene | None:
        """Return what the turn that answers a percept was told to be seen."""
        then = self._past.take(SCENE, percept) if self._past.knows(SCENE, percept) else None
        given = then.answers[0] if then and then.answers else None
        if not isinstance(given, runlog.Gave):
            return None
        await self._past.until(given.t)
        return Scene(str(given.piece))


class Outcomes:
    """What came of tools then, in the place of using them; what stays inside the program is done again."""

    def __init__(self, past: Past) -> None:
        self._past = past

    async def used(self, call: Call, work: Callable[[], Awaitable[Outcome]], *, inside: bool) -> Outcome:
        """Return what came of a call."""
        then = self._past.take(tool_name(call), asked_of(call))
        given = next((a for a in then.answers if isinstance(a, runlog.Gave)), None) if then else None
        if then and not given:
            await asyncio.Event().wait()  # its turn was cut
        if given is not None:
            await self._past.until(given.t)
        now = await work() if inside else Outcome(False, "The log holds no further use of this tool.")
        if given is None or not isinstance(given.piece, dict):
            return now
        return Outcome(bool(given.piece.get("ok")), str(given.piece.get("text")))


_ERRORS = {kind.__name__: kind for kind in (EngineError, EngineUnavailable, EngineUnsuited)}
