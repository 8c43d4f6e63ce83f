"""Sound that was made before, kept on disk: what a character says again and again is made twice, and then no more.

A line is kept when it is made for the second time. Nearly all that a brain writes is said once: keeping it would push
out the phrases that come back, wear the disk, and keep what was said to one person for no use. Of a line that was said
once only a short hash stays, so that a phrase of every start is known at the next one.
"""

import asyncio
import hashlib
import logging
import os
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from msgspec.structs import replace

from marotte.engines.kinds import EngineSettings, Manner, Sound, Voice, VoiceSettings
from marotte.engines.registry import Built
from marotte.events import Line
from marotte.time import outside

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST = 30.0
"""Seconds of sound of a line that is kept; a phrase that comes back is shorter."""
REMEMBERED = 65_536
"""Of so many lines it is known that they were said once."""
_FORMAT = 1
_KEY = 64
"""Characters of a key."""
_MARK = 8
"""Bytes of a key by which a line that was said once is known."""
_DIGEST = 16
_SAID_ONCE = "said-once"
_UNFINISHED = ".part"
_SHAPELESS = {"engine", "secret", "first_within", "next_within", "speaks", "languages", "feelings"}
"""Settings that do not shape the sound of a line, or only through its manner."""

_sounds = msgspec.msgpack.Decoder(tuple[Sound, ...])


def shape_of(engine: type[Any], settings: EngineSettings) -> bytes:
    """Return what tells one voice from another, as far as it is the same for all of its lines; no secret is in it."""
    shaping = settings.model_dump(mode="json", exclude=_SHAPELESS | set(Manner.model_fields))
    return msgspec.json.encode((_FORMAT, engine.__module__, engine.__qualname__, shaping), order="deterministic")


def key_of(shape: bytes, settings: EngineSettings, line: Line) -> str:
    """Return the name under which a line is kept: lines of one name sound alike."""
    manner = settings.manner(line).model_dump() if isinstance(settings, VoiceSettings) else line.feeling
    pauses = [(cue.name, cue.offset) for cue in line.cues if cue.kind == "pause"]
    asked = msgspec.json.encode((line.language, line.spoken, manner, pauses), order="deterministic")
    return hashlib.sha256(shape + b"\n" + asked).hexdigest()


class SoundCache:
    """Keeps lines in a folder of its own; the one that was not said for longest goes first.

    All work on files is done by one thread, in its order, so that the event loop never waits for a disk.
    """

    def __init__(self, folder: Path, most: int) -> None:
        """At most ``most`` bytes are kept; 0: nothing. The folder is made when it is first needed."""
        self.folder = folder
        self.most = most
        self.bytes = 0
        """Of the lines that are kept."""
        self.hits: Counter[str] = Counter()
        """How often a voice needed not make a line, by its name."""
        self.misses: Counter[str] = Counter()
        """How often it had to."""
        self.cleared = 0
        """How often everything was deleted: what was asked for before is not kept after it."""
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """Bytes of each line by its key, in the order in which they were said last; only the thread changes it."""
        self._said: dict[bytes, None] = {}
        self._opened = False
        self._hand = ThreadPoolExecutor(1, "sounds")

    def __len__(self) -> int:
        """How many lines are kept."""
        return len(self._sizes)

    def keep(self, built: Built) -> Built:
        """Keep what a voice says, unless it makes its sound as quickly as a disk gives it back."""
        cheap = getattr(built.engine, "cheap", False)
        return built if cheap else built._replace(engine=Kept(built, self))

    async def open(self) -> None:
        """Look what an earlier run has kept; once."""
        if not self._opened:
            said = await self._work(self._look)
            if not self._opened:
                self._opened = True
                self._said.update(dict.fromkeys(said))

    async def find(self, key: str) -> tuple[Sound, ...]:
        """Return the sound of a line, or nothing; what is damaged is deleted."""
        await self.open()
        # A look from this side, so that a line that was never kept does not wait for a disk that is busy.
        return await self._work(lambda: self._read(key)) if key in self._sizes else ()

    def said_before(self, key: str) -> bool:
        """Note that a line is said; returns whether it was before. Until ``write_down`` only this process knows it."""
        mark = bytes.fromhex(key)[:_MARK]
        if mark in self._said:
            return True
        self._said[mark] = None
        return False

    def write_down(self, key: str) -> None:
        """Let the next start know that a line was said once."""
        mark = bytes.fromhex(key)[:_MARK]
        if len(self._said) > REMEMBERED:
            # Half of them at a time, so that the file is seldom written anew.
            for oldest in list(self._said)[: REMEMBERED // 2]:
                del self._said[oldest]
            marks = b"".join(self._said)
            self._submit(lambda: self._replace(self.folder / _SAID_ONCE, marks))
        else:
            self._submit(lambda: self._append(mark))

    def put(self, key: str, sounds: Sequence[Sound]) -> None:
        """Keep a line; nobody waits for it."""
        made = tuple(replace(sound, kept=True) for sound in sounds)
        self._submit(lambda: self._write(key, made))

    def bound(self, most: int) -> None:
        """Keep at most so many bytes from now on."""
        self.most = most
        self._submit(self._evict)

    def clear(self) -> "Future[int]":
        """Delete everything, and forget what was said once; gives how many lines were deleted."""
        self.cleared += 1
        self._said.clear()
        return self._hand.submit(self._clear)

    def close(self) -> None:
        """End the thread, once it has done what it was given."""
        self._hand.shutdown(wait=False)

    # --- the thread

    async def _work(self, work: Callable[[], T]) -> T:
        async with outside():
            return await asyncio.wrap_future(self._hand.submit(work))

    def _submit(self, work: Callable[[], object]) -> None:
        def attempt() -> None:
            try:
                work()
            except OSError as error:
                log.warning("sound cannot be kept in %s: %s", self.folder, error.strerror)

        with suppress(RuntimeError):  # a line that ends after the run is not kept
            self._hand.submit(attempt)

    def _look(self) -> list[bytes]:
        """Take stock of the folder; returns what was said once."""
        try:
            files = [(file.stat(), file) for file in self.folder.iterdir()] if self.folder.is_dir() else []
            for at, file in sorted(files, key=lambda found: found[0].st_mtime_ns):
                if file.suffix == _UNFINISHED:
                    file.unlink()
                elif len(file.name) == _KEY:
                    self._sizes[file.name] = at.st_size
                    self.bytes += at.st_size
            self._evict()
            marks = (self.folder / _SAID_ONCE).read_bytes()[: REMEMBERED * _MARK]
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("kept sound cannot be read in %s: %s", self.folder, error.strerror)
            return []
        return [marks[at : at + _MARK] for at in range(0, len(marks) // _MARK * _MARK, _MARK)]

    def _read(self, key: str) -> tuple[Sound, ...]:
        file = self.folder / key
        try:
            data = file.read_bytes()
            if hashlib.blake2b(data[_DIGEST:], digest_size=_DIGEST).digest() != data[:_DIGEST]:
                raise ValueError("damaged")
            sounds = _sounds.decode(memoryview(data)[_DIGEST:])
            now = time.time_ns()  # finer than the system's own stamp: the order of two lines may hang on it
            os.utime(file, ns=(now, now))
        except (OSError, ValueError):
            self._delete(key)
            return ()
        self._sizes.move_to_end(key)
        return sounds

    def _write(self, key: str, sounds: tuple[Sound, ...]) -> None:
        body = msgspec.msgpack.encode(sounds)
        data = hashlib.blake2b(body, digest_size=_DIGEST).digest() + body
        if len(data) > self.most:
            return
        self._replace(self.folder / key, data)
        self.bytes += len(data) - self._sizes.pop(key, 0)
        self._sizes[key] = len(data)
        self._evict()

    def _replace(self, file: Path, data: bytes) -> None:
        """Write a file so that it is there whole or not at all."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_suffix(_UNFINISHED)
        try:
            with open(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as handle:
                handle.write(data)
            unfinished.replace(file)
        except OSError:
            unfinished.unlink(missing_ok=True)  # on a full disk its part would lie about
            raise

    def _append(self, mark: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(self.folder / _SAID_ONCE, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as handle:
            handle.write(mark)

    def _evict(self) -> None:
        while self.bytes > self.most:
            self._delete(next(iter(self._sizes)))

    def _delete(self, key: str) -> None:
        self.bytes -= self._sizes.pop(key, 0)
        with suppress(OSError):
            (self.folder / key).unlink(missing_ok=True)

    def _clear(self) -> int:
        deleted = len(self._sizes)
        self._sizes.clear()
        self.bytes = 0
        try:
            for file in self.folder.iterdir() if self.folder.is_dir() else ():
                file.unlink(missing_ok=True)
        except OSError as error:
            log.error("kept sound cannot be deleted in %s: %s", self.folder, error.strerror)
            raise
        return deleted


class Kept:
    """A voice whose lines are kept."""

    def __init__(self, built: Built, cache: SoundCache) -> None:
        self.engine: Any = built.engine
        self._name = built.name
        self._settings = built.settings
        self._shape = shape_of(type(built.engine), built.settings)
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    async def warm(self) -> None:
        """Look what is kept, and warm the voice."""
        await self._cache.open()
        if (warm := getattr(self.engine, "warm", None)) is not None:
            await warm()

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Speak as the voice does, or as it did; a line of no turn is a trial, and asks the voice itself."""
        cache, cleared = self._cache, self._cache.cleared
        wanted = cache.most > 0 and bool(line.turn)
        key = key_of(self._shape, self._settings, line) if wanted else ""
        if wanted:
            kept = await cache.find(key)
            (cache.hits if kept else cache.misses)[self._name] += 1
            if kept:
                for sound in kept:
                    yield sound
                return
        made, length = list[Sound](), 0.0
        keeping = wanted and cache.said_before(key)
        pieces = cast("Voice", self.engine).speak(line)
        try:
            async for sound in pieces:
                length += len(sound.pcm) / 2 / sound.rate
                if keeping and length <= LONGEST:
                    made.append(sound)
                yield sound
        finally:
            # Not before the voice was asked: the disk's thread would be in its way.
            if wanted and not keeping and cleared == cache.cleared:
                cache.write_down(key)
            if (close := getattr(pieces, "aclose", None)) is not None:
                await close()
        # Whoever was forgotten meanwhile may be named in it.
        if keeping and 0 < length <= LONGEST and cleared == cache.cleared:
            cache.put(key, made)
