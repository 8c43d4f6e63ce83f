"""What viewers earn by writing, and pay commands with: ``!coins`` tells it."""

import json
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from marotte.config_pastimes import Purse
from marotte.events import ChatMessage, Viewer
from marotte.mind.pastimes.use import Answer, Forget, Rows, Use
from marotte.store.rows import person
from marotte.store.tallies import OWED
from marotte.time import Clock

log = logging.getLogger(__name__)

KIND = "purse"
BROUGHT = "brought into a purse"
"""How much an account has put into the purse of the one that it was joined to, by both."""
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
        self._brought: dict[str, tuple[str, int]] = {}
        """Into whose purse each further account's went, and how much of it."""
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
        held, brought = await self._rows.tallies(KIND), await self._rows.tallies(BROUGHT)
        self._held = {json.loads(row): count for row, count in held.items()}
        self._brought = {
            own: (main, count) for row, count in brought.items() if count for own, main in [json.loads(row)]
        }

    def forget(self) -> Forget:
        """Return what takes out of mind, of those who hold something now, whose purses are no longer kept."""
        had, brought = set(self._held), set(self._brought)

        async def forget() -> None:
            for who in had - {json.loads(row) for row in await self._rows.tallies(KIND)}:
                self._held.pop(who, None)
            for own in brought - {json.loads(row)[0] for row in await self._rows.tallies(BROUGHT)}:
                self._brought.pop(own, None)

        return forget

    def holds(self, who: str) -> int:
        """Return what somebody holds."""
        new = self._settings.begins if self._settings is not None and len(self._held) < MOST else 0
        return self._held.get(who, new)

    def earn(self, message: ChatMessage) -> None:
        """Give whoever writes what they earn by it, where they have rested."""
        settings, who, now = self._settings, person(message), self._clock.now()
        if settings is None:
            return
        if message.viewer is not None:
            self._join(message.viewer)
        if self._rests.get(who, now) > now:
            return
        if who not in self._held and len(self._held) >= MOST:
            return
        self._rests[who] = now + settings.every
        self._rests.move_to_end(who)
        if len(self._rests) > _MOST_RESTS:
            self._rests.popitem(last=False)
        held = self._held[who] = self.holds(who) + settings.earns
        self._rows.keep_tally_soon(KIND, _row(who), held)

    def _join(self, viewer: Viewer) -> None:
        """Put what an account holds into the purse of its person, or give it back what is left where they were parted.

        What is decided by what they write alone, a replay decides the same.
        """
        own, main = viewer.id, viewer.known_as or viewer.id
        into, brought = self._brought.get(own, (main, 0))
        if into != main:
            self._move(into, own, min(brought, self._held.get(into, 0)))
            self._note(own, into, 0)
            brought = 0
        amount = self._held.get(own, 0)
        if main != own and amount and (main in self._held or len(self._held) < MOST):
            self._move(own, main, amount)
            self._note(own, main, brought + amount)

    def _move(self, source: str, target: str, amount: int) -> None:
        if amount > 0:
            # Taken out first: where the program dies between the two rows, nothing is made of it.
            for who, change in ((source, -amount), (target, amount)):
                self._held[who] = self.holds(who) + change
                self._rows.keep_tally_soon(KIND, _row(who), self._held[who])

    def _note(self, own: str, main: str, brought: int) -> None:
        """Remember how much of what is in a purse came from a further account."""
        if brought:
            self._brought[own] = main, brought
        else:
            self._brought.pop(own, None)
        self._rows.keep_tally_soon(BROUGHT, json.dumps([own, main], ensure_ascii=False), brought)

    def pay(self, who: str, cost: int) -> None:
        """Take the cost of something out of a purse that holds it; ``keep`` keeps that."""
        self._held[who] = self.holds(who) - cost

    def give_back(self, who: str, cost: int) -> bool:
        """Put back what was paid for something that was not done; False where its owner was forgotten meanwhile."""
        if who not in self._held:
            return False
        self._held[who] += cost
        return True

    async def keep(self, use: Use, owed: int) -> None:
        """Keep what somebody holds by now, unless they were forgotten, and what they are owed for a use.

        Raises StoreError.
        """
        await self._keep([use.who], {_debt(use): owed})

    async def look_back(self) -> None:
        """Give back what was paid in an earlier run and never heard. Raises StoreError."""
        owed = await self._rows.tallies(OWED)
        owners = {debt: json.loads(debt)[0] for debt in owed}
        back = [cost for debt, cost in owed.items() if cost and self.give_back(owners[debt], cost)]
        if back:
            log.info("%d uses of commands were paid for and not heard when the program ended: given back", len(back))
        await self._keep([*owners.values()], dict.fromkeys(owed, 0))

    async def _keep(self, owners: Sequence[str], owed: Mapping[str, int]) -> None:
        """Keep what these hold together with what is owed: nobody pays for nothing, or is given back too much."""
        counts = {(KIND, _row(who)): self._held[who] for who in owners if who in self._held}
        if counts:
            await self._rows.keep_tallies(counts | {(OWED, debt): cost for debt, cost in owed.items()})
        if settled := [debt for debt, cost in owed.items() if not cost]:
            await self._rows.drop_tallies(OWED, *settled)

    def tell(self, use: Use) -> Answer:
        """Tell somebody what they hold."""
        held = self.holds(use.who)
        return Answer(use.say("purse_holds", count=held, coins=self.name), count=held)


def _row(who: str) -> str:
    return json.dumps(who, ensure_ascii=False)


def _debt(use: Use) -> str:
    return json.dumps([use.who, use.message.id], ensure_ascii=False)
