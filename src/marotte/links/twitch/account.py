"""Whom we are signed in as: a token that is renewed before it expires, and looked at every hour as Twitch demands.

https://dev.twitch.tv/docs/authentication/validate-tokens/#who-must-validate-tokens
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from marotte.links.device_login import LoginError
from marotte.links.link import Passing
from marotte.links.tokens import LOOKS, Token, TokenError, Tokens
from marotte.links.twitch.login import AGAIN, NAME, Door
from marotte.time import Clock

log = logging.getLogger(__name__)

EARLY = 600.0
"""Seconds before its end in which a token is renewed."""
HOUR = 3_600.0


class Dismissed(Exception):
    """We are signed in no longer; the message says why, and what to do."""


class Account:
    """Keeps the token of the account that the character writes with."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self.token = Token(access="")
        self.dismissed: Callable[[str], None] = lambda why: None
        """Told when Twitch knows us no longer."""
        self._tokens, self._clock = tokens, clock
        self._door: Door | None = None
        self._turn = asyncio.Lock()
        self._had: deque[str] = deque(maxlen=100)
        """Tokens that we have had, so that one that somebody else keeps is told from our own."""

    @property
    def id(self) -> str:
        """The account's id at Twitch."""
        return self.token.account

    def open(self, door: Door) -> None:
        """Ask at this door from now on."""
        self._door = door

    def load(self) -> bool:
        """Take the token that is kept; returns whether there is one. Raises TokenError."""
        found = self._tokens.load(NAME)
        self._have(found or Token(access=""))
        return found is not None

    async def changed(self, refused: str | None = None) -> None:
        """Return once a token is kept that we have not had: somebody has signed in.

        Where ``refused`` was ours, also once we have another: whoever was renewing it may have taken the new one up.
        """
        while True:
            await self._clock.sleep(LOOKS)
            if refused is not None and self.token.access != refused:
                return
            try:
                found = self._tokens.load(NAME)
            except TokenError:
                continue
            if found is not None and found.access not in self._had:
                return

    async def forgotten(self) -> None:
        """Return once no token is kept any more: somebody wants us to be signed out."""
        await self._tokens.dropped(NAME, self._clock)

    async def look(self) -> None:
        """Ask Twitch whose the token is and what it may do; renew it where it is none. Raises Dismissed, Passing."""
        await self.access()
        for last in (False, True):
            used = self.token.access
            try:
                found = await self._at().known(self.token, self._clock)
            except LoginError as error:
                if last:
                    raise self._end(str(error)) from None
                await self.renew(used)
                continue
            if used == self.token.access:  # else it was renewed while we asked
                await self._keep(found)
            return

    async def access(self) -> str:
        """Return a token that is good, renewed where it expires soon. Raises Dismissed, Passing."""
        token = self.token
        if token.expires and self._clock.wall() > token.expires - EARLY and token.refresh:
            try:
                await self.renew(token.access)
            except Passing:
                if self._clock.wall() >= token.expires:
                    raise
        return self.token.access

    async def renew(self, used: str) -> None:
        """Renew the token, unless somebody has since ``used`` was it. Raises Dismissed, Passing."""
        async with self._turn:
            if self.token.access != used or self._another():
                return
            try:
                await self._keep(await self._at().renewed(self.token, self._clock))
            except LoginError as error:
                if not self._another():
                    raise self._end(str(error)) from None

    async def run(self) -> None:
        """Look after the token until cancelled; what passes is tried again."""
        while True:
            rest = self.token.expires - EARLY - self._clock.wall() if self.token.expires else HOUR
            await self._clock.sleep(min(HOUR, max(60.0, rest)))
            try:
                await self.look()
            except Exception as error:
                log.warning("twitch: the token could not be looked at: %s", error)

    def _another(self) -> bool:
        """Take the token that is kept where it is not ours: somebody has signed in, or another run renewed it."""
        try:
            found = self._tokens.load(NAME)
        except TokenError:
            return False
        if found is None or found.access in self._had:
            return False
        self._have(found)
        return True

    async def _keep(self, token: Token) -> None:
        if token != self.token:
            self._have(token)
            try:
                await self._tokens.replace(NAME, token)
            except TokenError as error:  # it still serves this run
                log.error("twitch: %s", error)

    def _have(self, token: Token) -> None:
        self.token = token
        if token.access and token.access not in self._had:
            self._had.append(token.access)

    def _end(self, why: str) -> Dismissed:
        told = f"{why}; {AGAIN}"
        self.dismissed(told)
        return Dismissed(told)

    def _at(self) -> Door:
        if self._door is None:
            raise Dismissed("the link is not running")
        return self._door
