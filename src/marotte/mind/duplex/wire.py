"""A WebSocket that stays open, and what waits of that which has come over it."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from marotte.engines.kinds import EngineError

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")

RATE = 24_000
"""Samples a second of the sound that the providers make."""
LARGEST_MESSAGE = 16_000_000
"""Bytes of one message."""
_MOST_SOUND = 120 * 2 * RATE
"""Bytes of sound that wait to be taken."""
_GOODBYE = 1.0
"""Seconds in which the server must have taken our leave; nobody waits for it."""
_AHEAD = 64
"""Messages that may wait to be sent before speech is taken on."""


class Inbox(Generic[T]):
    """What has come for one who waits, in order, and then the failure that ended it."""

    def __init__(self) -> None:
        self._things: deque[tuple[T, int]] = deque()
        self._come = asyncio.Event()
        self._failure: Exception | None = None
        self._bytes = 0

    def put(self, thing: T, size: int = 0) -> None:
        """Add something, of so many bytes; where too many wait, it fails instead."""
        if self._bytes + size > _MOST_SOUND:
            self._things.clear()
            self.fail(EngineError(f"more than {_MOST_SOUND // RATE // 2} seconds of sound wait to be taken"))
        if self._failure is None:
            self._bytes += size
            self._things.append((thing, size))
            self._come.set()

    def fail(self, error: Exception) -> None:
        """Let whoever waits have what has come already, and then this."""
        self._failure = self._failure or error
        self._come.set()

    async def get(self, within: float | None = None) -> T:
        """Return what comes next. Raises TimeoutError, or the failure."""
        async with asyncio.timeout(within):
            while not self._things:
                if self._failure is not None:
                    raise self._failure
                self._come.clear()
                await self._come.wait()
        thing, size = self._things.popleft()
        self._bytes -= size
        return thing


class Wire:
    """One open WebSocket: sends what it is given in order, and hands over each message that comes."""

    def __init__(
        self, socket: "aiohttp.ClientWebSocketResponse", take: Callable[[bytes], None], broke: Callable[[str], None]
    ) -> None:
        """``broke`` is told once why no message will come any more."""
        self._socket, self._take, self._broke = socket, take, broke
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self.open = True
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    def post(self, message: dict[str, Any]) -> None:
        """Send a message when all before it are sent; it is dropped where the connection is lost."""
        if self.open:
            self._out.put_nowait(message)
            if self._out.qsize() > _AHEAD:
                self._room.clear()

    async def room(self) -> None:
        """Wait while much is still to be sent."""
        await self._room.wait()

    def close(self) -> None:
        """Leave; nobody is told, and nobody waits for the goodbye."""
        self._shut()
        for task in self._tasks:
            task.cancel()

    def _shut(self) -> None:
        self.open = False
        self._room.set()

    async def _read(self) -> None:
        import aiohttp

        reason = "the connection broke"
        try:
            while True:
                message = await self._socket.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    reason = _reason(message)
                    return
                self._take(message.data.encode() if isinstance(message.data, str) else message.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason = f"sent what is no message of its protocol: {error}"
        except (aiohttp.ClientError, OSError) as error:
            reason = f"the connection broke: {error}"
        finally:
            told = self.open
            self._shut()
            self._tasks[1].cancel()
            if told:
                self._broke(reason)
            with suppress(Exception):
                async with asyncio.timeout(_GOODBYE):
                    await self._socket.close()

    async def _write(self) -> None:
        while True:
            message = await self._out.get()
            with suppress(ConnectionError):  # whoever reads finds out, and tells
                await self._socket.send_str(msgspec.json.encode(message).decode())
            if self._out.qsize() <= _AHEAD:
                self._room.set()


def _reason(message: "aiohttp.WSMessage") -> str:
    """Say why the server has left."""
    import aiohttp

    if message.type == aiohttp.WSMsgType.CLOSE:
        return f"closed the connection ({message.data}): {message.extra or 'no reason given'}"
    return f"the connection broke: {message.data or 'no reason given'}"
