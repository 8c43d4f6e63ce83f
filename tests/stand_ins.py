"""Stand-ins for what lies beyond a room: scripted engines, outlets that keep what they are given, rows in a list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from marotte.engines.kinds import Call, Counted, EngineSettings, Heard, Prompt, Sound
from marotte.engines.registry import Built
from marotte.events import SAMPLE_RATE, AnyPercept, Ending, Event, Line, LineStarted, TurnStarted, Word
from marotte.ports import Rank


def tone(seconds: float, rate: int = SAMPLE_RATE) -> bytes:
    """A tone that is certainly not silence."""
    t = np.arange(round(seconds * rate)) / rate
    return (8_000 * np.sin(2 * np.pi * 220 * t)).astype(np.int16).tobytes()


class ScriptedVoice:
    """Speaks every word in a quarter of a second, in pieces of 60 ms; may be told to fail."""

    WORD = 0.25
    Settings = EngineSettings

    def __init__(
        self, *, rate: int = SAMPLE_RATE, first: float = 0.0, pace: float = 0.0, timings: bool = True, fault: str = ""
    ) -> None:
        """``first`` seconds to the first sound; ``pace`` seconds to make a second of it."""
        self.rate, self.first, self.pace, self.timings, self.fault = rate, first, pace, timings, fault
        self.asked: list[Line] = []
        self.closed = 0

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        self.asked.append(line)
        words = self._words(line.spoken) if self.timings else ()
        whole = tone(self.WORD * max(1, len(line.spoken.split())), self.rate)
        step = 2 * round(0.06 * self.rate)
        try:
            await asyncio.sleep(self.first)
            if self.fault == "hang":
                await _hang()
            if self.fault == "nothing":
                return
            if self.fault == "raise":
                raise OSError("connection reset")
            for at in range(0, len(whole), step):
                if self.fault == "break" and at >= len(whole) // 2:
                    raise OSError("closed in mid-sentence")
                piece = whole[at : at + step]
                await asyncio.sleep(self.pace * len(piece) / 2 / self.rate)
                start, end = at // 2, (at + step) // 2
                yield Sound(pcm=piece, rate=self.rate, words=tuple(w for w in words if start <= w.start < end))
        finally:
            self.closed += 1

    async def close(self) -> None:
        pass

    def _words(self, text: str) -> tuple[Word, ...]:
        found, offset = [], 0
        for n, word in enumerate(text.split()):
            offset = text.index(word, offset)
            length = round(self.WORD * self.rate)
            found.append(Word(word, n * length, (n + 1) * length, offset))
            offset += len(word)
        return tuple(found)


class ScriptedBrain:
    """Answers with the script, a token at a time."""

    Settings = EngineSettings

    def __init__(self, *replies: str, token: float = 0.0, fault: str = "") -> None:
        self.replies, self.token, self.fault = list(replies), token, fault
        self.prompts: list[Prompt] = []
        self.stopped = 0

    async def reply(self, prompt: Prompt) -> AsyncIterator[str]:
        self.prompts.append(prompt)
        text = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        tokens = text.split(" ")
        try:
            if self.fault == "hang":
                await _hang()
            for place, token in enumerate(tokens):
                await asyncio.sleep(self.token)
                if self.fault == "break" and place >= len(tokens) // 2:
                    raise OSError("stream closed")
                yield token if not place else f" {token}"
            if self.fault == "flood":
                yield "x" * 10_000_000
        finally:
            self.stopped += 1

    async def close(self) -> None:
        pass


class ScriptedEar:
    """Understands what it is told to, once the speech has ended."""

    Settings = EngineSettings

    def __init__(self, text: str, *, fault: str = "") -> None:
        self.text, self.fault = text, fault
        self.heard = bytearray()

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        async for piece in speech:
            self.heard += piece
        if self.fault == "raise":
            raise OSError("no route to host")
        yield Heard(text=self.text, language=language)

    async def close(self) -> None:
        pass


class ScriptedDuplex:
    """Hears what it is told to, and answers with words and, beside them, a tone for each; silence between sentences."""

    Settings = EngineSettings
    RATE = 24_000
    WORD, PAUSE = 0.3, 0.2

    def __init__(
        self, *replies: str, hears: str = "hello there", token: float = 0.0, fault: str = "", sound_late: bool = False
    ) -> None:
        """``token`` seconds between words; ``sound_late``: all words come first."""
        self.replies, self.hears, self.token, self.fault, self.sound_late = (
            list(replies),
            hears,
            token,
            fault,
            sound_late,
        )
        self.sessions: list[ScriptedSession] = []

    def join(self, about: Callable[[], Awaitable[Prompt]]) -> "ScriptedSession":
        self.sessions.append(ScriptedSession(self, about))
        return self.sessions[-1]

    async def close(self) -> None:
        pass


class ScriptedSession:
    def __init__(self, engine: ScriptedDuplex, about: Callable[[], Awaitable[Prompt]]) -> None:
        self.engine, self.about = engine, about
        self.prompts: list[tuple[Prompt, bool]] = []
        self.cuts: list[tuple[float, str]] = []
        self.heard = bytearray()
        self.stopped = self.closed = 0

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        async for piece in speech:
            self.heard += piece
        if self.engine.fault == "deaf":
            raise OSError("no transcript")
        yield Heard(text=self.engine.hears, language=language)

    async def reply(self, prompt: Prompt, *, to_speech: bool) -> AsyncIterator[str | Counted | Call | Sound]:
        self.prompts.append((prompt, to_speech))
        engine = self.engine
        text = engine.replies.pop(0) if len(engine.replies) > 1 else engine.replies[0]
        late: list[Sound] = []
        try:
            if engine.fault == "raise":
                raise OSError("connection reset")
            if engine.fault == "hang":
                await _hang()
            for place, word in enumerate(words := text.split(" ")):
                await asyncio.sleep(engine.token)
                if engine.fault == "break" and place >= len(words) // 2:
                    raise OSError("closed in mid-sentence")
                yield word if not place else f" {word}"
                pause = engine.PAUSE if word[-1] in ".!?" else 0.02
                pcm = tone(engine.WORD, engine.RATE) + bytes(2 * round(pause * engine.RATE))
                sound = Sound(pcm=pcm, rate=engine.RATE)
                if engine.sound_late:
                    late.append(sound)
                elif engine.fault != "mute":
                    yield sound
            for sound in late:
                yield sound
            yield Counted(11)
        finally:
            self.stopped += 1

    async def cut(self, seconds: float, text: str) -> None:
        self.cuts.append((seconds, text))
        if self.engine.fault == "deaf to cuts":
            await _hang()

    async def close(self) -> None:
        self.closed += 1


async def _hang() -> None:
    """Hang, even when told to stop: what the worst provider does."""
    for _ in range(50):
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            continue


def built(name: str, engine: object, **settings: float) -> Built:
    """An engine as a chain takes it."""
    return Built(name, engine, EngineSettings(**settings))  # type: ignore[arg-type]


@dataclass(eq=False)
class KeptOutlet:
    """Plays into a list; reports when it is told to."""

    name: str = "window 1"
    rank: Rank = Rank.WINDOW
    lead: float = 0.25
    played: list[tuple[float, int, str, bytes]] = field(default_factory=list)
    stops: list[tuple[float, str, int]] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        self.played.append((self.now(), sample, turn, pcm))

    def stop(self, turn: str, sample: int) -> None:
        self.stops.append((self.now(), turn, sample))
        self.played = [
            (at, start, t, pcm[: 2 * max(0, sample - start)]) for at, start, t, pcm in self.played if start < sample
        ]


@dataclass
class KeptRecord:
    """Keeps what was heard in lists."""

    began_lines: list[LineStarted] = field(default_factory=list)
    kept: list[tuple[str, str, bool, bool]] = field(default_factory=list)

    def began(self, line: LineStarted) -> None:
        self.began_lines.append(line)

    def heard(self, line: Line, text: str, sample: int, *, cut: bool, final: bool) -> None:
        self.kept.append((line.id, text, cut, final))


@dataclass
class KeptRows:
    """Rows of percepts and turns, in memory."""

    percepts: dict[str, AnyPercept] = field(default_factory=dict)
    turns: dict[str, Ending | None] = field(default_factory=dict)

    async def keep_percept(self, percept: AnyPercept, lane: str) -> bool:
        new = percept.id not in self.percepts
        self.percepts[percept.id] = percept
        return new

    async def waiting_percepts(self) -> list[AnyPercept]:
        return list(self.percepts.values())

    def begin_turn(self, turn: TurnStarted, reacts_to: Sequence[AnyPercept]) -> None:
        self.turns[turn.turn] = None

    def end_turn(self, turn: str, ending: Ending) -> None:
        self.turns[turn] = ending
        for answered in ending.answered:
            self.percepts.pop(answered, None)


class Published(list[Event]):
    """What was published; call it to publish."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    def of(self, *kinds: type[Event]) -> list:
        return [event for event in self if isinstance(event, kinds)]
