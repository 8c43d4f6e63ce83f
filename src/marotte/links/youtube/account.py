"""Whom we are signed in as: a token that is renewed before it expires, and when YouTube does not take it."""

import asyncio
import logging
from collections import deque

from marotte.links.device_login import LoginError
from marotte.links.tokens import LOOKS, Token, TokenError, Tokens
from marotte.links.youtube.login import AGAIN, NAME, Door, No
from marotte.time import Clock

log = logging.getLogger(__name__)

EARLY = 120.0
"""Seconds before its end in which a token is renewed."""


class Dismissed(Exception):
    """We are signed in no longer; the message says why, and what to do."""


class Account:
    """Keeps the token of the account whose chat it is."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self.token = Token(access="")
        self.dismissed = ""
        """Why Google knows us no longer, and what to do; "" while it does."""
        self._tokens, self._clock = tokens, clock
        self._had: deque[str] = deque(maxlen=100)
        """Tokens that we have had: while ours is being written, or where it cannot be, an older one is no news."""
        self._turn = asyncio.Lock()

    def load(self) -> bool:
        """Take the token that is kept; returns whether there is one. Raises TokenError."""
        found = self._tokens.load(NAME)
        self.dismissed = ""
        self._have(found or Token(access=""))
        return found is not None

    async def changed(self) -> None:
        """Return once another token is kept than the one that we have."""
        while not self._another():
            await self._clock.sleep(LOOKS)

    async def forgotten(self) -> None:
        """Return once no token is kept any more: somebody wants us to be signed out."""
        await self._tokens.dropped(NAME, self._clock)

    async def access(self, door: Door) -> str:
        """Return a token that is good, renewed where it expires soon. Raises Dismissed, Passing."""
        token = self.token
        if token.expires and self._clock.wall() > token.expires - EARLY and token.refresh:
            await self.renew(token.access, door)
        return self.token.access

    async def renew(self, used: str, door: Door) -> None:
        """Renew the token, unless somebody has since ``used`` was it. Raises Dismissed, Passing."""
        async with self._turn:
            if self.dismissed:
                raise Dismissed(self.dismissed)
            if self.token.access != used or self._another():
                return
            try:
                await self._keep(await door.renewed(self.token, self._clock))
            except LoginError as error:
                if self._another():
                    return
                # Google's word where somebody took the right back, or did not use it for half a year.
                gone = isinstance(error, No) and error.code == "invalid_grant"
                why = "Google does not know us any more (invalid_grant)" if gone else str(error)
                self.dismissed = f"{why}; {AGAIN}"
                raise Dismissed(self.dismissed) from None

    async def _keep(self, token: Token) -> None:
        """Use this token from now on."""
        if token != self.token:
            self._have(token)
            try:
                await self._tokens.replace(NAME, token)
            except TokenError as error:  # it still serves this run
                log.error("youtube: %s", error)

    def _another(self) -> bool:
        """Take the token that is kept where it is another than ours: somebody has signed in."""
        try:
            found = self._tokens.load(NAME)
        except TokenError:
            return False
        if found is None or found.access in self._had:
            return False
        self.dismissed = ""
        self._have(found)
        return True

    def _have(self, token: Token) -> None:
        self.token = token
        if token.access not in self._had:
            self._had.append(token.access)
