"""``marotte run --lan``: the windows for the other devices at home, over HTTPS, each let in once by a code."""

import hmac
import io
import logging
import secrets
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from marotte.gateway.authority import HOME, Authority, LanError, local_name
from marotte.time import Clock

log = logging.getLogger(__name__)

_LOOK_AGAIN = 60.0
"""Seconds between two looks at this machine's addresses: a router may give it another at any time."""
_TOWARDS = ("192.168.255.254", "10.255.255.254", "172.31.255.254", "8.8.8.8")


class NotPaired(Exception):
    """A device was not let in; the message is for whoever holds it."""

    def __init__(self, status: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class Pairing:
    """The six digits by which a new device is let in: for one device, for five minutes, for few attempts."""

    LASTS = 300.0
    ATTEMPTS = 5
    """So many wrong codes in five minutes, whatever device they come from, and nobody is let in for a while."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._code = ""
        self._until = 0.0
        self._wrong: deque[float] = deque(maxlen=self.ATTEMPTS)

    def code(self) -> tuple[str, float]:
        """Return the code for the next device and the wall time at which it ends; a new one where the last is over.

        The code is "" while too many wrong ones have come; the time is then that at which there is one again.
        """
        now = self._clock.now()
        if wait := self._closed_for():
            return "", self._clock.wall() + wait
        if not self._code or now >= self._until:
            self._code, self._until = f"{secrets.randbelow(1_000_000):06}", now + self.LASTS
        return self._code, self._clock.wall() + self._until - now

    def check(self, code: str) -> None:
        """Raise NotPaired unless this is the code."""
        if wait := self._closed_for():
            raise NotPaired(429, f"too many wrong codes: try again in {wait:.0f} s, with a new one", wait)
        if not self._code or self._clock.now() >= self._until:
            raise NotPaired(410, "this code is over: ask for a new one where the program runs")
        if not hmac.compare_digest(code.encode("utf-8", "surrogatepass"), self._code.encode()):
            self._wrong.append(self._clock.now())
            if self._closed_for():
                self._code = ""
            raise NotPaired(403, "this is not the code")

    def used(self) -> None:
        """Void the code: a device was let in by it."""
        self._code = ""

    def _closed_for(self) -> float:
        if len(self._wrong) < self.ATTEMPTS:
            return 0.0
        return max(0.0, self._wrong[0] + self.LASTS - self._clock.now())


def addresses() -> tuple[IPv4Address, ...]:
    """Return this machine's addresses in home networks, the one by which it reaches most first; nothing is sent."""
    found: dict[IPv4Address, None] = {}
    for towards in _TOWARDS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((towards, 9))
                address = IPv4Address(probe.getsockname()[0])
            except OSError:
                continue
        if not address.is_loopback and any(address in network for network in HOME):
            found[address] = None
    return tuple(found)


class Lan:
    """This run's door to the home network: its certificate, its address, its pairing."""

    def __init__(
        self, data: Path, clock: Clock, port: int, find: Callable[[], Sequence[IPv4Address]] = addresses
    ) -> None:
        """``port`` is where HTTPS is served. Raises LanError."""
        self.port = port
        self.pairing = Pairing(clock)
        self.authority = Authority(data / "lan")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._clock = clock
        self._find = find
        self._addresses: Sequence[IPv4Address] = ()
        self._segno()
        self.look()

    @property
    def url(self) -> str:
        """Where the other devices find the windows."""
        return f"https://{self._addresses[0] if self._addresses else local_name()}:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Every address under which they may find them."""
        return tuple(f"https://{name}:{self.port}" for name in (*self._addresses, local_name()))

    def invitation(self) -> str:
        """Return the address that lets one device in: the code is in its fragment, which no log sees."""
        code, _ = self.pairing.code()
        return f"{self.url}/pair#code={code}" if code else f"{self.url}/pair"

    def svg(self) -> str:
        """Draw the invitation as a QR code."""
        return self._segno().make(self.invitation(), micro=False).svg_inline(scale=6, dark="#15111d", light="#f4efe6")

    def text(self) -> str:
        """Draw the invitation as a QR code for a terminal."""
        drawn = io.StringIO()
        self._segno().make(self.invitation(), micro=False).terminal(drawn, border=2, compact=True)
        return drawn.getvalue()

    def look(self) -> None:
        """Look for this machine's addresses, and certify them where they are new or the certificate grows old."""
        self._addresses = self._find()
        if self.authority.certify(self.context, self._addresses):
            log.info("a certificate was issued for %s", ", ".join(self.origins))

    async def keep(self) -> None:
        """Follow changes of the network, and renew the certificate in time, for as long as the run lives."""
        while True:
            await self._clock.sleep(_LOOK_AGAIN)
            try:
                self.look()
            except LanError as error:
                log.warning("the home network: %s", error)

    def _segno(self) -> Any:
        try:
            import segno
        except ImportError:
            raise LanError("--lan needs two packages more: pip install 'marotte[lan]'") from None
        return segno
