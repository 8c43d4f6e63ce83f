"""Signing in by a code that is typed on another device (RFC 8628), as Twitch and Google have it.

https://datatracker.ietf.org/doc/html/rfc8628
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from marotte.links.tokens import Token
from marotte.time import Clock

_SLOWER = 5.0
"""Seconds by which the interval grows where we are told to slow down (RFC 8628, 3.5)."""


class LoginError(Exception):
    """Nobody was signed in; the message says why, and what to do."""


class Code(NamedTuple):
    """What somebody types, and where."""

    device: str
    """Ours, to ask with; a secret."""
    user: str
    where: str
    interval: float
    expires: float
    """Both in seconds."""


class Pending(Exception):
    """Nobody has typed the code yet; ``slower``: ask less often."""

    def __init__(self, slower: bool = False) -> None:
        super().__init__("pending")
        self.slower = slower


async def sign_in(code: Code, ask: Callable[[str], Awaitable[Token]], clock: Clock) -> Token:
    """Wait until the code was typed, and return the token. ``ask`` raises Pending, or LoginError. Raises LoginError."""
    until, interval = clock.now() + code.expires, code.interval
    while clock.now() < until:
        await clock.sleep(interval)
        try:
            return await ask(code.device)
        except Pending as pending:
            interval += _SLOWER if pending.slower else 0.0
    raise LoginError("nobody typed the code in time; begin again")
