"""The audit log: who changed what, and when. Secrets are never in it."""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from marotte.log import redact

log = logging.getLogger(__name__)

_SIZE, _FILES = 1_000_000, 5
_LONGEST = 80
_TELLING = ("type", "what", "name", "role", "language", "kind", "model", "verbatim", "floor", "until")
"""Fields of a body whose values may be written down; of all others only their names."""


class Entry(msgspec.Struct):
    """One line of the log."""

    at: float
    who: str
    rights: str
    address: str
    what: str
    """The method and the path of a call, or a frame of a window."""
    status: int
    """The HTTP status that answered it; 0 for a frame."""
    about: str = ""
    """What its body held, without anything that could be a secret."""


class Audit:
    """Writes entries to a bounded file, in a thread of its own, so that a slow disk holds up nobody."""

    def __init__(self, file: Path, wall: Callable[[], float]) -> None:
        """``wall`` gives seconds since the epoch."""
        self._file = file
        self._wall = wall
        self._hand = ThreadPoolExecutor(1, "audit")

    def write(self, who: str, rights: str, address: str, what: str, status: int = 0, about: str = "") -> None:
        """Keep that something was done."""
        entry = Entry(
            round(self._wall(), 3), who, rights, address, redact.clean(what)[:500], status, redact.clean(about)
        )
        self._hand.submit(self._append, msgspec.json.encode(entry) + b"\n")

    async def newest(self, limit: int) -> list[Entry]:
        """Return the newest entries first, all that were written until now among them."""
        return await asyncio.wrap_future(self._hand.submit(self._read, limit))

    def close(self) -> None:
        """Finish writing."""
        self._hand.shutdown()

    def _append(self, line: bytes) -> None:
        try:
            if self._file.exists() and self._file.stat().st_size + len(line) > _SIZE:
                for number in range(_FILES - 1, 0, -1):
                    older = self._numbered(number - 1)
                    if older.exists():
                        older.replace(self._numbered(number))
            with open(os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600), "ab") as handle:
                handle.write(line)
        except OSError as error:
            log.error("the audit log cannot be written: %s: %s", self._file, error.strerror)

    def _read(self, limit: int) -> list[Entry]:
        found: list[Entry] = []
        for number in range(_FILES):
            file = self._numbered(number)
            if len(found) >= limit or not file.exists():
                break
            for line in reversed(file.read_bytes().splitlines()):
                try:
                    found.append(msgspec.json.decode(line, type=Entry))
                except msgspec.MsgspecError:
                    continue  # Cut by a crash: the rest is whole.
        return found[:limit]

    def _numbered(self, number: int) -> Path:
        return self._file.with_suffix(f".{number}.jsonl") if number else self._file


def summary(body: bytes, kind: str) -> str:
    """Say what a body holds: the names of its fields, and the values of those that are never a secret."""
    if not body:
        return ""
    if "json" not in kind:
        return f"{len(body)} bytes"
    try:
        fields: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return f"{len(body)} bytes that are no JSON"
    if not isinstance(fields, dict):
        return f"{len(body)} bytes"
    told: list[str] = []
    for name, value in list(fields.items())[:12]:  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        plain = name in _TELLING and isinstance(value, str | int | float | bool)
        told.append(f"{str(name)[:30]} = {str(value)[:_LONGEST]}" if plain else str(name)[:30])  # pyright: ignore[reportUnknownArgumentType]
    return ", ".join(told)
