"""Emote sets and their pictures: fetched by the program, checked, kept on disk, shown under our own address.

A window never asks a stranger's server: it is given ``/emotes/ID``. Only pictures that a set or a platform has named
are fetched, only over TLS from the hosts of the five that are known, or from those that the show adds, and only what
begins as a picture does is kept.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from marotte.config_emotes import Emotes
from marotte.events import ChatMessage, Emote
from marotte.text.emotes import MOST_FOUND, MOST_NAMES, SetError, found, read_set

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

HOSTS = frozenset(
    {"cdn.7tv.app", "cdn.betterttv.net", "cdn.frankerfacez.com", "static-cdn.jtvnw.net", "cdn.discordapp.com"}
)
"""Where 7TV, BTTV, FrankerFaceZ, Twitch and Discord keep pictures."""
LARGEST_SET = 5_000_000
LARGEST_PICTURE = 1_000_000
LARGEST_SHELF = 200_000_000
"""Bytes of pictures kept on disk; the oldest go first."""
MOST_SEEN = 5_000
"""So many of the platforms' own emotes are known at once."""
_WITHIN = 10.0
_AT_ONCE = 4
_REFUSED_FOR = 300.0
"""Seconds for which a picture that could not be had is not asked for again."""
_LOOK_EVERY = 50
PATH = "/emotes/"


class SetState(NamedTuple):
    """What became of one set."""

    where: str
    names: int
    problem: str = ""


class Picture(NamedTuple):
    """A picture as a browser takes it."""

    data: bytes
    type: str


class FetchError(Exception):
    """Something could not be fetched; the message says why in plain words."""


def type_of(data: bytes) -> str:
    """Return the media type that the first bytes of a picture tell, or "" for what is none that is taken here."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return "image/avif" if data[4:12] in (b"ftypavif", b"ftypavis") else ""


class EmoteShelf:
    """Knows the emotes of a show, and keeps their pictures."""

    def __init__(
        self,
        settings: Emotes,
        beside: Path,
        folder: Path,
        http: "Callable[[], aiohttp.ClientSession]",
        now: Callable[[], float],
    ) -> None:
        """Files of sets lie ``beside`` the show; what is fetched is kept in ``folder``."""
        self.sets: list[SetState] = []
        """What became of each set, as far as they are read."""
        self.version = 0
        """Counts up whenever another emote is known."""
        self._settings = settings
        self._beside, self._folder = beside, folder
        self._http, self._now = http, now
        self._paths: dict[str, str] = {}
        """Of each name in a set, where a window finds its picture."""
        self._seen: dict[str, str] = {}
        """The same of platforms' own emotes, the one seen last at the end."""
        self._addresses: dict[str, str] = {}
        self._seen_addresses: dict[str, str] = {}
        self._refused: dict[str, float] = {}
        self._coming: dict[str, asyncio.Task[Picture | None]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._written = 0

    # --- sets

    async def load(self) -> None:
        """Read every set, once; one that cannot be fetched now is taken as it was the last time."""
        for where in self._settings.sets:
            try:
                names, problem = await self._set(where)
            except (SetError, FetchError) as error:
                names, problem = {}, str(error)
            for name, address in names.items():
                path = self._path(address)
                if path and len(self._paths) < MOST_NAMES and name not in self._paths:
                    self._paths[name] = path
                    self._addresses[path.removeprefix(PATH)] = address
            self.version += 1
            self.sets.append(SetState(where, len(names), problem))
            if problem:
                log.warning("emotes: %s", problem)

    async def _set(self, where: str) -> tuple[dict[str, str], str]:
        if not where.startswith(("http://", "https://")):
            return read_set(await asyncio.to_thread(self._file, where), where), ""
        kept = self._folder / "sets" / f"{_mark(where)}.json"
        try:
            data = await self._fetched(where, LARGEST_SET)
            names = read_set(data, where)
        except (SetError, FetchError) as error:
            try:
                old = await asyncio.to_thread(_read, kept, LARGEST_SET)
            except OSError:
                raise error from None
            return read_set(old, where), f"{error}; the set is as it was fetched last"
        try:
            await asyncio.to_thread(_write, kept, data)
        except OSError as error:
            log.warning("emotes: %s is not kept: %s", where, error.strerror)
        return names, ""

    def _file(self, where: str) -> bytes:
        try:
            return _read(self._beside / where, LARGEST_SET)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise FetchError(f"{where} cannot be read: {reason}") from None

    # --- what people write

    def mark(self, message: ChatMessage) -> ChatMessage:
        """Name the emotes in a message: its platform's own and those of the sets, with pictures that are ours."""
        own = [self._ours(each) for each in message.emotes[:MOST_FOUND] if _stands(each, message.text)]
        custom = found(message.text, self._paths)
        if not (message.emotes or custom):
            return message
        taken = {place for each in own for place in range(each.start, each.end)}
        emotes = sorted([*own, *(each for each in custom if each.start not in taken)], key=lambda each: each.start)
        return replace(message, emotes=tuple(emotes[:MOST_FOUND]))

    def _ours(self, emote: Emote) -> Emote:
        path = emote.picture if emote.picture.removeprefix(PATH) in self._addresses else self._path(emote.picture)
        if path:
            self.version += self._seen.pop(emote.name, "") != path
            self._seen[emote.name] = path
            self._seen_addresses.pop(name := path.removeprefix(PATH), None)
            self._seen_addresses[name] = emote.picture
            for known in (self._seen, self._seen_addresses):  # one name may have many pictures, and the other way round
                while len(known) > MOST_SEEN:
                    del known[next(iter(known))]
        return Emote(emote.name, emote.start, emote.start + len(emote.name), path)

    def names(self) -> dict[str, str]:
        """Return where a window finds the picture of each name that is known."""
        return {**self._seen, **self._paths}

    def _path(self, address: str) -> str:
        return f"{PATH}{_mark(address)}" if self._allowed(address) else ""

    def _allowed(self, address: str) -> bool:
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        if parts.netloc in self._settings.hosts:
            return parts.scheme in ("http", "https")
        return parts.scheme == "https" and parts.netloc in HOSTS

    # --- pictures

    async def picture(self, name: str) -> Picture | None:
        """Return the picture ``/emotes/name`` leads to; None where there is none, or it cannot be had."""
        address = self._addresses.get(name) or self._seen_addresses.get(name, "")
        if not address or self._refused.get(name, 0.0) > self._now():
            return None
        task = self._coming.get(name)
        if task is None:
            task = self._coming[name] = asyncio.create_task(self._bring(name, address))
            task.add_done_callback(lambda _: self._coming.pop(name, None))
        return await asyncio.shield(task)

    async def _bring(self, name: str, address: str) -> Picture | None:
        kept = self._folder / "pictures" / name
        async with self._turns:
            try:
                data = await asyncio.to_thread(_read, kept, LARGEST_PICTURE)
            except (OSError, FetchError):
                data = b""
            if kind := type_of(data):
                return Picture(data, kind)
            try:
                data = await self._fetched(address, LARGEST_PICTURE)
                if not (kind := type_of(data)):
                    raise FetchError(f"{address} is no PNG, GIF, WebP or AVIF")
                await asyncio.to_thread(_write, kept, data)
            except (FetchError, OSError) as error:
                log.info("emotes: %s", error)
                self._refused[name] = self._now() + _REFUSED_FOR
                while len(self._refused) > MOST_SEEN:
                    del self._refused[next(iter(self._refused))]
                return None
            self._written += 1
            if self._written % _LOOK_EVERY == 1:
                await asyncio.to_thread(_bound, kept.parent, LARGEST_SHELF)
        return Picture(data, kind)

    async def close(self) -> None:
        """Fetch no more."""
        for task in list(self._coming.values()):
            task.cancel()
        await asyncio.gather(*self._coming.values(), return_exceptions=True)

    async def _fetched(self, address: str, most: int) -> bytes:
        """Fetch at most so many bytes; whoever sends one elsewhere is not followed."""
        import aiohttp

        try:
            async with asyncio.timeout(_WITHIN):
                async with self._http().get(address, allow_redirects=False) as answer:
                    if answer.status != 200:
                        raise FetchError(f"{address} answers {answer.status}")
                    data = bytearray()
                    async for piece in answer.content.iter_chunked(65_536):
                        data += piece
                        if len(data) > most:
                            raise FetchError(f"{address} is larger than {most // 1_000_000} MB")
                    return bytes(data)
        except TimeoutError:
            raise FetchError(f"{address} did not answer within {_WITHIN:g} s") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise FetchError(f"{address} cannot be reached: {' '.join(str(error).split())[:200]}") from None


def _stands(emote: Emote, text: str) -> bool:
    return bool(emote.name) and text[emote.start : emote.start + len(emote.name)] == emote.name


def _mark(address: str) -> str:
    return hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()[:16]


def _read(file: Path, most: int) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(most + 1)
    if len(data) > most:
        raise FetchError(f"{file.name} is larger than {most // 1_000_000} MB")
    return data


def _write(file: Path, data: bytes) -> None:
    """Write a file so that it is there whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(file)


def _bound(folder: Path, most: int) -> None:
    """Delete the oldest files until the rest has room."""
    files: list[tuple[os.stat_result, Path]] = []
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # the name that another picture bore while it was written
            files.append((file.stat(), file))
    room = most
    for told, file in sorted(files, key=lambda each: -each[0].st_mtime):
        room -= told.st_size
        if room < 0:
            file.unlink(missing_ok=True)
