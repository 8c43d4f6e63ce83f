"""Every engine has an understudy: a chain tries one engine after another within the same turn.

An engine that fails, is late or gives nothing rests behind its breaker; the next one takes over, from where the first
broke off if it had begun. A resting engine is probed in the background, so that no turn pays for finding out whether
it is well again.
"""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from marotte.engines.deadline import Deadline
from marotte.engines.kinds import (
    EngineError,
    EngineUnavailable,
    EngineUnsuited,
    Kind,
)
from marotte.engines.registry import Built
from marotte.events import EngineState, Event, Used
from marotte.time import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_LINE = 60.0
"""Seconds of sound that a voice may make of one line; of a short one less: four times what it should take, and five."""
_GOODBYE = 5.0
"""Seconds in which an engine must have stopped after a cut; nobody waits for it."""


@dataclass
class Member:
    """One engine of a chain: its breaker, what it consumed, how quick it was."""

    built: Built
    state: Literal["ready", "resting", "probing", "missing"] = "ready"
    detail: str = ""
    failures: int = 0
    """In a row."""
    failed: int = 0
    calls: int = 0
    last: float = -1.0
    """Seconds to the first piece, at the last call."""
    rests_until: float = 0.0
    language: str = ""
    """What a voice has spoken last, or was first asked to: one of a single language can be probed in no other."""
    used: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def name(self) -> str:
        """What the show calls it."""
        return self.built.name

    @property
    def engine(self) -> Any:
        """The engine itself."""
        return self.built.engine


class Chain(Generic[T]):
    """The engines of one kind, in the order in which they are tried."""

    kind: Kind

    def __init__(
        self, engines: Sequence[Built], publish: Callable[[Event], None], clock: Clock, rest: float = 15.0
    ) -> None:
        self.members = [Member(built) for built in engines]
        self._publish = publish
        self._clock = clock
        self._rest = rest
        self._leaving: list[Any] = []
        """Engines that no turn asks any more, and that one may still be asking."""
        self._background: set[asyncio.Task[None]] = set()

    def put_first(self, built: Built) -> None:
        """Let an engine lead the chain from the next turn on."""
        self.members = [Member(built), *(m for m in self.members if m.name != built.name)]

    def follow(self, engines: Sequence[Built], rest: float, *, anew: bool = False) -> None:
        """Go by other engines from the next turn on; those of the same name and settings stay, unless all are ``anew``.

        What leaves is given back once nobody can be in the midst of asking it.
        """
        before, self._rest = {} if anew else {m.name: m for m in self.members}, rest
        kept = [
            old
            if (old := before.get(built.name))
            and (old.built.settings, old.built.aside) == (built.settings, built.aside)
            else Member(built)
            for built in engines
        ]
        leaving = [member.engine for member in self.members if all(member is not k for k in kept)]
        self.members = kept
        if leaving:
            self._leaving += leaving
            self._in_background(self._give_back(leaving))

    async def _give_back(self, engines: Sequence[Any]) -> None:
        await self._clock.sleep(LONGEST_LINE)
        self._leaving = [engine for engine in self._leaving if engine not in engines]
        await asyncio.gather(*(engine.close() for engine in engines), return_exceptions=True)

    async def warm(self) -> None:
        """Let engines that take a while to begin do so before they are asked."""
        for member in self.members:
            warm = getattr(member.engine, "warm", None)
            if warm is not None:
                try:
                    await warm()
                except EngineError as error:
                    self._trip(member, error)

    async def close(self) -> None:
        """Stop probes and give back the engines."""
        for task in self._background:
            task.cancel()
        engines = [*(member.engine for member in self.members), *self._leaving]
        await asyncio.gather(*(engine.close() for engine in engines), return_exceptions=True)

    # --- what a kind of engine adds

    def _probe(self, member: Member) -> AsyncIterator[T]:
        """Ask the least of an engine that shows whether it is well."""
        raise NotImplementedError

    def _size(self, piece: T) -> float:
        """Return how much a piece is, in ``_unit``."""
        raise NotImplementedError

    _unit: str

    # --- trying one after another

    async def _run(
        self,
        start: Callable[[Member, list[T]], AsyncIterator[T]],
        input_ended: asyncio.Event | None = None,
        most: float = math.inf,
        *,
        needed: bool = True,
        wanted: str = "",
    ) -> AsyncGenerator[T]:
        """Yield the pieces of the first engine that can, up to the size ``most``, or none where none are ``needed``.

        ``start`` is given what was already yielded. The engine called ``wanted`` comes first.
        """
        given: list[T] = []
        reasons: list[str] = []
        for member in self._candidates(wanted):
            size = 0.0
            try:
                async with aclosing(self._pieces(member, start(member, given), input_ended, most)) as pieces:
                    async for piece in pieces:
                        given.append(piece)
                        size += self._size(piece)
                        yield piece
                if needed and not size:
                    raise EngineError("gave nothing")
            except Exception as unforeseen:
                # Whatever a stranger's engine gives, the turn goes on.
                error = _as_engine_error(unforeseen)
                reasons.append(f"{member.name}: {error}")
                if not isinstance(error, EngineUnsuited):
                    self._trip(member, error)
            else:
                self._well(member)
                return
        raise EngineError(f"no {self.kind} could answer: " + "; ".join(reasons))

    def _candidates(self, wanted: str = "") -> list[Member]:
        """Engines that are ready; a rest that is over begins a probe; where nobody is ready, the last is asked."""
        now = self._clock.now()
        for member in self.members:
            if member.state == "resting" and now >= member.rests_until:
                self._set(member, "probing", member.detail)
                self._in_background(self._examine(member))
        ready = [m for m in self.members if m.state == "ready" and (not m.built.aside or m.name == wanted)]
        if wanted:
            ready.sort(key=lambda member: member.name != wanted)
        return ready or self.members[-1:]

    async def _pieces(
        self,
        member: Member,
        source: AsyncIterator[T],
        input_ended: asyncio.Event | None = None,
        most: float = math.inf,
    ) -> AsyncGenerator[T]:
        """Yield an engine's pieces, each within its deadline, which counts only once its own input has ended."""
        member.calls += 1
        settings, began, first, total = member.built.settings, self._clock.now(), True, 0.0
        at_once = input_ended is None and getattr(member.engine, "stops_at_once", False)
        given = _Direct(source) if at_once else _Pumped(source, input_ended, lambda task: self._gone(member, task))
        try:
            while True:
                limit = settings.first_within if first else settings.next_within
                try:
                    piece = await given.next(limit)
                except TimeoutError:
                    raise EngineError(f"gave nothing for {limit:g} s") from None
                if piece is None:
                    return
                if isinstance(piece, BaseException):
                    raise _as_engine_error(piece)
                total += self._size(piece)
                if total > most:
                    raise EngineError(f"gave more than {most:g} {self._unit}")
                if first and total > 0:
                    first, member.last = False, self._clock.now() - began
                yield piece
        finally:
            await given.close()

    def _gone(self, member: Member, task: "asyncio.Task[None]") -> None:
        if not task.done():
            self._trip(member, EngineError(f"did not stop within {_GOODBYE:g} s of a cut"))

    # --- the breaker

    def _trip(self, member: Member, error: EngineError) -> None:
        if member.state != "resting":  # who had asked it before it rested tells nothing new
            member.failures += 1
        member.failed += 1
        rest = max(
            min(self._rest * 2 ** (member.failures - 1), self._rest * 10),
            error.retry_after if isinstance(error, EngineUnavailable) else 0.0,
        )
        member.rests_until = max(member.rests_until, self._clock.now() + rest)
        self._set(member, "resting", str(error))
        log.warning("%s %s failed and rests %.0f s: %s", self.kind, member.name, rest, error)

    def _well(self, member: Member) -> None:
        member.failures = 0
        if member.state != "ready":
            self._set(member, "ready", "")

    def _set(self, member: Member, state: Literal["ready", "resting", "probing", "missing"], detail: str) -> None:
        member.state, member.detail = state, detail
        self._publish(
            EngineState(at=self._clock.wall(), engine=member.name, kind=self.kind, state=state, detail=detail)
        )

    async def _examine(self, member: Member) -> None:
        """Probe a resting engine."""
        given = 0.0
        try:
            async with aclosing(self._pieces(member, self._probe(member))) as pieces:
                async for piece in pieces:
                    given += self._size(piece)
            if not given:
                raise EngineError("gave nothing")
        except EngineUnsuited:
            self._well(member)
        except Exception as error:
            self._trip(member, _as_engine_error(error))
        else:
            self._well(member)

    def _in_background(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _use(self, member: Member, unit: Literal["characters", "tokens", "seconds", "pictures"], amount: float) -> None:
        member.used[unit] = member.used.get(unit, 0.0) + amount
        self._publish(Used(at=self._clock.wall(), engine=member.name, kind=self.kind, unit=unit, amount=amount))


class _Direct(Generic[T]):
    """The pieces of an engine that stops at once when it is cut: one task switch less on the way to the first sound."""

    def __init__(self, source: AsyncIterator[T]) -> None:
        self._source = source
        self._deadline = Deadline()

    async def next(self, limit: float) -> T | None:
        """Wait for the next piece, and None behind the last; raises TimeoutError after ``limit`` seconds."""
        return await self._deadline.wait(anext(self._source, None), limit)

    async def close(self) -> None:
        """Ask it no more."""
        self._deadline.close()
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class _Pumped(Generic[T]):
    """The pieces of an engine that runs in a task of its own.

    A cut cancels that task and goes on at once, whatever the provider's goodbye takes.
    """

    def __init__(
        self,
        source: AsyncIterator[T],
        input_ended: asyncio.Event | None,
        gone: Callable[["asyncio.Task[None]"], None],
    ) -> None:
        """``gone`` is called some seconds after a cut, and looks whether the task has stopped."""
        self._pieces: asyncio.Queue[T | BaseException | None] = asyncio.Queue(64)
        self._task = asyncio.create_task(_pump(source, self._pieces))
        self._input_ended = input_ended
        self._is_gone = gone
        self._deadline = Deadline()

    async def next(self, limit: float) -> T | BaseException | None:
        """Wait for the next piece, a failure, and None behind the last.

        Raises TimeoutError ``limit`` seconds after the engine had all of its input.
        """
        if not self._pieces.empty():
            return self._pieces.get_nowait()
        if self._input_ended is None or self._input_ended.is_set():
            return await self._deadline.wait(self._pieces.get(), limit)
        piece = asyncio.create_task(self._pieces.get())
        ended = asyncio.create_task(self._input_ended.wait())
        try:
            await asyncio.wait((piece, ended), return_when=asyncio.FIRST_COMPLETED)
            return await self._deadline.wait(piece, limit)
        finally:
            piece.cancel()
            ended.cancel()

    async def close(self) -> None:
        """Ask it no more; does not wait."""
        self._deadline.close()
        if not self._task.done():
            self._task.cancel()
            asyncio.get_running_loop().call_later(_GOODBYE, self._is_gone, self._task)


async def _pump(source: AsyncIterator[T], queue: "asyncio.Queue[T | BaseException | None]") -> None:
    """Carry pieces from an engine to whoever waits; the end is None, a failure is its exception."""
    try:
        async for piece in source:
            await queue.put(piece)
        await queue.put(None)
    except Exception as error:
        # Whatever a stranger's engine raises must reach the chain, never the event loop's log.
        await queue.put(error)
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()


def _as_engine_error(error: BaseException) -> EngineError:
    return error if isinstance(error, EngineError) else EngineError(f"{type(error).__name__}: {error}")
