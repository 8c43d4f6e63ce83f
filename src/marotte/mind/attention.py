"""Attention: what deserves an answer, and what comes first.

Each kind of percept waits in a lane whose policy the show declares. A lane bounds first, at a cost that a flood of
chat does not feel, and looks closely only at what is about to be answered. Whatever leaves unanswered is counted by its
reason; a percept of a lane that survives is a row before it is acted on.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from msgspec.structs import replace

from marotte import config
from marotte.events import AnyPercept, Asked, ChatMessage, Dropped, Due, Ending, Event, Queued, Utterance, tag
from marotte.mind.choice import Choice
from marotte.mind.lanes import Bundle, Lane, Mutes, Reason, Waiting, words
from marotte.text.normal import likeness
from marotte.time import Clock


class Rows(Protocol):
    """Where percepts of surviving lanes are kept."""

    async def keep_percept(self, percept: AnyPercept, lane: str) -> bool:
        """Keep a percept; on disk when this returns. False where it was kept before."""
        ...

    async def waiting_percepts(self) -> list[AnyPercept]:
        """Return kept percepts that are not answered, oldest first."""
        ...


_WORDS = (Asked, ChatMessage, Due, Utterance)
"""Whoever put these waits for an answer; what else happened is past when it was not remarked on."""
_MUTED = 1.0
"""Seconds between two looks at lanes while anything is muted."""
_TOLD = 20
"""In a lane with more waiting than this, newcomers are not announced one by one."""


class Attention:
    """What waits on one floor, and what is answered next."""

    MOST_TRIES = 3
    """A percept whose turn was cut before it was answered comes back so often at most; then it waits for a restart."""

    def __init__(
        self,
        floor: str,
        show: config.Show,
        rows: Rows,
        unread: Callable[[str], str],
        publish: Callable[[Event], None],
        clock: Clock,
        mutes: Mutes | None = None,
    ) -> None:
        """``unread`` says why a chat message must not be read, or "". ``mutes`` are shared by all floors of a run."""
        self.floor = floor
        self.on_press: Callable[[config.Lane], None] = lambda lane: None
        """Called when something arrives in a lane that may pre-empt."""
        self.meant: Callable[[Utterance], Reason | None] = lambda utterance: None
        """Says why what somebody spoke is not meant as a turn of theirs, or None."""
        self.judged: Callable[[AnyPercept], bool] = lambda percept: False
        """Told of each percept that is taken in, in their order; returns whether it is spam, which is not read."""
        self.taken: Callable[[ChatMessage], bool] = lambda message: False
        """Takes a chat message that is a command, and does what it says; returns whether it was."""
        self.comes: Callable[[AnyPercept], bool] = lambda percept: True
        """Told of each percept that is to be taken in; returns whether it may be, or is offered again in its time."""
        self.alone: Callable[[AnyPercept], bool] = lambda percept: False
        """Whether a percept is answered in a turn of its own, whatever waits beside it."""
        self.dropped: Counter[tuple[str, str]] = Counter()
        """How many percepts left unanswered, by lane and reason."""
        self._rows = rows
        self._unread = unread
        self._publish = publish
        self._clock = clock
        self._mutes = mutes if mutes is not None else Mutes()
        self._lanes = [Lane(name, policy) for name, policy in show.lanes.items()]
        self._lane_of = {kind: lane for lane in self._lanes for kind in lane.policy.percepts}
        self._in_hand: set[str] = set()
        """Ids of surviving percepts that a turn is answering."""
        self._something = asyncio.Event()
        self._listens = False
        self._choice = Choice(self._named)
        self._settings: config.Attention = show.attention
        self.answer: config.Answers = show.attention.answer
        """Which chat messages it answers; the operator may change it."""
        self.use(show)

    def use(self, show: config.Show) -> None:
        """Go by a show's settings from now on. Its lanes are the same, by name and by what they take."""
        if show.attention.answer != self._settings.answer:
            self.answer = show.attention.answer
        self._settings = show.attention
        self._names = tuple(name.casefold() for name in (show.character.name, *show.character.called))
        for lane in self._lanes:
            lane.policy = show.lanes[lane.name]
        self._lanes.sort(key=lambda lane: -lane.policy.priority)
        self._something.set()

    # --- in

    def survives(self, percept: AnyPercept) -> bool:
        """Whether it must be a row before it is acted on."""
        lane = self._lane_of.get(tag(percept))
        return lane is not None and lane.policy.survives

    async def keep(self, percept: AnyPercept) -> None:
        """Take in a percept that must survive: on disk first, then in its lane."""
        if isinstance(percept, ChatMessage) and self.taken(percept):
            self._drop(self._lane_of[tag(percept)].name, "command", Waiting(percept, 0.0), many=True)
            return
        if await self._rows.keep_percept(percept, self._lane_of[tag(percept)].name):
            self.offer(percept)

    async def recover(self) -> int:
        """Take in again what an earlier run left unanswered; returns how many."""
        kept = await self._rows.waiting_percepts()
        known = self._in_hand | {w.percept.id for lane in self._lanes for w in lane.waiting}
        left = [p for p in kept if p.floor == self.floor and p.id not in known]
        for percept in left:
            self.offer(percept)
        return len(left)

    def offer(self, percept: AnyPercept, tries: int = 0) -> None:
        """Take in a percept; costs the same in a flood as in a lull."""
        if not tries and not self.comes(percept):
            return
        spam = not tries and self.judged(percept)
        lane = self._lane_of.get(tag(percept))
        if lane is None:
            self._drop("none", "blocked", Waiting(percept, 0.0))
            return
        if spam:
            self._drop(lane.name, "blocked", Waiting(percept, 0.0), many=True)
            return
        if self._mutes and not lane.policy.survives and self._muted(lane, percept):
            self._drop(lane.name, "muted", Waiting(percept, 0.0))
            return
        if isinstance(percept, ChatMessage) and not tries and self.taken(percept):
            self._drop(lane.name, "command", Waiting(percept, 0.0), many=True)
            return
        if isinstance(percept, Utterance) and (why := self.meant(percept)):
            self._drop(lane.name, why, Waiting(percept, 0.0))
            return
        reason, left = lane.put(percept, self._clock.now(), tries)
        if len(lane.waiting) <= _TOLD:
            self._tell(lane.name, percept)
        if reason is not None and left is not None:
            self._drop(lane.name, reason, left)
        self._something.set()
        if lane.policy.preempt != "never":
            self.on_press(lane.policy)

    def preempts(self, kind: str) -> bool:
        """Whether percepts of a kind cut whatever is being said."""
        lane = self._lane_of.get(kind)
        return lane is not None and lane.policy.preempt == "at_once"

    def lane_for(self, percept: AnyPercept) -> tuple[str, config.Lane] | None:
        """Return the lane that a percept would wait in; None where nothing waits for it, or it must survive."""
        lane = self._lane_of.get(tag(percept))
        if lane is None or lane.policy.survives or (self._mutes and self._muted(lane, percept)):
            return None
        return lane.name, lane.policy

    def listen(self, on: bool) -> None:
        """Somebody speaks, or no more: until they have ended nothing is answered, for nobody would hear it."""
        self._listens = on
        self._something.set()

    def settle(self, bundle: Bundle, ending: Ending) -> None:
        """A turn is over; take back what it was cut short of answering.

        Where its lane survives, whatever no whole line has named; else words of which no answer was heard at all.
        """
        unheard = ending.reason == "interrupted" and not ending.heard
        for entry in bundle.waiting:
            self._in_hand.discard(entry.percept.id)
            if entry.tries + 1 >= self.MOST_TRIES:
                continue
            if not bundle.policy.survives:
                if unheard and isinstance(entry.percept, _WORDS):
                    self._lane_of[tag(entry.percept)].put_back(entry)
            elif entry.percept.id not in ending.answered:
                self.offer(entry.percept, entry.tries + 1)

    def skip(self, percept_id: str) -> bool:
        """Drop what waits under an id; returns whether there was any."""
        for lane in self._lanes:
            for entry in lane.waiting:
                if entry.percept.id == percept_id:
                    self._drop(lane.name, "skipped", lane.remove(entry))
                    return True
        return False

    def removed(self, link: str, what: str, name: str) -> list[str]:
        """Drop the words that a platform took away: a message's, a viewer's, or all of a chat; return their percepts.

        What was given is still answered: it was paid for.
        """

        def gone(percept: AnyPercept) -> bool:
            if not isinstance(percept, ChatMessage) or percept.link != link:
                return False
            owner = percept.viewer.id if percept.viewer else ""
            return what == "chat" or name == (percept.source if what == "message" else owner)

        found = [(lane, entry) for lane in self._lanes for entry in lane.waiting if gone(entry.percept)]
        for lane, entry in found:
            self._drop(lane.name, "removed", lane.remove(entry))
        return [entry.percept.id for _, entry in found]

    def pin(self, percept_id: str, *, at_once: bool = False) -> bool:
        """Answer what waits under an id next, or ``at_once``, whatever speaks; returns whether there was any."""
        for lane in self._lanes:
            for entry in lane.waiting:
                if entry.percept.id == percept_id:
                    entry.pinned = True
                    self._something.set()
                    if at_once:
                        self.on_press(lane.policy.model_copy(update={"preempt": "at_once"}))
                    return True
        return False

    def _muted(self, lane: Lane, percept: AnyPercept) -> bool:
        now, mutes = self._clock.now(), self._mutes
        return (
            mutes.has("lane", lane.name, now)
            or mutes.has("sense", tag(percept), now)
            or (bool(percept.link) and mutes.has("link", percept.link, now))
            or (percept.viewer is not None and mutes.has("viewer", percept.viewer.id, now))
        )

    def _tell(self, lane: str, percept: AnyPercept) -> None:
        self._publish(
            Queued(
                at=self._clock.wall(),
                floor=self.floor,
                percept=percept.id,
                lane=lane,
                text=words(percept)[:300],
                who=percept.viewer.name if percept.viewer else "",
            )
        )

    def lost(self, kind: str, count: int) -> None:
        """Count percepts of a kind that came faster than they could be taken in."""
        if count:
            lane = self._lane_of.get(kind)
            self.dropped[lane.name if lane else "none", "capacity"] += count

    def _drop(self, lane: str, reason: Reason, entry: Waiting, *, many: bool = False) -> None:
        """Count an entry, and those that it stands for, as left unanswered; ``many`` may come at once."""
        before, count = self.dropped[lane, reason], 1 + entry.merged
        self.dropped[lane, reason] += count
        # In a flood only the counters move: an event for each lost message would be a flood of its own.
        many = many or reason in ("capacity", "fairness")
        if not many or before // 100 < (before + count) // 100 or not before:
            self._publish(
                Dropped(
                    at=self._clock.wall(),
                    floor=self.floor,
                    lane=lane,
                    reason=reason,
                    count=count,
                    percept=entry.percept.id,
                )
            )

    # --- what waits

    def pending(self) -> list[tuple[str, config.Lane, Waiting]]:
        """Return what waits, in the order in which lanes are served."""
        return [(lane.name, lane.policy, entry) for lane in self._lanes for entry in lane.waiting]

    def depth(self) -> dict[str, int]:
        """Return how many wait in each lane."""
        return {lane.name: len(lane.waiting) for lane in self._lanes}

    # --- out

    async def next(self) -> Bundle:
        """Wait for the next thing worth an answer."""
        while True:
            if self._listens:
                self._something.clear()
                await self._something.wait()
                continue
            if bundle := self._take_pinned():
                return bundle
            for lane in self._lanes:
                if self._mutes and self._mutes.has("lane", lane.name, self._clock.now()):
                    continue
                if lane.waiting and (bundle := self._take(lane)):
                    return bundle
                if lane.overflowed and not lane.waiting:
                    await self.recover()
                    lane.overflowed = bool(lane.waiting) and lane.overflowed
            self._something.clear()
            if self._mutes:
                # What waits in a muted lane is looked for again when the lane may speak.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_MUTED):
                        await self._something.wait()
            elif not any(lane.waiting for lane in self._lanes):
                await self._something.wait()

    def _take_pinned(self) -> Bundle | None:
        """Take what the operator has pinned: by itself, and whatever its lane's rules are."""
        for lane in self._lanes:
            for entry in lane.waiting:
                if entry.pinned:
                    lane.remove(entry)
                    if lane.policy.survives:
                        self._in_hand.add(entry.percept.id)
                    return Bundle(lane.name, lane.policy, (entry,))
        return None

    def _take(self, lane: Lane) -> Bundle | None:
        """Take what one turn answers out of a lane; None if nothing in it was worth it."""
        policy = lane.policy
        now = self._clock.now()
        while policy.expiry and lane.waiting and now - lane.waiting[0].since > policy.expiry:
            self._drop(lane.name, "expired", lane.remove(lane.waiting[0]))
        chosen: list[Waiting] = []
        for entry in self._preferred(lane, now):
            if len(chosen) >= policy.together:
                break
            if chosen and (self.alone(entry.percept) or self.alone(chosen[0].percept)):
                break
            lane.remove(entry)
            if why := self._unworthy(entry.percept):
                self._drop(lane.name, why, entry)
            elif not self._merged(entry, chosen, policy):
                chosen.append(entry)
        if policy.merge == "last":
            chosen.reverse()
            while lane.waiting:
                self._drop(lane.name, "superseded", lane.remove(lane.waiting[0]))
        if policy.merge == "best":
            chosen.sort(key=lambda entry: entry.since)
            self._choice.note((entry.percept for entry in chosen), now)
        if policy.survives:
            self._in_hand.update(entry.percept.id for entry in chosen)
        return Bundle(lane.name, policy, tuple(chosen)) if chosen else None

    def _preferred(self, lane: Lane, now: float) -> Iterable[Waiting]:
        """Return what waits in a lane in the order in which its policy answers it."""
        match lane.policy.merge:
            case "best":
                return self._choice.ordered(lane.waiting, now)
            case "last" | "latest":
                return [*reversed(lane.waiting)]
            case _:
                return [*lane.waiting]

    def _merged(self, entry: Waiting, chosen: list[Waiting], policy: config.Lane) -> bool:
        """Let one that was chosen stand for this entry too, where the lane allows it."""
        if policy.survives:
            return False
        text = words(entry.percept)
        for other in chosen:
            if policy.merge == "join" and _same_speaker(entry.percept, other.percept):
                other.percept = _joined(other.percept, text)
                return True
            if text and likeness(text, words(other.percept)) >= self._settings.near:
                other.merged += 1 + entry.merged
                return True
        return False

    def _unworthy(self, percept: AnyPercept) -> Reason | None:
        """Say why a percept is not answered after all."""
        kind = tag(percept)
        text = words(percept)
        if kind in ("chat_message", "utterance") and not text.strip():
            return "empty"
        if kind == "chat_message":
            if self._unread(text):
                return "blocked"
            if self.answer != "everything" and not self._addressed(text):
                return "unaddressed"
        return None

    def _addressed(self, text: str) -> bool:
        return self._named(text) or (self.answer == "addressed" and text.rstrip().endswith(("?", "？")))

    def _named(self, text: str) -> bool:
        folded = text.casefold()
        return any(name in folded for name in self._names)


def _same_speaker(one: AnyPercept, other: AnyPercept) -> bool:
    return (
        isinstance(one, Utterance)
        and isinstance(other, Utterance)
        and (one.viewer.id if one.viewer else "") == (other.viewer.id if other.viewer else "")
    )


def _joined(percept: AnyPercept, text: str) -> AnyPercept:
    assert isinstance(percept, Utterance)
    return replace(percept, text=f"{percept.text} {text}".strip())
