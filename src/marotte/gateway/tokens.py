"""Issued tokens: who else may come in besides the operator, until it is revoked."""

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import msgspec

log = logging.getLogger(__name__)

Role = Literal["operator", "moderator", "viewer", "guest"]
ROLES: tuple[Role, ...] = get_args(Role)

MOST = 100
LONGEST_NAME = 60
PREFIX = "marotte_"
"""What every secret begins with, so that a scanner finds one that was published by mistake."""
_SAVED_EVERY = 60.0
"""Seconds between two writings of when tokens were used last."""


class TokenError(Exception):
    """A token cannot be used, kept or issued; the message says what to do."""


class Token(msgspec.Struct):
    """What is kept of an issued token: enough to know its secret again, not enough to tell it."""

    id: str
    name: str
    role: Role
    created: float
    hash: str
    """SHA-256 of the secret. The secret is random, so neither salt nor a slow hash would add anything."""
    used: float | None = None


class Tokens:
    """Issues tokens, knows them again and revokes them; kept in one file that only its owner reads."""

    def __init__(self, file: Path, wall: Callable[[], float]) -> None:
        """Read what is kept; ``wall`` gives seconds since the epoch. Raises TokenError."""
        self.on_revoked: list[Callable[[str], None]] = []
        """Told the id of each token that is void from now on."""
        self._file = file
        self._wall = wall
        self._writing = threading.Lock()
        self._saved = wall()
        self._by_hash = {token.hash: token for token in _read(file)}

    def issue(self, name: str, role: Role) -> tuple[str, str]:
        """Return the id and the secret of a new token; this is the only time that the secret is told.

        Raises TokenError where the name is empty, too long or taken, and where there are too many tokens.
        """
        name = " ".join(name.split())
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise TokenError(f"a token's name has 1 to {LONGEST_NAME} characters that can be printed")
        if any(token.name == name for token in self._by_hash.values()) or name in ROLES:
            raise TokenError(f"there is a token called {name!r} already; revoke it or take another name")
        if len(self._by_hash) >= MOST:
            raise TokenError(f"there are {MOST} tokens already; revoke one that is no longer used")
        secret = PREFIX + secrets.token_urlsafe(24)
        token = Token(secrets.token_hex(4), name, role, round(self._wall(), 3), _hash(secret))
        self._by_hash[token.hash] = token
        try:
            self._save()
        except TokenError:
            del self._by_hash[token.hash]
            raise
        return token.id, secret

    def find(self, secret: str) -> Token | None:
        """Return the token of a secret. Looked up by its hash: how long that takes tells nothing of the secret."""
        token = self._by_hash.get(_hash(secret))
        if token is not None:
            token.used = round(self._wall(), 3)
        return token

    def revoke(self, id: str) -> Token:
        """Void a token from now on and return what it was.

        Raises LookupError, and TokenError where it stays in the file: it is void all the same until the next start.
        """
        token = next((token for token in self._by_hash.values() if token.id == id), None)
        if token is None:
            raise LookupError(f"there is no token {id!r}")
        del self._by_hash[token.hash]
        for told in self.on_revoked:
            told(id)
        self._save()
        return token

    def listed(self) -> list[dict[str, str | float | None]]:
        """Return every token, oldest first, without what is kept of its secret."""
        return [
            {"id": t.id, "name": t.name, "role": t.role, "created": t.created, "used": t.used}
            for t in sorted(self._by_hash.values(), key=lambda token: token.created)
        ]

    @property
    def stale(self) -> bool:
        """Whether it is time to write down when tokens were used last."""
        return self._wall() - self._saved > _SAVED_EVERY

    def keep_uses(self) -> None:
        """Write down when tokens were used last. Blocks for one small write; may be called from another thread."""
        self._saved, before = self._wall(), self._saved
        if any((token.used or 0) >= before for token in list(self._by_hash.values())):
            try:
                self._save()
            except TokenError as error:
                log.warning("%s", error)

    def _save(self) -> None:
        """Replace the file as a whole, so that a crash leaves the old one or the new one."""
        with self._writing:
            new = self._file.with_suffix(".new")
            try:
                new.unlink(missing_ok=True)
                with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as handle:
                    handle.write(msgspec.json.format(msgspec.json.encode(list(self._by_hash.values()))))
                    handle.flush()
                    os.fsync(handle.fileno())
                new.replace(self._file)
            except OSError as error:
                raise TokenError(f"{self._file}: cannot be written: {error.strerror}") from None


def _read(file: Path) -> list[Token]:
    try:
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
        return msgspec.json.decode(file.read_bytes(), type=list[Token])
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TokenError(f"{file}: cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise TokenError(f"{file}: is damaged ({error}); delete it, and issue new tokens") from None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
