"""What viewers earn by writing, and pay commands with: ``!coins`` tells it."""

import json
from collections import OrderedDict

from marotte.config_pastimes import Purse
from marotte.events import ChatMessage
from marotte.mind.pastimes.use import Answer, Rows, Use
from marotte.store.rows import person
from marotte.time import Clock

KIND = "purse"
MOST = 20_000
"""So many people hold something; who comes later earns nothing."""
_MOST_RESTS = 5_000


class Purses:
    """Everybody's purse, by the account under which they are remembered."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock
        self._settings: Purse | None = None
        self._held: dict[str, int] = {}
        self._rests: OrderedDict[str, float] = OrderedDict()
        """Until when somebody earns nothing more."""

    @property
    def name(self) -> str:
        """What it is called that they hold."""
        return self._settings.name if self._settings is not None else ""

    def use(self, settings: Purse | None) -> None:
        """Go by these settings from now on; without any, nobody earns."""
        self._settings = settings

    def reseed(self) -> None:
        """Begin anew, at a point from which the run can be replayed."""
        self._rests.clear()

    async def open(self) -> None:
        """Read what everybody holds."""
        self._held = {json.loads(row): count for row, count in (await self._rows.tallies(KIND)).items()}

    def holds(self, who: str) -> int:
        """Return what somebody holds."""
        new = self._settings.begins if self._settings is not None and len(self._held) < MOST else 0
        return self._held.get(who, new)

    def earn(self, message: ChatMessage) -> None:
        """Give whoever writes what they earn by it, where they have rested."""
        settings, who, now = self._settings, person(message), self._clock.now()
        if settings is None or self._rests.get(who, now) > now:
            return
        if who not in self._held and len(self._held) >= MOST:
            return
        self._rests[who] = now + settings.every
        self._rests.move_to_end(who)
        if len(self._rests) > _MOST_RESTS:
            self._rests.popitem(last=False)
        held = self._held[who] = self.holds(who) + settings.earns
        self._rows.keep_tally_soon(KIND, _row(who), held)

    def pay(self, who: str, cost: int) -> None:
        """Take the cost of something out of a purse that holds it; ``keep`` keeps that."""
        self._held[who] = self.holds(who) - cost

    def give_back(self, who: str, cost: int) -> bool:
        """Put back what was paid for something that was not done; False where its owner was forgotten meanwhile."""
        if who not in self._held:
            return False
        self._held[who] += cost
        return True

    async def keep(self, who: str) -> None:
        """Keep what somebody holds by now, unless they were forgotten. Raises StoreError."""
        if who in self._held:
            await self._rows.keep_tally(KIND, _row(who), self._held[who])

    def tell(self, use: Use) -> Answer:
        """Tell somebody what they hold."""
        held = self.holds(use.who)
        return Answer(use.say("purse_holds", count=held, coins=self.name), count=held)


def _row(who: str) -> str:
    return json.dumps(who, ensure_ascii=False)
