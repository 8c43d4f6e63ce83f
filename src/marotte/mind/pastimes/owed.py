"""What viewers have paid for and the character has yet to say: what is never heard is given back."""

from collections.abc import Collection

from marotte.events import TurnEnded, TurnStarted
from marotte.mind.pastimes.use import Use
from marotte.time import Clock

MOST = 200
"""Uses that are owed at a time; who would pay for more is not served."""
PATIENCE = 5.0
"""Seconds for which what was asked may neither wait nor be answered: news of a turn may be under way."""


class _Debt:
    def __init__(self, use: Use) -> None:
        self.use = use
        self.turn = ""
        """The turn that answers it now."""
        self.missed = -1.0
        """Since when it neither waits nor is answered; -1 where it is not missed."""


class Owed:
    """Follows what was paid for until it was heard, or is lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._debts: dict[str, _Debt] = {}

    @property
    def full(self) -> bool:
        """Whether no more may be paid for."""
        return len(self._debts) >= MOST

    def add(self, percept: str, use: Use) -> None:
        """A use was paid for that this percept asks for."""
        self._debts[percept] = _Debt(use)

    def drop(self, use: Use) -> None:
        """Nothing is owed for a use any more."""
        self._debts = {percept: debt for percept, debt in self._debts.items() if debt.use is not use}

    def owes(self, use: Use) -> bool:
        """Whether something is still owed for a use."""
        return any(debt.use is use for debt in self._debts.values())

    def happened(self, event: object) -> list[Use]:
        """Take in how a turn begins and ends; return the uses for which nothing is owed any more: they were heard."""
        heard: list[Use] = []
        if isinstance(event, TurnStarted) and event.percepts:
            for percept, debt in self._debts.items():
                # One turn at a time: where another begins, an earlier one is over.
                debt.turn = event.turn if percept in event.percepts else ""
        elif isinstance(event, TurnEnded):
            ending = event.ending
            whole = bool(ending.heard) and not ending.cut
            for percept in [percept for percept, debt in self._debts.items() if debt.turn == event.turn]:
                if whole or percept in ending.answered:
                    heard.append(self._debts.pop(percept).use)
                else:
                    self._debts[percept].turn = ""
        return [use for use in heard if not self.owes(use)]

    def lost(self, waiting: Collection[str]) -> list[Use]:
        """Return the uses that nobody will answer any more, each once; ``waiting`` are the percepts that still wait."""
        now, lost = self._clock.now(), dict[int, Use]()
        for percept, debt in self._debts.items():
            if debt.turn or percept in waiting:
                debt.missed = -1.0
            elif debt.missed < 0:
                debt.missed = now
            elif now - debt.missed >= PATIENCE:
                lost[id(debt.use)] = debt.use
        for use in lost.values():
            self.drop(use)
        return [*lost.values()]
