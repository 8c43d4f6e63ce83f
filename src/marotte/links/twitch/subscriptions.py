"""What a session of EventSub is subscribed to, and what it could not be.

https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from marotte.config_links import Twitch
from marotte.links.link import Passing, Refused
from marotte.links.twitch.account import Account
from marotte.links.twitch.helix import Denied, Helix
from marotte.links.twitch.login import AGAIN
from marotte.links.twitch.rights import Kind, kinds
from marotte.time import Clock

log = logging.getLogger(__name__)

TRIES = 4
AT_ONCE = 5
LATER = 20.0
"""Seconds after which what something passing was in the way of is tried again."""
_EXISTS = 409


class Subscriptions:
    """Subscribes each new session to all that the settings want."""

    def __init__(self, settings: Twitch, account: Account, channel: str, clock: Clock) -> None:
        """``channel`` is its id."""
        self.live: set[str] = set()
        """The types of events that Twitch sends us now."""
        self.lost: dict[str, str] = {}
        """Those that it does not, and why."""
        self.channel = channel
        self._passing: set[str] = set()
        self._settings, self._account, self._clock = settings, account, clock

    @property
    def kinds(self) -> dict[str, Kind]:
        """What is wanted."""
        return kinds(self._settings)

    @property
    def unsure(self) -> bool:
        """Whether something passing was in the way of any."""
        return bool(self._passing)

    async def make(self, helix: Helix, session: str) -> None:
        """Subscribe to everything, the most important first; what could not be had, ``lost`` tells."""
        turns = asyncio.Semaphore(AT_ONCE)
        had: set[str] = set()
        self.lost.clear()
        self._passing.clear()

        async def one(name: str, kind: Kind) -> None:
            async with turns:
                if await self._one(helix, session, name, kind):
                    had.add(name)
                    self.live.add(name)

        await asyncio.gather(*(one(name, kind) for name, kind in self.kinds.items()))
        self.live &= had

    async def mend(self, helix: Helix, session: str, had: Callable[[str], Awaitable[None]]) -> None:
        """Try again, until there is nothing left to, what something passing was in the way of.

        ``had`` is called with each type that is had at last.
        """
        while self._passing:
            await self._clock.sleep(LATER)
            for name in sorted(self._passing):
                if await self._one(helix, session, name, self.kinds[name]):
                    self.live.add(name)
                    await had(name)

    def revoked(self, name: str, why: str) -> None:
        """Twitch has taken one back."""
        self.live.discard(name)
        told = {
            "authorization_revoked": f"the right to it was taken back; {AGAIN}",
            "user_removed": "the account is no more",
            "version_removed": "Twitch offers it no longer in this form",
        }
        self.lost[name] = told.get(why, f"Twitch has taken it back: {why or 'no reason is given'}")
        log.warning("twitch: %s is revoked: %s", name, self.lost[name])

    async def _one(self, helix: Helix, session: str, name: str, kind: Kind) -> bool:
        """Subscribe to one type; returns whether we are."""
        if why := self._impossible(kind):
            self.lost[name] = why
            return False
        self._passing.discard(name)
        transport = {"method": "websocket", "session_id": session}
        condition = kind.condition(self.channel, self._account.id)
        body = {"type": name, "version": kind.version, "condition": condition, "transport": transport}
        try:
            await self._asked(helix, body)
        except Denied as error:
            if error.status == 400 and "session" in error.said:
                self._passing.add(name)  # it has ended meanwhile
                return False
            if error.status != _EXISTS:
                self.lost[name] = str(error) + (f"; {AGAIN}" if error.status in (401, 403) else "")
                log.warning("twitch: no %s: %s", name, error)
                return False
        except (Passing, Refused) as error:
            self._passing.add(name)
            self.lost[name] = f"{error}; it is tried again"
            return False
        self.lost.pop(name, None)
        return True

    async def _asked(self, helix: Helix, body: object) -> None:
        for attempt in range(TRIES):
            try:
                await helix.ask("POST", "eventsub/subscriptions", body=body)
                return
            except Passing as error:
                if attempt == TRIES - 1 or error.wait > 2.0:
                    raise
                await self._clock.sleep(max(error.wait, 0.2 * 2**attempt))

    def _impossible(self, kind: Kind) -> str:
        """Say why a subscription need not even be asked for, or ""."""
        if kind.scope and kind.scope not in self._account.token.scopes:
            return f"the right {kind.scope} is missing; {AGAIN}"
        if kind.whose == "owner" and self._account.id != self.channel:
            return f"only the channel's own account is told; {AGAIN}, as the channel"
        return ""
