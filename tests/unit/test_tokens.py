"""Tokens on disk: kept beside the event loop, as a whole, the newest last, and for their owner's eyes alone."""

import asyncio
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from marotte.links.tokens import Token, TokenError, Tokens
from marotte.links.youtube.account import Account
from marotte.time import Clock
from tests.signing_in import sign_in
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio

OLD, FIRST, SECOND = (Token(access=name, refresh=f"{name}'s") for name in ("old", "first", "second"))


class Disk:
    """A disk that takes its time: it stands still at each token's end while its gate is closed."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.writers: list[int] = []
        """Threads that have come to the end of a token."""

    def sync(self, handle: int) -> None:
        self.writers.append(threading.get_ident())
        assert self.gate.wait(PATIENCE)
        os.fdatasync(handle)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.sync)
    yield disk
    disk.gate.set()


def kept(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_a_token_is_kept_for_its_owner_and_outside_the_event_loop(tmp_path: Path, disk: Disk) -> None:
    tokens = Tokens(tmp_path / "tokens")
    await tokens.keep("twitch", FIRST)
    assert tokens.load("twitch") == FIRST
    assert kept(tokens.folder) == {"twitch.json": 0o600}
    assert stat.S_IMODE(tokens.folder.stat().st_mode) == 0o700
    assert len(disk.writers) == 1
    assert threading.get_ident() not in disk.writers, "nothing blocks the voice"


async def test_of_two_that_come_at_once_the_later_is_kept(tmp_path: Path, disk: Disk) -> None:
    tokens = Tokens(tmp_path)
    await tokens.keep("twitch", OLD)
    disk.gate.clear()
    both = [asyncio.create_task(tokens.keep("twitch", token)) for token in (FIRST, SECOND)]
    await until(lambda: len(disk.writers) == 2, "that one is being written")
    assert tokens.load("twitch") == OLD, "what is half written is no token"
    disk.gate.set()
    await asyncio.gather(*both)
    assert tokens.load("twitch") == SECOND
    assert kept(tmp_path) == {"twitch.json": 0o600}


async def test_it_is_kept_though_whoever_waits_is_cancelled(tmp_path: Path, disk: Disk) -> None:
    tokens = Tokens(tmp_path)
    disk.gate.clear()
    keeping = asyncio.create_task(tokens.keep("twitch", FIRST))
    await until(lambda: disk.writers, "that it is being written")
    keeping.cancel()
    await asyncio.wait({keeping})
    assert keeping.cancelled()
    disk.gate.set()
    await until(lambda: tokens.load("twitch") == FIRST, "that it is kept")


async def test_one_that_cannot_be_kept_says_which_file_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TokenError, match=r"twitch\.json: cannot be written: "):
        await Tokens(tmp_path / "file").keep("twitch", FIRST)
    with pytest.raises(ValueError, match="no name of a link"):
        await Tokens(tmp_path).keep("../twitch", FIRST)


async def test_what_we_had_before_is_not_taken_for_somebody_who_has_signed_in(tmp_path: Path, disk: Disk) -> None:
    """While a renewed token is being written, the file still holds the one before it."""
    tokens = Tokens(tmp_path)
    sign_in(tokens, "youtube", OLD)
    account = Account(tokens, Clock())
    assert account.load()
    await account._keep(FIRST)
    disk.gate.clear()
    keeping = asyncio.create_task(account._keep(SECOND))
    await until(lambda: len(disk.writers) == 3, "that it is being written")
    looking = asyncio.create_task(account.changed())
    await asyncio.sleep(0)
    assert not looking.done()
    assert account.token == SECOND
    looking.cancel()
    disk.gate.set()
    await keeping
    assert tokens.load("youtube") == SECOND
    sign_in(tokens, "youtube", Token(access="somebody's"))
    await account.changed()
    assert account.token.access == "somebody's"
