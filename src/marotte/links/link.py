"""What links share: they tell how they stand, and carry out acts until they are done, refused or late."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Literal

from marotte.events import Act, ActDone, Announce, AnyAct, Clip, Event, Fulfil, LinkState, Send, ShoutOut, Verdict, tag
from marotte.links.pace import Backoff, Late
from marotte.ports import Standing
from marotte.time import Clock

log = logging.getLogger(__name__)

Work = Callable[[Any, float], Awaitable[str]]
State = Literal["connecting", "up", "down", "refused", "stopped"]
WITHIN: dict[type[Act], float] = {
    Send: 20.0,
    Announce: 60.0,
    Verdict: 600.0,
    Fulfil: 86_400.0,
    ShoutOut: 300.0,
    Clip: 20.0,
}
"""Seconds after which an act is stale: words that come late are worse than none."""
_LASTING = 86_400.0
"""A ban is as good a day later, and so is to lift it."""
_LONGEST_PAUSE = 30.0
_OPPOSED = {"ban": ("allow",), "timeout": ("allow",), "allow": ("ban", "timeout")}
"""What lasts, and what undoes it: where that is decided, what waits is not laid any more."""
_OUTDONE = {"timeout": ("timeout", "ban")}
"""What is not laid any more, either, once one of these that was decided later is laid."""


def within(act: AnyAct) -> float:
    """Return the seconds after which an act is stale."""
    lasting = isinstance(act, Verdict) and _is_laid(act) and act.action != "timeout"
    return _LASTING if lasting else WITHIN[type(act)]


def _is_laid(act: Verdict) -> bool:
    """Whether it is laid on a viewer, or lifts what was: to allow a ``source`` lets but one message through."""
    return act.action in _OPPOSED and not (act.action == "allow" and act.source)


class Refused(Exception):
    """A platform will not do what it is asked; the message says why. To ask again does not help."""


class Passing(Exception):
    """Something is in the way that passes; the message says what, and ``wait`` for how many seconds it lasts."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(eq=False)
class _Decided:
    """A verdict that lasts, while it is under way."""

    act: Verdict
    overtaken: bool = False
    """A newer one has taken its place, so that it must not be laid any more."""


@dataclass(eq=False)
class _Viewer:
    """What is decided on one viewer and is under way."""

    decided: list[_Decided] = field(default_factory=list[_Decided])
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, act: Verdict) -> _Decided:
        """Note one more, which overtakes what it undoes."""
        self.decided.append(new := _Decided(act))
        self.overtake(new, _OPPOSED)
        return new

    def overtake(self, newer: _Decided, by: Mapping[str, Sequence[str]]) -> None:
        """Mark those that were decided before, in the same place, and that by ``by`` give way to it."""
        act = newer.act
        for older in self.decided[: self.decided.index(newer)]:
            elsewhere = older.act.channel and act.channel and older.act.channel != act.channel
            if act.action in by.get(older.act.action, ()) and not elsewhere:
                older.overtaken = True


class BaseLink(ABC):
    """One connection to a platform; a platform's own link fills ``acts`` and does the rest."""

    platform: ClassVar[str]

    def __init__(self, name: str, publish: Callable[[Event], None], clock: Clock, rng: Random) -> None:
        """``name`` is the link's in the show; its events bear it."""
        self.name = name
        self.publish = publish
        self.clock = clock
        self.rng = rng
        self.acts: dict[type[Act], Work] = {}
        """What carries out each kind of act: it is given the act and until when on the clock it is good, and returns
        what is to be told of it. Raises Refused, Passing or Late."""
        self.counted: Counter[str] = Counter()
        self._viewers: dict[str, _Viewer] = {}
        """Those on whom something is decided that is under way."""

    @property
    def can(self) -> frozenset[str]:
        """The acts that it can carry out, by their tags."""
        return frozenset(map(tag, self.acts))

    @property
    def counters(self) -> Mapping[str, int]:
        """What it has done since the run began."""
        return self.counted

    def standing(self) -> Sequence[Standing]:
        """Return what it has and lacks, for whoever looks after it."""
        return ()

    @abstractmethod
    async def run(self) -> None:
        """Stay connected until cancelled."""

    def tell(self, state: State, detail: str = "") -> None:
        """Publish how the connection is."""
        self.publish(LinkState(at=self.clock.wall(), link=self.name, state=state, detail=detail))

    async def act(self, act: AnyAct) -> ActDone:
        """Carry out an act, again and again where something passing is in the way; publish what became of it.

        An act that bears no time is new.
        """
        try:
            if type(act) not in self.acts:  # one that is new does not wait until it can
                raise Refused(f"{self.platform} can do no {tag(act).replace('_', ' ')}")
            if isinstance(act, Verdict) and _is_laid(act):
                detail, ok = await self._decide(act), True
            else:
                detail, ok = await self._carry_out(act, self._attempt), True
        except (Refused, Late) as error:
            detail, ok = str(error), False
        except Exception as error:
            # Whatever a platform answers: other acts go on.
            log.exception("%s: %s has failed", self.name, tag(act))
            detail, ok = f"it has failed: {type(error).__name__}", False
        self.counted["acts" if ok else "acts refused"] += 1
        if not ok:
            log.warning("%s: %s is not done: %s", self.name, tag(act), detail)
        done = ActDone(at=self.clock.wall(), floor=act.floor, act=act.id, link=self.name, ok=ok, detail=detail)
        self.publish(done)
        return done

    async def _decide(self, act: Verdict) -> str:
        """Carry out a verdict, so that of those on one viewer the newer is what holds. Raises Refused or Late."""
        viewer = self._viewers.setdefault(act.viewer.id, _Viewer())
        mine = viewer.add(act)

        async def lay(act: Verdict, until: float) -> str:
            async with viewer.turn:  # else what is on its way may arrive after what was decided later
                if mine.overtaken:
                    raise Refused("a newer verdict has taken its place")
                detail = await self._attempt(act, until)
                viewer.overtake(mine, _OUTDONE)
                return detail

        try:
            return await self._carry_out(act, lay)
        finally:
            viewer.decided.remove(mine)
            if not viewer.decided:
                del self._viewers[act.viewer.id]

    async def _carry_out(self, act: AnyAct, attempt: Work) -> str:
        """Try an act until it is done; return what is to be told of it. Raises Refused or Late."""
        waited = max(0.0, self.clock.wall() - act.at) if act.at else 0.0
        until = self.clock.now() + within(act) - waited
        backoff = Backoff(self.rng, 0.5, _LONGEST_PAUSE)
        while True:
            if self.clock.now() >= until:
                raise Late(f"it has waited {waited:.0f} s and is stale now")
            try:
                return await attempt(act, until)
            except Passing as error:
                pause = max(error.wait, backoff.next(0.0))
                if self.clock.now() + pause >= until:
                    raise Late(f"{error}; it is stale before that is over") from None
                await self.clock.sleep(pause)

    async def _attempt(self, act: AnyAct, until: float) -> str:
        """Try an act with what the link has now: it may have been connected anew since the last attempt.

        Raises Refused, Passing or Late.
        """
        if (work := self.acts.get(type(act))) is None:
            raise Passing("it is not connected at present")
        return await work(act, until)


async def first_of(*works: Awaitable[None]) -> None:
    """Do several things until one of them is done; raises what that raises."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks[::-1]:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
