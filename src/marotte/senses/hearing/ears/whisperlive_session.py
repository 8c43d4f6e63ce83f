"""One session with a WhisperLive server: its handshake, what is sent, and what it understands.

https://github.com/collabora/WhisperLive (0.10): ``whisper_live/server.py`` and ``whisper_live/backend/base.py``.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard
from marotte.events import Word
from marotte.senses.hearing.speech import LONGEST_TURN, RATE, words_of

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

LARGEST = 100_000
"""Characters of a transcript."""
_FRAME = RATE // 10
"""Samples that are sent at once."""
_PADDING = 75 * (RATE // 50)
"""Samples of silence after the speech, sent 20 ms at a time.

The server leaves less than a second of sound alone. And its library answers a ping when up to 16 messages and 64 KiB
before it still wait for the server: these must be silence.
"""
_GOODBYE = 0.1
_LONGEST_WAIT = 3_600.0
_SURE = 0.4
"""Mean probability of its words below which a transcript is uncertain."""


class Session:
    """One session, for one turn: the server places everything in it from the session's start."""

    def __init__(self, websocket: "aiohttp.ClientWebSocketResponse", uid: str) -> None:
        self.error: Exception | None = None
        self._websocket = websocket
        self._uid = uid
        self._ready = asyncio.Event()
        self._changed = asyncio.Event()
        self._language = ""
        self._completed: dict[tuple[str, str, str], Any] = {}
        self._open: list[dict[str, Any]] = []
        self._answers = -1
        """Transcripts since the server had all of the speech; -1 while it has not."""
        self._reader = asyncio.create_task(self._read())

    async def ready(self) -> None:
        """Wait until the server has loaded its model. Raises EngineUnavailable where it refuses."""
        while not self._ready.is_set():
            await self._change()

    async def say(self, speech: AsyncIterator[bytes]) -> None:
        """Send a turn as it comes; what fails on our side is told to whoever waits for the transcript."""
        try:
            pcm, sent = b"", 0
            async for piece in speech:
                pcm += piece
                if len(pcm) >= 2 * _FRAME:
                    await self._send(pcm)
                    pcm, sent = b"", sent + len(pcm) // 2
                if sent > LONGEST_TURN * RATE:
                    raise EngineUnsuited(f"more than {LONGEST_TURN} seconds in one turn")
            if pcm:
                await self._send(pcm)
            for _ in range(0, _PADDING, RATE // 50):
                await self._send(bytes(2 * (RATE // 50)))
            await self._websocket.ping()
        except ConnectionError:
            pass  # the reader tells why
        except Exception as error:
            self._fail(error)

    async def heard(self, patience: float) -> Heard:
        """Wait for something new and return it, final once the server has understood all of the turn.

        It transcribes what it has again and again. Its pong tells that it has everything; the transcript after that
        may still have been begun before, the next was not. Where none comes for ``patience`` seconds, there is none.
        """
        try:
            async with asyncio.timeout(patience if self._answers >= 0 else None) as limit:
                while not await self._change():
                    if self._answers >= 0:
                        limit.reschedule(asyncio.get_running_loop().time() + patience)
        except TimeoutError:
            return self._heard(final=True)
        return self._heard(final=self._answers >= 2)

    async def close(self) -> None:
        """Say goodbye, and drop the connection where nobody answers at once."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        for goodbye in (self._websocket.send_bytes(b"END_OF_AUDIO"), self._websocket.close()):
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(_GOODBYE):
                    await goodbye

    async def _send(self, pcm: bytes) -> None:
        import numpy as np

        await self._websocket.send_bytes((np.frombuffer(pcm, "<i2") / np.float32(32_768)).astype("<f4").tobytes())

    async def _change(self) -> bool:
        """Wait for any message; return whether it was a transcript. Raises what the session ended with."""
        await self._changed.wait()
        self._changed.clear()
        if self.error:
            raise self.error
        transcribed, self._transcribed = self._transcribed, False
        return transcribed

    _transcribed = False

    # --- what comes

    async def _read(self) -> None:
        import aiohttp

        while self.error is None:
            message = await self._websocket.receive()
            match message.type:
                case aiohttp.WSMsgType.TEXT:
                    self._take(message.data)
                case aiohttp.WSMsgType.PING:
                    with suppress(ConnectionError):
                        await self._websocket.pong(message.data)
                case aiohttp.WSMsgType.PONG:
                    self._answers = max(0, self._answers)
                case aiohttp.WSMsgType.BINARY:
                    pass
                case _:
                    self._fail(self._failure("the server closed the connection before it had answered"))
            self._changed.set()

    def _take(self, text: str) -> None:
        try:
            said = cast("dict[str, Any]", json.loads(text))
            if said.get("uid") != self._uid:
                return
            if "status" in said:
                self._status(str(said["status"]), said.get("message"))
            elif said.get("message") == "SERVER_READY":
                self._ready.set()
            elif said.get("message") == "DISCONNECT":
                self._fail(EngineError("whisperlive: the server ended the session: it was longer than it allows"))
            elif "segments" in said:
                self._segments(said["segments"])
            elif "language" in said:
                self._language = str(said["language"])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._fail(self._failure("the server sent what is no message of its protocol"))

    def _status(self, status: str, message: Any) -> None:
        if status == "WAIT":
            minutes = max(0.0, float(message))
            self._fail(
                EngineUnavailable(
                    f"whisperlive: the server is full; a place is free in about {max(1, round(minutes))} min",
                    min(60 * minutes, _LONGEST_WAIT),
                )
            )
        elif status == "ERROR":
            self._fail(self._failure(f"the server has failed: {' '.join(str(message).split())[:300]}"))
        else:
            log.warning("whisperlive: %s: %s", status[:40], " ".join(str(message).split())[:300])

    def _segments(self, segments: list[dict[str, Any]]) -> None:
        """Take the last completed segments, which come again with every message, and the one that may yet change."""
        self._open = []
        for segment in segments:
            if segment.get("completed") is True:
                self._completed[segment["start"], segment["end"], segment["text"]] = segment
            else:
                self._open.append(segment)
        if sum(len(segment["text"]) for segment in self._all()) > LARGEST:
            self._fail(EngineError(f"whisperlive: the server sent more than {LARGEST} characters for one turn"))
        self._transcribed = True
        if self._answers >= 0:
            self._answers += 1

    def _all(self) -> list[dict[str, Any]]:
        return [*self._completed.values(), *self._open]

    def _heard(self, final: bool) -> Heard:
        text = words_of("".join(segment["text"] for segment in self._all()))
        words = [word for segment in self._all() for word in segment.get("words") or ()]
        sure = sum(word["probability"] for word in words) / len(words) if words else 1.0
        return Heard(
            text=text,
            language=self._language,
            uncertain=bool(text) and sure < _SURE,
            final=final,
            words=tuple(
                Word(str(word["word"]).strip(), round(RATE * float(word["start"])), round(RATE * float(word["end"])))
                for word in words
            ),
        )

    def _failure(self, told: str) -> EngineError:
        return (EngineError if self._completed or self._open else EngineUnavailable)(f"whisperlive: {told}")

    def _fail(self, error: Exception) -> None:
        self.error = self.error or error
        self._changed.set()
