"""Who may come in, and what they may do."""

import hmac
import ipaddress
import os
import secrets
from collections import Counter
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

Rights = Literal["operator", "capture", "guest"]

_SHORTEST = 16


class TokenError(Exception):
    """A token cannot be used; the message says what to do."""


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
    """Keeps the tokens and decides on rights and origins."""

    def __init__(self, operator: str, capture: str, host: str, origins: tuple[str, ...] = ()) -> None:
        """``host`` is the address that the server binds to."""
        self.operator = operator
        self.capture = capture
        self.open_here = is_loopback(host)
        """The program listens on this machine alone: a guest needs no token."""
        self.refused: Counter[str] = Counter()
        """How often somebody was turned away, by reason."""
        self._origins = {origin.rstrip("/").lower() for origin in origins}

    def rights(self, token: str) -> Rights | None:
        """Return what the bearer of a token may do; None where it opens nothing."""
        given = token.encode()
        if token and hmac.compare_digest(given, self.operator.encode()):
            return "operator"
        if token and hmac.compare_digest(given, self.capture.encode()):
            return "capture"
        return "guest" if not token and self.open_here else None

    def from_here(self, host: str, origin: str) -> bool:
        """Whether a request's Host and Origin are ours.

        A page from elsewhere has another origin; a name that was pointed at this machine (DNS rebinding) has another
        host. Programs that are no browsers send no origin.
        """
        if self.open_here and not is_loopback(_hostname(host)):
            return False
        if not origin:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.netloc.lower() == host.lower() or origin.rstrip("/").lower() in self._origins


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
            if len(token) < _SHORTEST:
                raise TokenError(f"{file}: holds no token of {_SHORTEST} characters; delete it and a new one is made")
            return token, False
        file.parent.mkdir(parents=True, exist_ok=True)
        token = secrets.token_urlsafe(24)
        with open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
            handle.write(token + "\n")
        return token, True
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"{file}: cannot be used: {error}") from None
