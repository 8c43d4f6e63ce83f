"""Notes a run in its log while it goes on. Nothing here waits, and nothing here decides anything."""

import hashlib
import itertools
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import msgspec

from marotte.bus.local import LocalBus
from marotte.engines.kinds import (
    Brain,
    Call,
    Counted,
    Duplex,
    EngineError,
    Piece,
    Prompt,
    Session,
    Sound,
    Voice,
)
from marotte.engines.offers import Outcome
from marotte.engines.registry import Built
from marotte.engines.sound_cache import Kept
from marotte.events import (
    AnyPercept,
    Ending,
    Line,
    LineStarted,
    LineStopped,
    LineWritten,
    Onset,
    SpeechEnd,
    ToolUsed,
    Transcript,
    TurnEnded,
    TurnStarted,
    Viewer,
)
from marotte.ops import runlog
from marotte.ops.line_places import LinePlaces
from marotte.ops.runlog import LARGEST, Entry, Header, Row, RunLog, Said
from marotte.ports import Outlet, Scene
from marotte.time import Clock

T = TypeVar("T")

_AT_ONCE = 0.002
"""Seconds within which a percept is taken in at once."""
_STALL = 0.05
"""Seconds without which a run is busy, and with which its machine stalled."""
_COMING = 10_000
"""So many percepts are known that are not yet taken in."""
SCENE = "the scene"
"""Under which name it is noted what was to be seen: none that an engine could have."""


def said(event: object, t: float = 0.0) -> Said | None:
    """Return what an event says of what the character did, without ids: those of a replay are its own."""
    match event:
        case TurnStarted(percepts=()) | TurnEnded(ending=Ending(state="discarded")):
            return None  # a reply that was begun too early, and that nobody heard
        case TurnStarted():
            what, words = "turn", (event.lane, *event.percepts)
        case LineWritten():
            what, words = "line", (event.shown, event.language, event.feeling)
        case LineStopped():
            what, words = "stopped", (event.shown, event.reason, event.substitute)
        case ToolUsed():
            what, words = "tool", (event.tool, event.arguments, event.result)
        case TurnEnded(ending=ending):
            what, words = "end", (ending.state, ending.heard, "cut" if ending.cut else "whole", ending.reason)
        case _:
            return None
    return Said(t=t, floor=event.floor, what=what, words=words)


class NotedBus(LocalBus):
    """The bus of a run that is logged: everything that crosses it is shown to the recorder first."""

    def __init__(self, note: Callable[[Any], None]) -> None:
        super().__init__()
        self._note = note

    def publish(self, subject: str, data: Any, reply: str = "") -> None:
        """Deliver to every matching mailbox; see ``LocalBus``."""
        self._note(data)
        super().publish(subject, data, reply)


class Recorder:
    """The one who notes a run."""

    def __init__(self, folder: Path, run: str, clock: Clock) -> None:
        """Logs lie in ``folder``; nothing is written before ``begin``."""
        self.watch: Callable[[Any], None] = lambda data: None
        """Shown everything that crosses the bus, before anybody receives it."""
        self._folder = folder
        self._run = run
        self._clock = clock
        self._began = 0.0
        self._log: RunLog | None = None
        self._overfull = False
        self._parts = itertools.count()
        self._calls = itertools.count()
        self._noting: dict[type[Any], Callable[[Any], None]] = {}
        self._places: dict[str, LinePlaces] = {}
        """The first samples of each floor's lines, in their order."""
        self._came: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """When percepts came that are not yet taken in, and how much had been said by then."""
        self._times: deque[float] = deque(maxlen=1_000)
        """When something was noted of late."""
        self._said = 0
        """How often something was said, or taken in late: what came before that cannot be told from what came after."""

    # --- life

    def begin(self, header: Header, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Begin a log, or the next one of a long run: who the character is, and what memory holds."""
        self.close()
        self._began, self._places, self._overfull = self._clock.now(), {}, False
        self._times.clear()
        self._log = RunLog(self._folder / runlog.name_of(self._run, next(self._parts)))
        runlog.sweep(self._folder)
        self._log.write(header)
        for table, values in rows:
            self._log.write(Row(table=table, values=values))

    @property
    def wants_new(self) -> bool:
        """Whether it is time for a new log, when the show is quiet: this one is full, or was deleted."""
        return self._log is None or self._log.size > LARGEST

    def flush(self) -> None:
        """Bring what was noted to the disk."""
        if self._log is not None:
            self._log.flush()

    def forget(self) -> None:
        """Delete every log: they hold the words of somebody who was forgotten."""
        if self._log is not None:
            self._log.close()
            self._log = None
            runlog.sweep(self._folder, 0)

    def close(self) -> None:
        """End the log, as a run that ends."""
        if self._log is not None:
            self._log.write(runlog.Ended(t=self._t()))
            self._log.close()
            self._log = None

    def _t(self) -> float:
        return round(self._clock.now() - self._began, 6)

    def _write(self, entry: Entry) -> None:
        if self._log is None or self._overfull:
            return
        self._times.append(entry.t)
        self._overfull = self._log.size > 2 * LARGEST
        self._log.write(runlog.Gap(t=entry.t) if self._overfull else entry)

    # --- what crosses the bus

    def note(self, data: Any) -> None:
        """Note what crosses the bus, where a replay needs it."""
        self.watch(data)
        if self._log is None:
            return
        kind = cast("type[Any]", type(data))
        noting = self._noting.get(kind)
        if noting is None:
            noting = self._noting[kind] = self._how(kind)
        noting(data)

    def _how(self, kind: type[Any]) -> Callable[[Any], None]:
        """Return how events of a kind are noted: looked up once, for all of them cross here."""
        if issubclass(kind, get_args(AnyPercept)):
            return self._perceived
        if issubclass(kind, Onset | SpeechEnd | Transcript):
            return lambda event: self._write(runlog.Noticed(t=self._t(), event=event))
        if issubclass(kind, LineStarted):
            return lambda event: self._places_of(event.floor).started(event.line, event.sample)
        if issubclass(kind, TurnStarted | LineWritten | LineStopped | ToolUsed | TurnEnded):
            return self._note_said
        return lambda _: None

    def _perceived(self, percept: AnyPercept) -> None:
        now = self._t()
        self._came[percept.id] = (now, self._said)
        if len(self._came) > _COMING:
            self._came.popitem(last=False)
        self._write(runlog.Perceived(t=now, percept=percept))

    def _note_said(self, event: Any) -> None:
        self._said += 1
        if isinstance(event, LineWritten):
            self._places_of(event.floor).written(event.line)
        if (done := said(event, self._t())) is not None:
            self._write(done)

    def _places_of(self, floor: str) -> LinePlaces:
        return self._places.setdefault(floor, LinePlaces())

    # --- floors, orders, outlets

    def order(self, order: str, given: tuple[Any, ...]) -> None:
        """Note an order (see ``orders.py``)."""
        self._write(runlog.Ordered(t=self._t(), order=order, given=given))

    def opened(self, floor: str, partner: Viewer | None, language: str) -> None:
        """Note that a private floor opens; its lines are counted from here."""
        self._places[floor] = LinePlaces()
        self._write(runlog.Opened(t=self._t(), floor=floor, partner=partner, language=language))

    def closed(self, floor: str) -> None:
        """Note that a private floor closes."""
        self._write(runlog.Closed(t=self._t(), floor=floor))

    def taken_in(self, percept: AnyPercept) -> bool:
        """Note where a percept is taken in later than it came: a row had to be written, or the loop was busy."""
        came, said = self._came.pop(percept.id, (0.0, self._said))
        if self._log is None or not came:
            return True
        if self._said != said or self._clock.now() - self._began - came > _AT_ONCE:
            self._write(runlog.Late(t=self._t(), percept=percept.id))
            self._said += 1
        return True

    def stalled(self, due: float) -> None:
        """Note that what was ``due`` on the clock comes only now, where nothing was noted meanwhile."""
        since = round(due - self._began, 6)
        until = next((t for t in self._times if t > since), self._t())
        if until - since > _STALL and since >= 0:
            self._write(runlog.Stalled(t=self._t(), since=since, until=until))

    def concluded(self, floor: str) -> None:
        """Note that a turn has said all."""
        self._write(runlog.Concluded(t=self._t(), floor=floor))

    def attached(self, floor: str, outlet: Outlet) -> None:
        """Note that an outlet plays from now on."""
        self._write(
            runlog.Attached(t=self._t(), floor=floor, outlet=outlet.name, rank=int(outlet.rank), lead=outlet.lead)
        )

    def detached(self, floor: str, outlet: Outlet) -> None:
        """Note that an outlet is gone."""
        self._write(runlog.Detached(t=self._t(), floor=floor, outlet=outlet.name))

    def played(self, floor: str, outlet: Outlet, sample: int, gaps: int, *, everything: bool) -> None:
        """Note what an outlet reports, in relation to the line that it was playing."""
        if (playing := self._places_of(floor).playing(sample)) is not None:
            line, start = playing
            self._write(
                runlog.Reported(
                    t=self._t(),
                    floor=floor,
                    outlet=outlet.name,
                    line=line,
                    offset=sample - start,
                    gaps=gaps,
                    everything=everything,
                )
            )

    # --- outside engines

    def listen_to(self, built: Built) -> Built:
        """Note what an engine answers."""
        return built._replace(engine=Noted(built.name, built.engine, self))

    async def answers(
        self, engine: str, asked: str, pieces: AsyncIterator[T], noted: Callable[[T], bool] = lambda _: True
    ) -> AsyncGenerator[T]:
        """Pass on what an engine gives, and note it, or what of it is to be ``noted``."""
        call = next(self._calls)
        self._write(runlog.Called(t=self._t(), call=call, engine=engine, asked=asked))
        try:
            async for piece in pieces:
                if noted(piece):
                    self._write(runlog.Gave(t=self._t(), call=call, piece=written(cast("Any", piece))))
                yield piece
        except EngineError as error:
            self._write(runlog.Finished(t=self._t(), call=call, error=str(error), kind=type(error).__name__))
            raise
        else:
            self._write(runlog.Finished(t=self._t(), call=call))
        finally:
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()

    def sound(self, engine: str, line: Line, sounds: AsyncGenerator[Sound]) -> AsyncGenerator[Sound]:
        """Note which of a duplex engine's sound a line got."""
        return self.answers(sound_name(engine), asked_of(line), sounds)

    async def seen(self, percept: str, look: Callable[[], Awaitable[Scene | None]]) -> Scene | None:
        """Note what a turn is told to be seen: the words, and never the picture."""
        scene = await look()
        if scene is not None:
            number = next(self._calls)
            self._write(runlog.Called(t=self._t(), call=number, engine=SCENE, asked=percept))
            self._write(runlog.Gave(t=self._t(), call=number, piece=scene.told))
            self._write(runlog.Finished(t=self._t(), call=number))
        return scene

    async def used(self, call: Call, work: Callable[[], Awaitable[Outcome]], *, inside: bool) -> Outcome:
        """Have a tool used, and note what came of it."""
        number = next(self._calls)
        self._write(runlog.Called(t=self._t(), call=number, engine=tool_name(call), asked=asked_of(call)))
        outcome = await work()
        self._write(runlog.Gave(t=self._t(), call=number, piece={"ok": outcome.ok, "text": outcome.text}))
        self._write(runlog.Finished(t=self._t(), call=number))
        return outcome


class Noted:
    """An engine whose answers are noted."""

    def __init__(self, name: str, engine: Any, recorder: Recorder) -> None:
        self._name = name
        self.engine = engine
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    async def reply(self, prompt: Prompt) -> AsyncIterator[str | Counted | Call]:
        """Reply as the brain does."""
        async with aclosing(
            self._recorder.answers(self._name, asked_of(prompt), cast("Brain", self.engine).reply(prompt))
        ) as pieces:
            async for piece in pieces:
                yield piece

    def join(self, about: Callable[[], Awaitable[Prompt]]) -> "NotedSession":
        """Join as with the duplex engine."""
        return NotedSession(self._name, cast("Duplex", self.engine).join(about), self._recorder)

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Speak as the voice does."""
        async with aclosing(
            self._recorder.answers(self._name, asked_of(line), cast("Voice", self.engine).speak(line))
        ) as sounds:
            async for sound in sounds:
                yield sound


def bare(engine: Any) -> Any:
    """Return an engine itself, whoever notes or keeps what it gives."""
    while isinstance(engine, Noted | Kept):
        engine = engine.engine
    return engine


class NotedSession:
    """A duplex engine's session whose replies are noted, but for their sound: that is noted line by line."""

    def __init__(self, name: str, session: Session, recorder: Recorder) -> None:
        self._name = name
        self._session = session
        self._recorder = recorder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def reply(self, prompt: Prompt, *, to_speech: bool) -> AsyncIterator[Piece]:
        """Reply as the session does."""
        reply = self._session.reply(prompt, to_speech=to_speech)
        answers = self._recorder.answers(
            self._name, asked_of(prompt), reply, lambda piece: not isinstance(piece, Sound)
        )
        async with aclosing(answers) as pieces:
            async for piece in pieces:
                yield piece


def sound_name(engine: str) -> str:
    """Return under which name the sound of a duplex engine's lines is noted: none that an engine could have."""
    return f"sound {engine}"


def tool_name(call: Call) -> str:
    """Return under which name the uses of a tool are noted: none that an engine could have."""
    return f"tool {call.tool}"


def asked_of(asked: Prompt | Line | Call) -> str:
    """Write what an engine or a tool is asked in short; ids and times do not count."""
    if isinstance(asked, Line):
        return asked.spoken[:200]
    if isinstance(asked, Call):
        return hashlib.sha256(msgspec.json.encode(asked.arguments, order="deterministic")).hexdigest()[:16]
    told = (asked.system, asked.history, asked.text, asked.language, asked.said, *asked.results)
    return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]


def written(piece: str | Counted | Call | Sound) -> str | dict[str, Any]:
    """Write a piece of an answer: of sound its length and timings, for a replay is silent."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Counted):
        return {"tokens": piece.tokens}
    if isinstance(piece, Call):
        return {"call": piece}
    return {"samples": len(piece.pcm) // 2, "rate": piece.rate, "words": piece.words, "mouths": piece.mouths}
