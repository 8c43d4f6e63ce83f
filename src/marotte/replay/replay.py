"""Replays the log of a run: the same settings, chance, percepts and answers, on a clock that does not wait.

Everything that decides is the program itself; only what came from outside comes from the log. What the character does
is held to what it did: the same lines, byte for byte, or the first difference.
"""

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from marotte import config
from marotte.events import PUBLIC, SAMPLE_RATE, AnyPercept, LineStarted, LineWritten, Percept, subject
from marotte.mind.attention import Attention
from marotte.ops import runlog
from marotte.ops.line_places import LinePlaces
from marotte.ops.recorder import said
from marotte.ops.runlog import Header, LogError, Said, stamp
from marotte.orders import ORDERS
from marotte.ports import Rank
from marotte.replay.answers import Answers, Outcomes, Past, Scenes, Sounds
from marotte.show import Run
from marotte.store import Store, StoreError
from marotte.time import Clock, VirtualLoop
from marotte.voice.speaker import Speaker

_PAST = runlog.Row | Said | runlog.Called | runlog.Gave | runlog.Finished | runlog.Late | runlog.Stalled
"""What is not given to a run at its time."""
_REST = 0.05
"""Seconds in which what the log told last takes its effect."""
_LOOK, _LOOKS = 0.005, 20
"""Seconds between two looks whether a turn has ended that was over then, and how many."""


@dataclass
class Difference:
    """Where a replay departs from its run."""

    place: int
    """It is the n-th thing that was done on this floor."""
    floor: str
    was: Said | None
    now: Said | None

    @property
    def at(self) -> float:
        """Seconds of the run."""
        shown = self.was or self.now
        return shown.t if shown else 0.0

    def __str__(self) -> str:
        """Tell it in three lines."""
        return f"at {stamp(self.at)} on floor {self.floor}\n  then: {told(self.was)}\n  now:  {told(self.now)}"


@dataclass
class Replayed:
    """What came of a replay."""

    header: Header
    seconds: float = 0.0
    """How long the run was."""
    done: list[Said] = field(default_factory=list[Said])
    difference: Difference | None = None
    unlike: int = 0
    """How often an engine was asked something else than then, and gave the answer of then."""
    whole: bool = False
    """The log ends as a run ends, and not in the middle."""

    @property
    def lines(self) -> int:
        """How many lines were written."""
        return sum(1 for entry in self.done if entry.what == "line")


def replay(path: Path, tell: Callable[[Said], None] = lambda _: None) -> Replayed:
    """Replay a log; ``tell`` is called for all that the character does. Raises LogError."""
    entries = list(runlog.read(path))
    header = entries[0]
    assert isinstance(header, Header)
    with (
        tempfile.TemporaryDirectory(prefix="marotte-replay-") as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as loop,
    ):
        return loop.run(_Replay(path, header, entries, Path(folder), tell).run())


class _Replay:
    """One replay."""

    def __init__(
        self,
        path: Path,
        header: Header,
        entries: list[runlog.AnyEntry],
        folder: Path,
        tell: Callable[[Said], None],
    ) -> None:
        self._path = path
        self._entries = entries
        self._folder = folder
        self._tell = tell
        self._found = Replayed(header, entries[-1].t, whole=isinstance(entries[-1], runlog.Ended))
        self._outlets: dict[tuple[str, str], _Outlet] = {}
        self._places: dict[str, LinePlaces] = defaultdict(LinePlaces)
        self._moments: dict[str, list[_Moments]] = {}
        self._begun: Counter[str] = Counter()
        """How many turns each floor has begun."""
        self._ended: Counter[str] = Counter()
        """How many it has ended."""
        self._began = 0.0
        self._waiting: set[asyncio.Task[None]] = set()
        self._past = Past(entries, self.until, lambda: self._clock.now() - self._began)
        self._late = {entry.percept: entry.t for entry in entries if isinstance(entry, runlog.Late)}
        """When percepts were taken in that had come before."""

    async def run(self) -> Replayed:
        """Live through the log, and hold what is done to what was done."""
        header = self._found.header
        clock = Clock(epoch=header.began)
        url = f"sqlite+aiosqlite:///{self._folder / 'memory.sqlite'}"
        try:
            show = config.Show.model_validate(header.show | {"seed": header.seed, "store": {"url": url}})
        except ValidationError as error:
            raise LogError(f"{self._path}:1: show: {error.errors()[0]['msg']}") from None
        await self._fill(url, clock)
        try:
            run = Run(show, self._folder, {}, clock)
        except config.ShowError as error:
            raise LogError(f"{self._path}:1: show: {error}") from None
        self._replace_engines(run)
        run.persona.context = header.context
        run.recorder.watch = self._see
        self._moments = _moments(self._entries)
        self._clock, self._began = clock, clock.now()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        stalls = (entry for entry in self._entries if isinstance(entry, runlog.Stalled))
        loop.stall((self._began + stall.since, self._began + stall.until) for stall in stalls)
        await run.start(alone=True)
        self._pace(run, PUBLIC)
        try:
            await self._drive(run)
            await clock.sleep(_REST)
        finally:
            await run.stop()
        self._found.unlike = self._past.unlike
        self._compare()
        return self._found

    async def _fill(self, url: str, clock: Clock) -> None:
        """Give memory what it held when the log began."""
        store = await Store.open(url, clock, lasting=False)
        try:
            await store.put_back((e.table, e.values) for e in self._entries if isinstance(e, runlog.Row))
        except StoreError as error:
            raise LogError(f"{self._path}: {error}") from None
        finally:
            await store.close()

    # --- what came from outside

    def _replace_engines(self, run: Run) -> None:
        """Put the answers of the log in the place of outside engines."""
        for chain in (run.voices, run.brains, run.duplexes):
            for member in chain.members:
                own = member.engine if getattr(member.engine, "deterministic", False) else None
                member.built = member.built._replace(engine=Answers(self._past, member.name, own))
        run.ears.members.clear()
        run.duplexes.witness = Sounds(self._past)
        run.eyes.witness = Scenes(self._past)
        run.toolbox.witness = Outcomes(self._past)

    async def until(self, t: float) -> None:
        """Wait until the run was so many seconds old."""
        await self._clock.sleep(self._began + t - self._clock.now())

    def _pace(self, run: Run, floor: str) -> None:
        """Let a floor do what it does at the moments at which it did it then.

        The program decides what; only when is the log's, because a replay takes no time to compute.
        """
        moments = self._moments.get(floor, [])
        written = 0

        async def pace(what: Literal["turn", "line"]) -> None:
            nonlocal written
            place = self._begun[floor]
            if what == "turn":
                written = 0
                # A turn that the run had no time for is no difference.
                await self.until(moments[place].began if place < len(moments) else self._found.seconds + 1)
            elif place <= len(moments):
                now = moments[place - 1]
                written += 1
                await self.until(now.lines[written - 1] if written <= len(now.lines) else now.ended)

        async def finished() -> None:
            if self._begun[floor] <= len(moments):
                await self.until(moments[self._begun[floor] - 1].finished)

        run.floors[floor].director.pace = pace
        self._hold_back(run.floors[floor].attention)
        run.floors[floor].floor.finished = finished

    def _hold_back(self, attention: Attention) -> None:
        """Let attention take in a percept when it did: a replay need not wait for rows."""

        async def later(percept: AnyPercept, at: float) -> None:
            await self.until(at)
            attention.offer(percept)

        def comes(percept: AnyPercept) -> bool:
            at = self._late.pop(percept.id, None)
            if at is not None:
                self._waiting.add(task := asyncio.create_task(later(percept, at)))
                task.add_done_callback(self._waiting.discard)
            return at is None

        attention.comes = comes

    async def _drive(self, run: Run) -> None:
        """Give the run what came from outside, at its time."""
        for entry in runlog.telling(self._entries):
            if isinstance(entry, runlog.Gap):
                self._found.seconds, self._found.whole = entry.t, False
                return
            if isinstance(entry, _PAST):
                continue
            await self.until(entry.t)
            await self._let_end(entry)
            try:
                await self._give(run, entry)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise LogError(f"{self._path}: at {stamp(entry.t)}: {type(entry).__name__.lower()}: {error}") from None

    async def _let_end(self, entry: runlog.AnyEntry) -> None:
        """Wait for the end of a turn that was over then: its speaker looks at the clock at moments of its own."""
        match entry:
            case runlog.Ordered(order="cut", given=(str(floor), *_)) | runlog.Perceived(percept=Percept(floor=floor)):
                over = sum(0 < turn.ended <= entry.t for turn in self._moments.get(floor, ()))
                for _ in range(_LOOKS):
                    if self._ended[floor] >= over:
                        return
                    await self._clock.sleep(_LOOK)
            case _:
                pass

    async def _give(self, run: Run, entry: runlog.AnyEntry) -> None:
        match entry:
            case runlog.Perceived(percept=percept):
                run.bus.publish(subject(percept), percept)
            case runlog.Noticed(event=event):
                run.publish(event)
            case runlog.Opened():
                self._places[entry.floor] = LinePlaces()
                run.enter(entry.floor, entry.partner, entry.language)
                self._pace(run, entry.floor)
            case runlog.Closed():
                await run.close_floor(entry.floor)
            case runlog.Ordered(order=order, given=given):
                if order not in ORDERS:
                    raise LookupError(f"there is no order {order!r}")
                getattr(run.orders, order)(*given)
            case runlog.Attached():
                outlet = _Outlet(entry.outlet, Rank(entry.rank), entry.lead)
                self._outlets[entry.floor, entry.outlet] = outlet
                run.floors[entry.floor].speaker.attach(outlet)
            case runlog.Detached() | runlog.Reported() if entry.floor not in run.floors:
                pass  # a window leaves after its floor
            case runlog.Detached():
                run.floors[entry.floor].speaker.detach(self._outlets.pop((entry.floor, entry.outlet)))
            case runlog.Reported():
                outlet = self._outlets[entry.floor, entry.outlet]
                start, speaker = self._places[entry.floor].start(entry.line), run.floors[entry.floor].speaker
                if entry.everything:
                    outlet.finish(speaker)
                elif start is not None:
                    outlet.report(speaker, speaker.place_of(start, entry.offset - entry.gaps))
            case _:
                pass

    # --- what the character does

    def _see(self, data: object) -> None:
        if isinstance(data, LineStarted):
            self._places[data.floor].started(data.line, data.sample)
        if isinstance(data, LineWritten):
            self._places[data.floor].written(data.line)
        if (done := said(data, round(self._clock.now() - self._began, 6))) is not None:
            self._begun[done.floor] += done.what == "turn"
            self._ended[done.floor] += done.what == "end"
            self._found.done.append(done)
            self._tell(done)

    def _compare(self) -> None:
        """Find the first thing, floor by floor, that is not what it was; the earliest counts."""
        then: dict[str, list[Said]] = defaultdict(list)
        now: dict[str, list[Said]] = defaultdict(list)
        for entry in self._entries:
            if isinstance(entry, Said):
                then[entry.floor].append(entry)
        for entry in self._found.done:
            now[entry.floor].append(entry)
        found = [d for floor in {**then, **now} if (d := self._first(floor, then[floor], now[floor]))]
        self._found.difference = min(
            found, key=lambda d: (d.was or d.now or Said(floor="", what="", words=())).t, default=None
        )

    def _first(self, floor: str, then: list[Said], now: list[Said]) -> Difference | None:
        for place in range(max(len(then), len(now))):
            was = then[place] if place < len(then) else None
            done = now[place] if place < len(now) else None
            if was is None and not self._found.whole:
                return None  # the log of a killed run says nothing of what would have come
            if was is None or done is None or (was.what, was.words) != (done.what, done.words):
                return Difference(place, floor, was, done)
        return None


@dataclass
class _Moments:
    """When a turn did what it did, in seconds of the run."""

    began: float
    lines: list[float] = field(default_factory=list[float])
    finished: float = 0.0
    """It had said all, or ended without."""
    ended: float = 0.0


def _moments(entries: list[runlog.AnyEntry]) -> dict[str, list[_Moments]]:
    """Gather the moments of all turns, floor by floor."""
    found: dict[str, list[_Moments]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry, Said) and entry.what == "turn":
            found[entry.floor].append(_Moments(entry.t))
        elif isinstance(entry, Said | runlog.Concluded) and found[entry.floor]:
            turn = found[entry.floor][-1]
            if isinstance(entry, runlog.Concluded):
                turn.finished = entry.t
            elif entry.what == "line":
                turn.lines.append(entry.t)
            elif entry.what == "end":
                turn.finished, turn.ended = turn.finished or entry.t, entry.t
    return found


class _Outlet:
    """An outlet that plays nothing; what it reports is in the log."""

    def __init__(self, name: str, rank: Rank, lead: float) -> None:
        self.name, self.rank, self.lead = name, rank, lead
        self._end = 0
        self._again: asyncio.TimerHandle | None = None

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        """Nobody listens."""
        self._end = sample + len(pcm) // 2

    def stop(self, turn: str, sample: int) -> None:
        """Nothing is kept."""
        self._end = sample

    def report(self, speaker: Speaker, sample: int) -> None:
        """Report as it did."""
        if self._again is not None:
            self._again.cancel()
        speaker.played(self, sample)

    def finish(self, speaker: Speaker) -> None:
        """Report that all was played: where some of it is not yet due in the replay, as soon as it is."""
        self.report(speaker, self._end)
        late = self._end - speaker.now()
        if late > 0:
            self._again = asyncio.get_running_loop().call_later(late / SAMPLE_RATE + 1e-3, self.finish, speaker)


def told(entry: Said | None) -> str:
    """Tell in words what was done."""
    if entry is None:
        return "nothing"
    match entry.what, entry.words:
        case "turn", (lane, *percepts):
            return f"a turn of the lane {lane} on {', '.join(percepts)}"
        case "line", (shown, *more):
            return f"says {shown!r} ({', '.join(filter(None, more))})"
        case "stopped", (shown, reason, *_):
            return f"may not say {shown!r}: {reason}"
        case "tool", (name, arguments, result):
            return f"uses {name} {arguments}: {result!r}"
        case "end", (state, heard, *more):
            return f"ends {state}, heard: {heard!r} ({', '.join(filter(None, more))})"
        case _:
            return f"{entry.what} {entry.words}"
