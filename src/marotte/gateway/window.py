"""What a window is to its floor: an outlet that plays, a microphone that hears, a button; and what its frames hold."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import msgspec

from marotte.config import SECOND
from marotte.engines.frames import pack
from marotte.gateway.outbox import Outbox
from marotte.ports import CameraError, Rank

LEAD = 0.25
"""Seconds of sound that a window is fed ahead."""
LONGEST_TEXT = 2_000


class Mistake(Exception):
    """One frame was wrong; the connection goes on."""


class Hello(msgspec.Struct, forbid_unknown_fields=False):
    """The first frame of a window."""

    class Resume(msgspec.Struct):
        session: str
        seq: int

    type: Literal["hello"]
    version: int
    window: Literal["talk", "stage", "control", "skull"]
    token: str = ""
    floor: str = ""
    language: str = ""
    name: str = ""
    partner: str = ""
    subtitles: Annotated[str, msgspec.Meta(pattern=rf"^{SECOND}\Z")] | None = None
    """The second language that it reads; "": none, None: the show's."""
    resume: Resume | None = None
    can: Annotated[tuple[str, ...], msgspec.Meta(max_length=20)] = ()
    """What a skull has: button, microphone, loudspeaker, camera, light, jaw."""


class WindowOutlet:
    """A window that plays sound."""

    lead = LEAD

    def __init__(self, name: str, outbox: Outbox, rank: Rank) -> None:
        self.name = name
        self.rank = rank
        self._outbox = outbox

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        self._outbox.put(pack({"type": "sound", "turn": turn, "line": line, "sample": sample}, pcm), turn)

    def stop(self, turn: str, sample: int) -> None:
        self._outbox.drop_sound(turn)


class WindowButton:
    """The button of a window that has a microphone: the window presses it itself, as if its partner had."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def press(self) -> None:
        self._outbox.put('{"type":"press"}')

    def release(self) -> None:
        self._outbox.put('{"type":"release"}')


class WindowCamera:
    """The camera of a window: the window takes a picture when it is asked to."""

    def __init__(self, name: str, outbox: Outbox) -> None:
        self.name = name
        self._outbox = outbox
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[bytes]] = {}

    async def picture(self) -> bytes:
        """Ask for a picture and wait for it. Raises CameraError."""
        number, coming = next(self._numbers), asyncio.get_running_loop().create_future()
        self._asked[number] = coming
        self._outbox.put(json.dumps({"type": "snapshot", "id": number}))
        try:
            return await coming
        finally:
            del self._asked[number]

    def came(self, number: int, data: bytes) -> None:
        """Take a picture; one that nobody waits for is thrown away."""
        if (coming := self._asked.get(number)) and not coming.done():
            coming.set_result(data)

    def failed(self, number: int, reason: str) -> None:
        """Take notice that it cannot take a picture."""
        if (coming := self._asked.get(number)) and not coming.done():
            coming.set_exception(CameraError(f"{self.name}: {reason}"))

    def gone(self) -> None:
        """It will send nothing more."""
        for number in list(self._asked):
            self.failed(number, "it is gone")


class WindowMicrophone:
    """A window's microphone: what has come over the socket and is not yet heard."""

    MOST = 400
    """Frames that may wait; a window that floods is told so by hearing, this bounds what it can pile up."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue(self.MOST)

    def put(self, pcm: bytes) -> None:
        try:
            self._frames.put_nowait(pcm)
        except asyncio.QueueFull:
            raise Mistake("microphone: sound comes faster than it can be heard") from None

    def end(self) -> None:
        while self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(None)

    async def sound(self) -> AsyncIterator[bytes]:
        while (pcm := await self._frames.get()) is not None:
            yield pcm


def text_of(frame: dict[str, Any], key: str) -> str:
    """Return a text that a frame must have. Raises Mistake."""
    value = frame.get(key)
    if not isinstance(value, str):
        raise Mistake(f"{key}: must be text")
    if len(value) > LONGEST_TEXT:
        raise Mistake(f"{key}: {len(value)} characters are more than {LONGEST_TEXT}")
    return value


def number_of(frame: dict[str, Any], key: str) -> float:
    """Return a number that a frame must have, one that JSON keeps exact. Raises Mistake."""
    value = frame.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 2**53:
        raise Mistake(f"{key}: must be a number")
    return value


def subtitles_of(frame: dict[str, Any]) -> str | None:
    """Return the second language that a frame wishes for: "" for none, None for the show's. Raises Mistake."""
    if frame.get("language") is None:
        return None
    language = text_of(frame, "language")
    if not re.fullmatch(SECOND, language):
        raise Mistake(f"language: {language[:40]!r} is no tag such as es or zh-Hant")
    return language
