"""How much one caller may ask, and how often one may guess: both in tables that never grow beyond their bounds."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Literal

from marotte.time import Clock

log = logging.getLogger(__name__)

MOST = 10_000
"""Callers remembered; the one that was away for longest is forgotten first."""

Kind = Literal["page", "read", "change", "costly", "login", "window"]

_SHARES: dict[Kind, tuple[float, float]] = {
    "page": (5, 4),
    "read": (1, 4),
    "change": (0.2, 4),
    "costly": (0.01, 5),
    "login": (0.02, 5),
    "window": (0.2, 10),
}
"""Of the show's requests a second, the share that a kind of call has, and how many seconds' worth may come at once."""


class Limits:
    """Token buckets: for each caller and kind of call, so many a second and a little more at once."""

    def __init__(self, clock: Clock, requests: float) -> None:
        """``requests`` is how many reading calls a second one caller may make."""
        self._clock = clock
        self._rates = {
            kind: (requests * share, max(1.0, requests * share * at_once)) for kind, (share, at_once) in _SHARES.items()
        }
        self._left: OrderedDict[tuple[str, Kind], tuple[float, float]] = OrderedDict()

    def take(self, caller: str, kind: Kind) -> float:
        """Return 0 where a call may pass, else the seconds after which it may."""
        now, (rate, most) = self._clock.now(), self._rates[kind]
        left, then = self._left.pop((caller, kind), (most, now))
        left = min(most, left + (now - then) * rate)
        passes = left >= 1
        self._left[caller, kind] = (left - passes, now)
        if len(self._left) > MOST:
            self._left.popitem(last=False)
        return 0.0 if passes else (1 - left) / rate


@dataclass
class _Guesser:
    """An address that showed wrong tokens."""

    wrong: int = 0
    until: float = 0.0
    last: float = 0.0


class Attempts:
    """Makes whoever shows wrong tokens wait, longer each time."""

    FREE = 10
    """So many wrong tokens are mistakes; from then on each costs twice the wait of the one before."""
    LONGEST = 900.0
    FORGOTTEN = 3_600.0
    """Seconds without a wrong token after which an address is like any other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def judge(self, address: str, token: str) -> float:
        """Take note of a token that was shown: its id where it is right, else "". Returns the seconds to wait.

        While an address waits, not even a right token is let in, or waiting would not slow a guesser; but one that
        was let in from there before is, or anybody could lock out whoever shares the address.
        """
        now = self._clock.now()
        guesser = self._guessers.get(address)
        if guesser is not None and now - max(guesser.last, guesser.until) > self.FORGOTTEN:
            del self._guessers[address]
            guesser = None
        if guesser is not None and now < guesser.until and (address, token) not in self._known:
            return guesser.until - now
        if token:
            self._known[address, token] = None
            self._known.move_to_end((address, token))
            if len(self._known) > MOST:
                self._known.popitem(last=False)
        else:
            self._wrong(address, now)
        return 0.0

    def _wrong(self, address: str, now: float) -> None:
        guesser = self._guessers.setdefault(address, _Guesser())
        self._guessers.move_to_end(address)
        guesser.wrong, guesser.last = guesser.wrong + 1, now
        if guesser.wrong >= self.FREE:
            # Held down first: two to the power of a thousand is no number of seconds.
            wait = min(self.LONGEST, 2.0 ** min(guesser.wrong - self.FREE, 20))
            guesser.until = now + wait
            log.warning("%s showed %d wrong tokens and waits %d s", address, guesser.wrong, wait)
        if len(self._guessers) > MOST:
            self._guessers.popitem(last=False)


def caller_at(host: str) -> str:
    """Return the address by which a caller is counted: a whole network of IPv6, which one subscriber has to itself."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)
