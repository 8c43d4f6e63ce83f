"""Tokens by which we are signed in on platforms: a file each, for its owner's eyes alone."""

import asyncio
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from marotte.time import Clock

LOOKS = 2.0
"""Seconds between two looks whether somebody has signed in, or wants to be forgotten."""


class TokenError(Exception):
    """A token cannot be read or kept; the message names the file and what to do."""


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a platform gave us when its owner let us in."""

    access: str
    refresh: str = ""
    expires: float = 0.0
    """Seconds since the epoch; 0: it does not say."""
    scopes: tuple[str, ...] = ()
    account: str = ""
    """Whose it is: the platform's id of the account."""
    name: str = ""
    """And what it is called."""

    def __repr__(self) -> str:
        return f"Token(of {self.name or self.account or 'nobody'})"


class Tokens:
    """Keeps tokens in a folder, by the name of their link."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: dict[str, Token] = {}
        """What each link's file is to hold."""
        self._turn = threading.Lock()

    @property
    def folder(self) -> Path:
        """Where they are; what else a link must remember of its account is kept beside its token."""
        return self._folder

    def load(self, name: str) -> Token | None:
        """Return a link's token, or None. Raises TokenError for a file that is damaged."""
        file = self._file(name)
        try:
            return msgspec.json.decode(file.read_bytes(), type=Token)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, ValueError):  # ValueError: bytes that are no text
            raise TokenError(f"{file}: cannot be read; delete it and sign in again: marotte login {name}") from None

    async def keep(self, name: str, token: Token) -> None:
        """Replace a link's token as a whole, on disk when this returns. Raises TokenError.

        A disk takes its time: it is written beside the event loop, and also where whoever waits is cancelled, for the
        platform may take the token before it no more. Of two that come at once the later one is kept.
        """
        self._file(name)
        self._newest[name] = token
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._write, name))

    def _write(self, name: str) -> None:
        """Write a link's newest token, after whoever is writing."""
        file = self._file(name)
        new = file.with_suffix(".new")
        with self._turn:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                new.unlink(missing_ok=True)
                with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as handle:
                    handle.write(msgspec.json.encode(self._newest[name]))
                    handle.flush()
                    os.fsync(handle.fileno())
                new.replace(file)
            except OSError as error:
                raise TokenError(f"{file}: cannot be written: {error.strerror}") from None

    async def replace(self, name: str, token: Token) -> None:
        """Keep a token that was renewed, unless the one before was forgotten meanwhile. Raises TokenError."""
        if self._file(name).exists():
            await self.keep(name, token)

    async def dropped(self, name: str, clock: Clock) -> None:
        """Return once there is no token of a link: somebody wants it forgotten."""
        while self._file(name).exists():
            await clock.sleep(LOOKS)

    def drop(self, name: str) -> bool:
        """Forget a link's token; returns whether there was one."""
        try:
            self._file(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def _file(self, name: str) -> Path:
        if not name.replace("-", "").isalnum():
            raise ValueError(f"{name!r} is no name of a link")
        return self._folder / f"{name}.json"


def missing(token: Token, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the scopes that are wanted and that a token does not have."""
    return tuple(scope for scope in wanted if scope not in token.scopes)
