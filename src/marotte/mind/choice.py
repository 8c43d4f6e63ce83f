"""The choice among many chat messages: which gives most to answer, and whose turn it is."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise
from math import exp

from marotte.events import AnyPercept, ChatMessage
from marotte.mind.lanes import Waiting, words
from marotte.store.rows import person

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
_LOOKED_AT = 20
"""So many of the newest are weighed: a flood brings more than anybody could choose from."""
_READ = 60
"""Characters of a text by which it is told from others."""


class Choice:
    """Weighs what waits: a name called, a question, something new, a role, and who was answered least lately."""

    def __init__(self, addressed: Callable[[str], bool]) -> None:
        """``addressed`` says whether a text names the character."""
        self.addressed = addressed
        self._answered: OrderedDict[str, float] = OrderedDict()
        self._texts: deque[frozenset[str]] = deque(maxlen=LATELY)

    def ordered(self, waiting: Sequence[Waiting], now: float) -> list[Waiting]:
        """Return the newest of what waits (oldest first), the one that gives most to answer first."""
        newest = list(islice(reversed(waiting), _LOOKED_AT))
        newest.sort(key=lambda entry: self._weight(entry, now), reverse=True)
        return newest

    def note(self, percepts: Iterable[AnyPercept], now: float) -> None:
        """Keep that these are answered now."""
        for percept in percepts:
            if text := words(percept):
                self._texts.append(_pairs(text))
            if who := person(percept):
                self._answered[who] = now
                self._answered.move_to_end(who)
        while len(self._answered) > MOST_PEOPLE:
            self._answered.popitem(last=False)

    def _weight(self, entry: Waiting, now: float) -> float:
        percept, text = entry.percept, words(entry.percept)
        if entry.pairs is None:
            entry.pairs = _pairs(text)
        pairs = entry.pairs
        # In a flood this is asked of all that is looked at, each turn: a rough measure must do.
        known = max((len(pairs & before) for before in self._texts), default=0) / max(len(pairs), 1)
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


def _pairs(text: str) -> frozenset[str]:
    """Return the pairs of letters of a text, by which texts in any script are compared."""
    folded = text[:_READ].casefold()
    return frozenset(map("".join, pairwise(folded)))
