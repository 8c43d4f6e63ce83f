"""The choice among many chat messages: which gives most to answer, and whose turn it is."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from math import exp

from marotte.events import AnyPercept, ChatMessage
from marotte.mind.lanes import Waiting, words
from marotte.store.rows import person
from marotte.text.normal import likeness

MOST_PEOPLE = 10_000
"""Of so many people it is known when they were answered last."""
LATELY = 8
"""What was answered is like what these many before it were, or is new."""
_ROLES = {"operator": 3.0, "moderator": 1.0, "vip": 0.8, "subscriber": 0.8}
_FORGIVEN = 300.0
"""Seconds after which it hardly counts any more that somebody was answered."""
_YOUNG = 60.0
"""Seconds after which a message is as old as it can be."""
_TERSE = 4
"""Fewer letters than this give little to answer."""


class Choice:
    """Weighs what waits: a name called, a question, something new, a role, and who was answered least lately."""

    def __init__(self, addressed: Callable[[str], bool]) -> None:
        """``addressed`` says whether a text names the character."""
        self.addressed = addressed
        self._answered: OrderedDict[str, float] = OrderedDict()
        self._texts: deque[str] = deque(maxlen=LATELY)

    def ordered(self, waiting: Iterable[Waiting], now: float) -> list[Waiting]:
        """Return what waits, the one that gives most to answer first."""
        return sorted(waiting, key=lambda entry: self._weight(entry, now), reverse=True)

    def note(self, percepts: Iterable[AnyPercept], now: float) -> None:
        """Keep that these are answered now."""
        for percept in percepts:
            if text := words(percept):
                self._texts.append(text)
            if who := person(percept):
                self._answered[who] = now
                self._answered.move_to_end(who)
        while len(self._answered) > MOST_PEOPLE:
            self._answered.popitem(last=False)

    def _weight(self, entry: Waiting, now: float) -> float:
        percept, text = entry.percept, words(entry.percept)
        known = max((likeness(text, before) for before in self._texts), default=0.0)
        roles = percept.viewer.roles if percept.viewer else ()
        return (
            3.0 * self.addressed(text)
            + 2.0 * text.rstrip().endswith(("?", "？"))
            + 2.0 * (1.0 - known)
            + max((_ROLES.get(role, 0.0) for role in roles), default=0.0)
            + 1.5 * (isinstance(percept, ChatMessage) and percept.first)
            + min(entry.merged, 5) / 5
            - 2.5 * self._lately(person(percept), now)
            - 1.5 * (sum(map(str.isalnum, text)) < _TERSE)
            - min(now - entry.since, _YOUNG) / _YOUNG
        )

    def _lately(self, who: str, now: float) -> float:
        """Return how lately somebody was answered: 1 for now, towards 0."""
        at = self._answered.get(who)
        return 0.0 if at is None else exp((at - now) / _FORGIVEN)
