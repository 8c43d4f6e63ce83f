"""Redemptions: what a reward does to its turn, and when the platform is told that it was fulfilled or is given back.

A redemption is a row before it is acted on, and so is what becomes of it: each is closed once, whatever crashes.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Protocol

from msgspec.structs import replace

from marotte import config
from marotte.bus import Bus
from marotte.config_pastimes import Reward, cue_of
from marotte.events import (
    ActDone,
    AnyPercept,
    Dropped,
    Event,
    Express,
    Followed,
    Fulfil,
    LineStopped,
    LinkState,
    Redemption,
    TurnEnded,
    TurnStarted,
    subject,
)
from marotte.mind.attention import Attention
from marotte.mind.manner import AS_USUAL, Manner, harmless
from marotte.mind.persona import quoted
from marotte.store.database import StoreError
from marotte.store.tallies import CLOSED, DECIDED, FULFIL, REFUND, Outcome
from marotte.text.holes import filled
from marotte.time import Clock

log = logging.getLogger(__name__)

WITHIN = 5.0
"""Seconds in which somebody must follow a reward's cue."""
LOOKED_BACK = 86_400.0
"""Redemptions of an earlier run that are older than this are left to people."""
MOST = 5_000
"""Redemptions that are watched at a time."""
_ACT = "fulfil/"
_CUE = "/cue"


class Rows(Protocol):
    """Where redemptions are kept, and what becomes of them. All of it raises StoreError."""

    async def redemptions(self, since: float) -> list[tuple[AnyPercept, str]]: ...

    async def tallies(self, kind: str) -> Mapping[str, int]: ...

    async def decide(self, percept: str, reward: str, what: int, outcome: Outcome) -> bool: ...

    async def closed(self, percept: str) -> None: ...

    def expired(self, ids: Sequence[str]) -> None: ...


@dataclass(eq=False)
class _Watched:
    """A redemption that is not closed."""

    percept: Redemption
    tries: int = 0
    """Turns that have ended without answering it."""
    heard: bool = False
    stopped: bool = False
    """Moderation has stopped words of it."""
    shown_at: float = -1.0
    """When its cue was given; -1 where it has none, or not yet."""
    followed: bool = False


def manner(rewards: Mapping[str, Reward], percept: AnyPercept) -> Manner:
    """Return how a redemption wants to be answered; as usual where the show says nothing of its reward."""
    reward = reward_of(rewards, percept)
    if reward is None or not isinstance(percept, Redemption):
        return AS_USUAL
    values = {"user": quoted(percept.viewer.name if percept.viewer else "somebody"), "args": quoted(percept.text)}
    return Manner(
        feeling=reward.feeling,
        voice=reward.voice,
        # Chance has nothing to go by but the redemption itself, so that another try asks the same.
        prompt=filled(reward.prompt, values, Random(percept.id), () if percept.text else ("args",)),
        verbatim=harmless(percept.text) if reward.speak else "",
    )


def reward_of(rewards: Mapping[str, Reward], percept: AnyPercept) -> Reward | None:
    """Return what the show says of a redemption's reward, or None."""
    return rewards.get(percept.reward) if isinstance(percept, Redemption) else None


class Redemptions:
    """Follows redemptions from their turn to their end."""

    def __init__(self, show: config.Show, rows: Rows, bus: Bus, clock: Clock, floor: str) -> None:
        self.show = show
        self.counted: Counter[Outcome] = Counter()
        """What became of redemptions in this run. One that a link refused is ``left`` as well as what was decided."""
        self._rows = rows
        self._bus = bus
        self._clock = clock
        self._floor = floor
        self._watched: dict[str, _Watched] = {}
        self._turns: dict[str, tuple[str, ...]] = {}
        self._undone: dict[str, Fulfil] = {}
        """What a link did not do: it is asked again when it is up."""
        self._asked: dict[str, Fulfil] = {}
        self._up: set[str] = set()
        """Links that are up."""
        # From the beginning: what an earlier run has left may be answered before anybody follows it.
        self._news = bus.subscribe(
            f"percept.redemption.{floor}",
            *(f"event.{kind}.{floor}" for kind in ("turn_started", "turn_ended", "line_stopped", "dropped")),
            "event.followed.>",
            "event.act_done.>",
            "event.link_state.>",
            size=10_000,
        )

    def manner(self, percept: AnyPercept) -> Manner:
        """Return how a percept wants to be answered."""
        return manner(self.show.redemptions, percept)

    async def run(self) -> None:
        """Close what an earlier run has left open, then follow what happens, until cancelled."""
        await self._look_back()
        while True:
            for watched in [w for w in self._watched.values() if self._settled(w)]:
                await self._conclude(watched)
            await self._next()

    async def _next(self) -> None:
        """Take in what happens next, or wait until a cue has waited long enough."""
        ends = [w.shown_at + WITHIN for w in self._watched.values() if w.heard and w.shown_at >= 0]
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(ends) - self._clock.now()) if ends else None):
                message = await self._news.get()
                await self._take(message.data)

    async def _look_back(self) -> None:
        """Find what an earlier run has left open: its rows tell what became of it. Then take in what came meanwhile."""
        try:
            decided = await self._rows.tallies(DECIDED)
            rows = await self._rows.redemptions(self._clock.wall() - LOOKED_BACK)
        except StoreError as error:
            log.error("redemptions of an earlier run are not closed: %s", error)
            return
        news = [message.data for message in self._news.take()]
        # What this run has begun on is told by its turn, whatever its row says by now.
        begun = {percept for event in news if isinstance(event, TurnStarted) for percept in event.percepts}
        for percept, state in rows:
            if not isinstance(percept, Redemption) or reward_of(self.show.redemptions, percept) is None:
                continue
            what = decided.get(percept.id, 0)
            if what in (FULFIL, REFUND):
                self._publish(self._act(percept, what))
            elif not what and (state == "waiting" or percept.id in begun):
                self._watch(percept)
            elif not what and self._survives(self.show.lane_of("redemption")):
                await self._decide(percept, "fulfilled" if state == "answered" else "refunded")
        for event in news:
            await self._take(event)

    async def _take(self, event: object) -> None:
        match event:
            case Redemption():
                if reward_of(self.show.redemptions, event) is not None:
                    self._watch(event)
            case TurnStarted():
                self._began(event)
            case TurnEnded():
                self._ended(event)
            case LineStopped(turn=turn):
                for watched in self._of(self._turns.get(turn, ())):
                    watched.stopped = True
            case Followed(cue=cue):
                for watched in self._of([cue.removesuffix(_CUE)]):
                    watched.followed = True
            case Dropped(percept=percept):
                for watched in self._of([percept]):
                    watched.tries = Attention.MOST_TRIES
            case ActDone(act=act, ok=True) if act.startswith(_ACT):
                self._asked.pop(act, None)
                await self._kept(act.removeprefix(_ACT))
            case ActDone(act=act, ok=False, detail=why) if act in self._asked:
                await self._refused(self._asked.pop(act), why)
            case LinkState(link=link, state="up"):
                self._up.add(link)
                for act in [a for a in self._undone.values() if a.link == link]:
                    self._publish(replace(self._undone.pop(act.id), at=self._clock.wall()))
            case LinkState(link=link):
                self._up.discard(link)
            case _:
                pass

    def _watch(self, percept: Redemption) -> None:
        self._watched.setdefault(percept.id, _Watched(percept))
        while len(self._watched) > MOST:
            del self._watched[next(iter(self._watched))]

    def _of(self, percepts: Collection[str]) -> list[_Watched]:
        return [watched for percept in percepts if (watched := self._watched.get(percept)) is not None]

    def _began(self, turn: TurnStarted) -> None:
        theirs = self._of(turn.percepts)
        if not theirs:
            return
        self._turns[turn.turn] = turn.percepts
        for watched in theirs:
            reward = reward_of(self.show.redemptions, watched.percept)
            cue = cue_of(reward.cue) if reward is not None and reward.cue else None
            watched.stopped = False
            if cue is not None and watched.shown_at < 0:
                watched.shown_at = self._clock.now()
                self._publish(
                    Express(
                        at=self._clock.wall(),
                        floor=self._floor,
                        id=f"{watched.percept.id}{_CUE}",
                        cue=cue,
                        turn=turn.turn,
                    )
                )

    def _ended(self, turn: TurnEnded) -> None:
        # One that an earlier run has left may be answered before anybody follows its turn.
        ending, again = turn.ending, self._survives(turn.lane)
        for watched in self._of({*self._turns.pop(turn.turn, ()), *ending.answered}):
            watched.heard = watched.percept.id in ending.answered if again else bool(ending.heard) and not ending.cut
            watched.tries += 0 if watched.heard else 1 if again else Attention.MOST_TRIES

    def _survives(self, lane: str) -> bool:
        """Whether what a lane has not answered is tried again, and a line says what it answers."""
        policy = self.show.lanes.get(lane)
        return policy is not None and policy.survives

    def _settled(self, watched: _Watched) -> bool:
        """Whether it is known what becomes of a redemption."""
        if watched.tries >= Attention.MOST_TRIES:
            return True
        late = self._clock.now() >= watched.shown_at + WITHIN
        return watched.heard and (watched.shown_at < 0 or watched.followed or late)

    async def _conclude(self, watched: _Watched) -> None:
        percept = watched.percept
        del self._watched[percept.id]
        unseen = watched.shown_at >= 0 and not watched.followed
        unsaid = watched.stopped and bool(self.manner(percept).verbatim)
        refund = not watched.heard or unseen or unsaid
        if refund:
            self._rows.expired([percept.id])  # it is given back: no restart answers it
        unfollowed = unseen and watched.heard and not unsaid
        await self._decide(percept, "unfollowed" if unfollowed else "refunded" if refund else "fulfilled")

    async def _decide(self, percept: Redemption, outcome: Outcome) -> None:
        """Keep what becomes of a redemption, and have it done."""
        what = FULFIL if outcome == "fulfilled" else REFUND
        act = self._act(percept, what)
        outcome = "left" if act is None else outcome
        try:
            if not await self._rows.decide(percept.id, percept.reward, what, outcome):
                return
            self.counted[outcome] += 1
            self._publish(act)
            if act is None:
                await self._rows.closed(percept.id)
        except StoreError as error:
            log.error("what becomes of redemption %s is not kept: %s", percept.id, error)

    def _act(self, percept: Redemption, what: int) -> Fulfil | None:
        """Return the act that closes a redemption; None where that is left to people."""
        reward = reward_of(self.show.redemptions, percept)
        if reward is None or reward.fulfil == "never" or not (percept.link and percept.source):
            return None
        return Fulfil(
            at=self._clock.wall(),
            floor=self._floor,
            id=f"{_ACT}{percept.id}",
            link=percept.link,
            redemption=percept.source,
            reward=percept.reward,
            refund=what % CLOSED == REFUND,
        )

    async def _refused(self, act: Fulfil, why: str) -> None:
        """Ask again once the link is up; what a link that is up will not do is left to people, and asked no more."""
        if act.link not in self._up:
            self._undone[act.id] = act
            return
        self.counted["left"] += 1
        log.warning("redemption %s is left to people: %s", act.redemption, why)
        await self._kept(act.id.removeprefix(_ACT))

    async def _kept(self, percept: str) -> None:
        try:
            await self._rows.closed(percept)
        except StoreError as error:
            log.error("that redemption %s is closed is not kept: %s", percept, error)

    def _publish(self, event: Event | None) -> None:
        if isinstance(event, Fulfil):
            self._asked[event.id] = event
            for waiting in (self._asked, self._undone):
                while len(waiting) > MOST:
                    del waiting[next(iter(waiting))]
        if event is not None:
            self._bus.publish(subject(event), event)
