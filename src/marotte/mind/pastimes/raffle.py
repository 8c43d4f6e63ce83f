"""``!raffle a mug``, ``!join``, ``!draw``: tickets are rows, and chance is the run's."""

import json
from collections.abc import Callable
from random import Random

from marotte.mind.pastimes.use import Answer, Forget, Rows, Use, may, or_back
from marotte.mind.persona import quoted

PRIZE = "raffle"
TICKETS = "raffle ticket"
MOST = 10_000
"""Tickets' owners."""
LONGEST_PRIZE = 80


class Raffle:
    """One raffle at a time."""

    def __init__(self, rows: Rows, rng: Random, fit: Callable[[str], str]) -> None:
        """``fit`` returns a viewer's words as they may be written."""
        self._rows = rows
        self._fit = fit
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

    def forget(self) -> Forget:
        """Return what takes out of mind, of those who hold tickets now, whose are no longer kept."""
        had = set(self._tickets)

        async def forget() -> None:
            for who in had - {json.loads(row)[0] for row in await self._rows.tallies(TICKETS)}:
                self._tickets.pop(who, None)

        return forget

    def raffle(self, use: Use) -> Answer:
        """Begin a raffle; where one is open, tell how it stands."""
        if self._open:
            return use.no("raffle_stands", prize=self._fit(self._prize or ""), count=len(self._tickets))
        before = self._prize, self._open, self._tickets
        self._prize, self._open, self._tickets = self._fit(use.args[:LONGEST_PRIZE]), True, {}
        prize = self._prize

        async def keep() -> None:
            await self._rows.drop_tallies(TICKETS)
            await self._rows.drop_tallies(PRIZE)
            await self._rows.keep_tally(PRIZE, prize, 1)

        def back() -> None:
            self._prize, self._open, self._tickets = before

        return Answer(
            use.say("raffle_begun", prize=prize),
            told=use.say("raffle_begun_told", prize=_quoted(prize)),
            about="a raffle",
            keep=or_back(keep, back),
        )

    def join(self, use: Use) -> Answer:
        """Give somebody a ticket, or as many as their role is worth."""
        if not self._open:
            return use.no("raffle_not_open")
        if not use.who:
            return use.no("who_are_you")
        if use.who in self._tickets:
            return use.no("raffle_in_already")
        if len(self._tickets) >= MOST:
            return use.no("raffle_full")
        worth = [count for role, count in use.command.weights.items() if may(use.message.viewer, role)]
        count = max(worth, default=1)
        self._tickets[use.who] = use.user, count
        row = _row(use.who, use.user)
        joined = use.say("raffle_joined", tickets=count if count > 1 else "")
        keep = or_back(lambda: self._rows.keep_tally(TICKETS, row, count), lambda: self._tickets.pop(use.who, None))
        return Answer(joined, keep=keep)

    def draw(self, use: Use) -> Answer:
        """Draw a winner; from then on nobody joins, and who has won is not drawn again."""
        if self._prize is None:
            return use.no("raffle_none")
        if not self._tickets:
            return use.no("raffle_nobody" if self._open else "raffle_nobody_left")
        owners = sorted(self._tickets)
        (winner,) = self._rng.choices(owners, [self._tickets[who][1] for who in owners])
        name, _ = self._tickets.pop(winner)
        self._open, prize = False, self._prize
        # Both were kept under the lists of their day.
        who, what = self._fit(name), self._fit(prize)

        async def keep() -> None:
            await self._rows.keep_tally(PRIZE, prize, 0)
            await self._rows.drop_tallies(TICKETS, _row(winner, name))

        return Answer(
            use.say("raffle_won", winner=who, prize=what),
            told=use.say("raffle_won_told", winner=quoted(who), prize=_quoted(what)),
            about="the raffle",
            keep=keep,
        )


def _row(who: str, name: str) -> str:
    return json.dumps([who, name], ensure_ascii=False)


def _quoted(prize: str) -> str:
    return quoted(prize) if prize else ""
