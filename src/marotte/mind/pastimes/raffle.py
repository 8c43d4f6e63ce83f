"""``!raffle a mug``, ``!join``, ``!draw``: tickets are rows, and chance is the run's."""

import json
from random import Random

from marotte.mind.pastimes.use import Answer, Rows, Use, may, no
from marotte.mind.persona import quoted

PRIZE = "raffle"
TICKETS = "raffle ticket"
MOST = 10_000
"""Tickets' owners."""
LONGEST_PRIZE = 80


class Raffle:
    """One raffle at a time."""

    def __init__(self, rows: Rows, rng: Random) -> None:
        self._rows = rows
        self._rng = rng
        self._prize: str | None = None
        """What is raffled; None where nothing is."""
        self._open = False
        """Whether tickets are still given."""
        self._tickets: dict[str, tuple[str, int]] = {}
        """Each owner's name and how many they hold."""

    async def open(self) -> None:
        """Read how it stood."""
        found, rows = await self._rows.tallies(PRIZE), await self._rows.tallies(TICKETS)
        # All at once: nobody draws from a raffle that is half read.
        self._prize, state = next(iter(found.items()), (None, 0))
        self._open = bool(state)
        self._tickets = {who: (name, count) for row, count in rows.items() for who, name in [json.loads(row)]}

    def raffle(self, use: Use) -> Answer:
        """Begin a raffle; where one is open, tell how it stands."""
        if self._open:
            return no(f"{self._what()} is open and {self._holders()}: !draw draws.")
        self._prize, self._open, self._tickets = use.args[:LONGEST_PRIZE], True, {}
        prize = self._prize

        async def keep() -> None:
            await self._rows.drop_tallies(TICKETS)
            await self._rows.drop_tallies(PRIZE)
            await self._rows.keep_tally(PRIZE, prize, 1)

        what = f" for {quoted(prize)}" if prize else ""
        return Answer(
            f"{self._what()} is open: write !join to be in it.",
            told=f"A raffle{what} is open: whoever writes !join in the chat is in it.",
            about="a raffle",
            keep=keep,
        )

    def join(self, use: Use) -> Answer:
        """Give somebody a ticket, or as many as their role is worth."""
        if not self._open:
            return no(f"There is no raffle to join, {use.user}.")
        if not use.who:
            return no("I cannot tell who you are.")
        if use.who in self._tickets:
            return no(f"You are in already, {use.user}.")
        if len(self._tickets) >= MOST:
            return no(f"The raffle is full, {use.user}.")
        worth = [count for role, count in use.command.weights.items() if may(use.message.viewer, role)]
        count = max(worth, default=1)
        self._tickets[use.who] = use.user, count
        row = _row(use.who, use.user)
        tickets = "" if count == 1 else f" with {count} tickets"
        return Answer(f"You are in{tickets}, {use.user}.", keep=lambda: self._rows.keep_tally(TICKETS, row, count))

    def draw(self, use: Use) -> Answer:
        """Draw a winner; from then on nobody joins, and who has won is not drawn again."""
        if self._prize is None:
            return no("There is no raffle: !raffle begins one.")
        if not self._tickets:
            return no("Nobody is in the raffle." if self._open else "Nobody is left in the raffle.")
        owners = sorted(self._tickets)
        (winner,) = self._rng.choices(owners, [self._tickets[who][1] for who in owners])
        name, _ = self._tickets.pop(winner)
        self._open, prize = False, self._prize

        async def keep() -> None:
            await self._rows.keep_tally(PRIZE, prize, 0)
            await self._rows.drop_tallies(TICKETS, _row(winner, name))

        what = f": {quoted(prize)}" if prize else ""
        return Answer(
            f"@{name} has won the raffle{f' for {prize}' if prize else ''}!",
            told=f"{quoted(name)} has won the raffle{what}!",
            about="the raffle",
            keep=keep,
        )

    def _what(self) -> str:
        return f"The raffle for {self._prize}" if self._prize else "The raffle"

    def _holders(self) -> str:
        count = len(self._tickets)
        return "one viewer is in it" if count == 1 else f"{count or 'no'} viewers are in it"


def _row(who: str, name: str) -> str:
    return json.dumps([who, name], ensure_ascii=False)
