"""Who may come in, and what they may do."""

import asyncio
import hmac
import ipaddress
import os
import secrets
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from marotte.gateway.audit import Audit
from marotte.gateway.limits import Attempts, Limits
from marotte.gateway.tokens import TokenError, Tokens
from marotte.time import Clock

Rights = Literal["operator", "moderator", "viewer", "guest"]

SHORTEST = 16
_PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "via")
"""Headers by which a request shows that another program passed it on."""


class Who(NamedTuple):
    """Whoever asks."""

    id: str
    """The token's; "" without one."""
    name: str
    rights: Rights


OPERATOR = Who("operator", "operator", "operator")
VIEWER = Who("viewer", "viewer", "viewer")
"""Whoever has the token in ``capture.token``, made for a capture program's address."""
GUEST = Who("", "guest", "guest")


class Denied(Exception):
    """The token opens nothing."""


class Wait(Exception):
    """Too many wrong tokens came from there."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many wrong tokens came from your address; try again in {max(1, round(seconds))} s")
        self.seconds = seconds


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Guard:
    """Decides who comes in, from where, how often, and with which rights."""

    def __init__(
        self,
        operator: str,
        viewer: str,
        host: str,
        data: Path,
        clock: Clock,
        origins: tuple[str, ...] = (),
        requests: float = 100.0,
    ) -> None:
        """``host`` is the address that the server binds to, ``data`` the folder of what is kept. Raises TokenError."""
        self.operator = operator
        self.viewer = viewer
        self.open_here = is_loopback(host)
        """The program listens on this machine alone: a guest needs no token."""
        self.refused: Counter[str] = Counter()
        """How often somebody was turned away, by reason."""
        self.tokens = Tokens(data / "tokens.json", clock.wall)
        self.audit = Audit(data / "audit.jsonl", clock.wall)
        self.limits = Limits(clock, requests)
        self._attempts = Attempts(clock)
        self._origins = {origin.rstrip("/").lower() for origin in origins}
        self._names = {_hostname(urlsplit(origin).netloc) for origin in self._origins}

    def admit(self, token: str, address: str, *, here: bool) -> Who:
        """Say who comes in from an address with a token, which may be empty. Raises Denied and Wait.

        ``here`` says whether the request was made on this machine, as far as can be known.
        """
        if not token:
            if here and self.open_here:
                return GUEST
            raise Denied("needed here")
        who = self._bearer(token)
        if wait := self._attempts.judge(address, who.id if who else ""):
            self.refused["wait"] += 1
            raise Wait(wait)
        if who is None:
            raise Denied("wrong")
        return who

    def _bearer(self, token: str) -> Who | None:
        given = token.encode("utf-8", "surrogatepass")
        for own, who in ((self.operator, OPERATOR), (self.viewer, VIEWER)):
            if hmac.compare_digest(given, own.encode()):
                return who
        issued = self.tokens.find(token)
        if issued and self.tokens.stale:
            asyncio.get_running_loop().run_in_executor(None, self.tokens.keep_uses)
        return Who(issued.id, issued.name, issued.role) if issued else None

    def close(self) -> None:
        """Write down what is not yet written."""
        self.audit.close()
        self.tokens.keep_uses()

    def from_here(self, headers: Mapping[str, str], *, page: bool = False) -> bool:
        """Whether a request's Host, Origin and Sec-Fetch-Site are ours; another site may link to a ``page``.

        A page from elsewhere has another origin; a name that was pointed at this machine (DNS rebinding) has another
        host; and where a browser sends no Origin (an image, a script), it says that the page is another site's.
        Programs that are no browsers send neither.
        """
        host, origin = headers.get("host", ""), headers.get("origin", "")
        name = _hostname(host)
        if self.open_here and not is_loopback(name) and name not in self._names:
            return False
        if not origin:
            return page or headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.netloc.lower() == host.lower() or origin.rstrip("/").lower() in self._origins

    def made_here(self, headers: Mapping[str, str]) -> bool:
        """Whether a request was made on this machine: to its own name, and passed on by no other program."""
        return is_loopback(_hostname(headers.get("host", ""))) and not any(name in headers for name in _PASSED_ON)


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def keep_token(file: Path) -> tuple[str, bool]:
    """Read a token from its file, or make one at first start; returns it and whether it is new. Raises TokenError."""
    try:
        if file.exists():
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
            token = file.read_text("ascii").strip()
            if len(token) < SHORTEST:
                raise TokenError(f"{file}: holds no token of {SHORTEST} characters; delete it and a new one is made")
            return token, False
        file.parent.mkdir(parents=True, exist_ok=True)
        token = secrets.token_urlsafe(24)
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
            handle.write(token + "\n")
        return token, True
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"{file}: cannot be used: {error}") from None
