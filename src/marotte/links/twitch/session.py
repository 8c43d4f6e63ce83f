"""One life of EventSub over WebSocket: welcome, keepalive, moving house, and its end.

https://dev.twitch.tv/docs/eventsub/handling-websocket-events, https://dev.twitch.tv/docs/eventsub/websocket-reference

The client sends nothing but pongs. When Twitch asks us to move, the old connection is read until the new one is
welcomed and for a while beyond, so that nothing is lost on the way; what comes over both is told apart by its id.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from marotte.links.twitch.frames import LARGEST, Frame
from marotte.links.twitch.hearing import Hearing
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

log = logging.getLogger(__name__)

DIAL = 10.0
"""Seconds to a connection and its welcome."""
KEEPALIVE = 10.0
"""Seconds of silence where the welcome names none."""
GRACE = 2.0
"""Seconds by which a keepalive may be late."""
DRAIN = 2.0
"""Seconds for which the old connection is still read after we have moved."""
AT_ONCE = 20
"""So many frames of a flood are read before others have their turn."""
AGAIN = 0.5
"""Seconds between attempts to find a new connection while the old one still serves."""
ABNORMAL = 1006
SILENT = 4008
"""Ours: nothing came for longer than was promised."""
UNREACHABLE = 0
MEANING = {
    4000: "Twitch has an error of its own",
    4001: "Twitch says that we spoke, which nobody may there",
    4002: "Twitch missed our answer to a ping",
    4003: "Twitch saw us subscribe to nothing",
    4004: "Twitch waited for us to move",
    4005: "Twitch's network was too slow",
    4006: "Twitch's network failed",
    4007: "Twitch does not know the address that it sent us to",
    ABNORMAL: "the connection broke",
    SILENT: "Twitch fell silent",
}


class Ended(Exception):
    """The connection is over: ``code`` is that of its close, or one of ours."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(why or MEANING.get(code, "Twitch closed the connection") + f" ({code})")
        self.code = code


class Socket:
    """One connection."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse", hearing: Hearing, clock: Clock) -> None:
        self.id = ""
        self.heard = clock.now()
        """When something came last."""
        self._socket, self._hearing, self._clock = socket, hearing, clock
        self._patience = DIAL
        self._read = 0

    async def welcomed(self) -> None:
        """Wait for the welcome. Raises Ended."""
        while True:
            frame = await self.next()
            session = frame.payload.session
            if frame.metadata.message_type == "session_welcome" and session is not None and session.id:
                self.id = session.id
                told = session.keepalive_timeout_seconds
                self._patience = (min(told, 600.0) if told and told > 0 else KEEPALIVE) + GRACE
                return

    async def next(self) -> Frame:
        """Return the next frame that is about the connection itself; the others are heard. Raises Ended."""
        import aiohttp

        while True:
            try:
                message = await self._socket.receive(self._patience)
            except TimeoutError:
                raise Ended(SILENT) from None
            except (aiohttp.ClientError, OSError):
                raise Ended(ABNORMAL) from None
            if message.type is aiohttp.WSMsgType.TEXT:
                self.heard = self._clock.now()
                self._read += 1
                if self._read % AT_ONCE == 0:  # what has come already is read without waiting
                    await asyncio.sleep(0)
                if (frame := self._hearing.frame(message.data)) is not None:
                    return frame
            elif message.type is not aiohttp.WSMsgType.BINARY:
                raise Ended(self._socket.close_code or ABNORMAL)

    async def close(self) -> None:
        """Let go."""
        with suppress(Exception):
            async with asyncio.timeout(1.0):
                await self._socket.close()


class Session:
    """One life, over one connection after another."""

    def __init__(
        self,
        http: "aiohttp.ClientSession",
        base: str,
        clock: Clock,
        hearing: Hearing,
        subscribe: Callable[[str], Awaitable[None]],
        revoked: Callable[[str, str], None],
    ) -> None:
        """``subscribe`` is called with the id of each session that has no subscriptions yet; ``revoked`` with the type
        of a subscription that Twitch took back, and why."""
        self.heard = 0.0
        """When something came last, on the clock; 0: nothing ever has."""
        self._http, self._base, self._clock = http, base, clock
        self._hearing, self._subscribe, self._revoked = hearing, subscribe, revoked
        self._open: set[Socket] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> NoReturn:
        """Connect, subscribe, and hear until the connection ends. Raises Ended, and what ``subscribe`` raises."""
        tasks: list[asyncio.Future[None]] = []
        try:
            socket = await self._dial(self._base)
            subscribing = asyncio.ensure_future(self._subscribe(socket.id))
            tasks = [asyncio.ensure_future(self._stay(socket)), subscribing, self._failed]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in reversed(tasks):
                if task.done():
                    task.result()
            raise Ended(ABNORMAL)
        finally:
            for task in (*tasks, *self._settling):
                task.cancel()
            await asyncio.gather(*tasks, *self._settling, return_exceptions=True)
            await asyncio.gather(*(self._leave(socket) for socket in list(self._open)))

    async def _stay(self, socket: Socket) -> None:
        """Read one connection after another. Raises Ended."""
        while True:
            where = await self._read(socket)
            socket = await self._move(socket, where)

    async def _dial(self, address: str) -> Socket:
        """Connect and be welcomed. Raises Ended."""
        import aiohttp

        try:
            async with asyncio.timeout(DIAL):
                opened = await self._http.ws_connect(address, max_msg_size=4 * LARGEST, autoclose=True)
        except TimeoutError:
            raise Ended(UNREACHABLE, f"Twitch does not answer within {DIAL:.0f} s") from None
        except aiohttp.WSServerHandshakeError as error:
            raise Ended(error.status, f"Twitch lets nobody in at present ({error.status})") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Ended(UNREACHABLE, f"Twitch cannot be reached: {type(error).__name__}") from None
        socket = Socket(opened, self._hearing, self._clock)
        self._open.add(socket)
        try:
            await socket.welcomed()
        except BaseException:
            await self._leave(socket)
            raise
        return socket

    async def _read(self, socket: Socket) -> str:
        """Read until Twitch asks us to move; return where to. Raises Ended."""
        try:
            while True:
                frame = await socket.next()
                kind = frame.metadata.message_type
                if kind == "session_reconnect":
                    session = frame.payload.session
                    return (session.reconnect_url if session else None) or self._base
                if kind == "revocation":
                    told = frame.payload.subscription
                    name = frame.metadata.subscription_type or (told.type if told else "")
                    self._revoked(name[:100], told.status[:100] if told else "")
                elif kind not in ("session_keepalive", "session_welcome"):
                    self._hearing.counted["unknown"] += 1
        finally:
            self.heard = max(self.heard, socket.heard)

    async def _move(self, old: Socket, where: str) -> Socket:
        """Go over to a new connection with all that is subscribed to; the old one is read meanwhile. Raises Ended."""
        self._hearing.counted["moves"] += 1
        reading = asyncio.ensure_future(self._read(old))
        try:
            new, fresh = await self._elsewhere(where, reading)
        except BaseException:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            raise
        settling = asyncio.ensure_future(self._settle(old, reading, new.id if fresh else ""))
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        return new

    async def _elsewhere(self, where: str, reading: "asyncio.Future[str]") -> tuple[Socket, bool]:
        """Return the new connection, and whether it is fresh: not where we were sent to, and without subscriptions.

        Raises Ended, also where the old connection has not lasted until there is a fresh one.
        """
        try:
            return await self._dial(where), False
        except Ended as error:
            log.warning("twitch: the new connection cannot be had: %s; a fresh one is made", error)
        while True:
            try:
                new = await self._dial(self._base)
            except Ended:
                if reading.done():
                    raise
                await self._clock.sleep(AGAIN)
                continue
            if not reading.done():
                return new, True
            # Nobody has listened since the old one died: that is a gap, of which only a new beginning tells.
            await self._leave(new)
            raise reading.exception() or Ended(ABNORMAL)

    async def _settle(self, old: Socket, reading: "asyncio.Future[str]", fresh: str) -> None:
        """Subscribe a ``fresh`` session, by its id; read what is still on its way to the old one, and leave that."""
        try:
            if fresh:
                await self._subscribe(fresh)
            await asyncio.wait({reading}, timeout=DRAIN)
            await self._leave(old)
        except Exception as error:
            if not self._failed.done():
                self._failed.set_exception(error)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _leave(self, socket: Socket) -> None:
        self._open.discard(socket)
        await socket.close()
