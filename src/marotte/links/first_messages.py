"""Whose message is their first: platforms hardly tell, and the show itself knows only whom it answered."""

from marotte.store.newcomers import Newcomers
from marotte.time import Clock

MOST = 100_000
"""So many people are known, of all links together; once there are so many, nobody is new any more."""
GATHER = 5.0
"""Seconds after which those who have written are handed over to be kept; a crash forgets no more of them."""


class FirstMessages:
    """Knows who has ever written on a link. Where it cannot know, nobody is new."""

    def __init__(self, rows: Newcomers, clock: Clock) -> None:
        self._rows, self._clock = rows, clock
        self._known: set[tuple[str, str]] = set()
        """Links, and who has written there."""
        self._since: dict[str, float] = {}
        """When each link was first listened to."""
        self._new: list[tuple[str, str, float]] = []
        """Who is still to be kept."""
        self.complete = False
        """Everybody who is kept is known."""

    async def run(self) -> None:
        """Learn who is kept, and keep who comes, until cancelled. Raises StoreError; it may be run again."""
        try:
            while True:
                if not self.complete:
                    await self._recall()
                await self._clock.sleep(GATHER)
                self._keep()
        finally:
            self._keep()

    def is_first(self, link: str, viewer: str, after: float) -> bool:
        """Tell whether this viewer has never written on a link before, and know them from now on.

        Nobody is new within ``after`` seconds from when the link was first listened to: there everybody would be.
        """
        now, who = self._clock.wall(), (link, viewer)
        since = self._since.setdefault(link, now)
        if who in self._known or len(self._known) >= MOST:
            return False
        self._known.add(who)
        self._new.append((link, viewer, now))
        return self.complete and now - since >= after

    def forget(self) -> None:
        """Somebody was forgotten: know, before long, those alone who are still kept."""
        self._known, self._new, self.complete = set(), [], False

    async def _recall(self) -> None:
        known = self._known
        self._since |= await self._rows.listening_since()
        page = await self._rows.wrote()
        while page and len(known) < MOST:
            known.update(page.values())
            page = await self._rows.wrote(max(page))
        self.complete = known is self._known  # else somebody was forgotten meanwhile

    def _keep(self) -> None:
        self._rows.keep_wrote(self._new)
        self._new = []
