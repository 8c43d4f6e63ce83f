"""Lanes: where percepts wait, how many at most, and which of them leaves when there are more."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from marotte import config
from marotte.events import AnyPercept

Reason = Literal[
    "capacity",
    "expired",
    "superseded",
    "fairness",
    "blocked",
    "unaddressed",
    "empty",
    "skipped",
    "muted",
    "backchannel",
    "echo",
    "command",
    "removed",
]


@dataclass(eq=False, slots=True)
class Waiting:
    """A percept in a lane."""

    percept: AnyPercept
    since: float
    merged: int = 0
    """How many others it stands for, said the same or nearly the same."""
    tries: int = 0
    pinned: bool = False
    """The operator wants it answered, and next."""
    pairs: frozenset[str] | None = None
    """Its pairs of letters, once it was compared with others."""


class Mutes:
    """What the operator does not want answered for a while: senses (kinds of percepts), lanes, links, viewers."""

    MOST = 1_000

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def add(self, what: str, name: str, until: float = math.inf) -> None:
        """Mute a ``sense``, ``lane``, ``link`` or ``viewer`` until a place on the clock."""
        self._until.pop((what, name), None)
        self._until[what, name] = until
        while len(self._until) > self.MOST:
            del self._until[next(iter(self._until))]

    def remove(self, what: str, name: str) -> bool:
        """Mute it no longer; returns whether it was."""
        return self._until.pop((what, name), None) is not None

    def has(self, what: str, name: str, now: float) -> bool:
        """Whether it is muted; what is over is forgotten."""
        until = self._until.get((what, name))
        if until is not None and until <= now:
            del self._until[what, name]
        return until is not None and until > now

    def all(self, now: float) -> list[tuple[str, str, float]]:
        """Return what is muted, and until when, the oldest first."""
        return [(*key, until) for key, until in self._until.items() if until > now]

    def __bool__(self) -> bool:
        return bool(self._until)


@dataclass(slots=True)
class Bundle:
    """What one turn answers."""

    lane: str
    policy: config.Lane
    waiting: tuple[Waiting, ...]

    @property
    def percepts(self) -> tuple[AnyPercept, ...]:
        """The percepts, each whole."""
        return tuple(w.percept for w in self.waiting)


@dataclass
class Lane:
    """The percepts of one lane that wait, oldest first."""

    name: str
    policy: config.Lane
    waiting: deque[Waiting] = field(default_factory=deque[Waiting])
    by_text: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    by_viewer: Counter[str] = field(default_factory=Counter[str])
    overflowed: bool = False
    """A surviving lane was full: the rest is on disk."""

    def put(self, percept: AnyPercept, now: float, tries: int = 0) -> tuple[Reason | None, Waiting | None]:
        """Take a percept in; returns why another (or it) had to leave, and which."""
        policy = self.policy
        text = words(percept)
        if policy.merge != "all" and text and (same := self.by_text.get(text)) is not None:
            same.merged += 1
            return None, None
        left: tuple[Reason | None, Waiting | None] = (None, None)
        viewer = percept.viewer.id if percept.viewer else ""
        if policy.each_viewer and viewer and self.by_viewer[viewer] >= policy.each_viewer:
            left = ("fairness", self._give_up(viewer))
        elif policy.merge == "latest" and self.waiting:
            left = ("superseded", self._give_up())
        elif len(self.waiting) >= policy.capacity:
            if policy.survives:
                self.overflowed = True
                return None, None
            left = ("capacity", self._give_up())
        entry = Waiting(percept, now, tries=tries)
        self.waiting.append(entry)
        if text:
            self.by_text[text] = entry
        if viewer:
            self.by_viewer[viewer] += 1
        return left

    def put_back(self, entry: Waiting) -> bool:
        """Take in again, before all others, what a turn did not come to answer; false where there is no room now."""
        text, viewer = words(entry.percept), entry.percept.viewer.id if entry.percept.viewer else ""
        each = self.policy.each_viewer
        full = len(self.waiting) >= self.policy.capacity or (each and viewer and self.by_viewer[viewer] >= each)
        if full or (text and text in self.by_text and self.policy.merge != "all"):
            return False
        entry.tries += 1
        self.waiting.appendleft(entry)
        if text:
            self.by_text[text] = entry
        if viewer:
            self.by_viewer[viewer] += 1
        return True

    def _give_up(self, viewer: str = "") -> Waiting | None:
        """Take out the oldest, of one viewer or of all, that is not pinned."""
        for entry in self.waiting:
            theirs = not viewer or (entry.percept.viewer is not None and entry.percept.viewer.id == viewer)
            if theirs and not entry.pinned:
                return self.remove(entry)
        return None

    def remove(self, entry: Waiting) -> Waiting:
        """Take an entry out, wherever it stands."""
        if self.waiting[0] is entry:
            self.waiting.popleft()
        else:
            self.waiting.remove(entry)
        self.by_text.pop(words(entry.percept), None)
        if entry.percept.viewer:
            viewer = entry.percept.viewer.id
            self.by_viewer[viewer] -= 1
            if not self.by_viewer[viewer]:
                del self.by_viewer[viewer]
        return entry


def words(percept: AnyPercept) -> str:
    """Return the words that came with a percept, or ""."""
    return getattr(percept, "text", "") or getattr(percept, "message", "")
