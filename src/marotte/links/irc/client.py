"""A client that keeps its connection to one IRC server and writes within the server's limits."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from random import Random
from typing import NoReturn

from marotte.config_links import Channel
from marotte.links.irc.message import Message, clean, is_target
from marotte.links.irc.session import Counters, Lost, Refused, Session
from marotte.links.link import State
from marotte.links.pace import Backoff, Window
from marotte.time import Clock

CONNECT = 20.0
"""Seconds to a connection, TLS included."""
STALE = 20.0
"""Seconds after which a line that still waits is dropped: an answer that comes late is worse than none."""
WAITING = 100
"""At most so many lines wait."""
LONGEST_PAUSE = 300.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(settings: Channel) -> Streams:
    """Open a connection, with TLS where the settings say so. Raises OSError, or ValueError for a host that is none."""
    context = None
    if settings.tls:
        context = ssl.create_default_context()
        if not settings.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(CONNECT):
            return await asyncio.open_connection(settings.host, settings.port, ssl=context)
    except TimeoutError:
        raise OSError(f"no connection within {CONNECT:.0f} s") from None


class Client:
    """Keeps a session with one server, whatever happens to it."""

    def __init__(
        self,
        settings: Channel,
        password: str,
        clock: Clock,
        rng: Random,
        hear: Callable[[Message], None],
        tell: Callable[[State, str], None],
        connect: Callable[[Channel], Awaitable[Streams]] = connect,
    ) -> None:
        """``hear`` gets every message that somebody writes, ``tell`` each change of the connection."""
        self.counters = Counters()
        self._settings, self._password = settings, password
        self._clock, self._rng = clock, rng
        self._hear, self._tell, self._connect = hear, tell, connect
        self._session: Session | None = None
        self._up = asyncio.Event()
        self._window = Window(settings.burst, settings.window)
        self._turn = asyncio.Lock()
        self._waiting = 0

    @property
    def nick(self) -> str:
        """Our nick as the server has it now."""
        return self._session.nick if self._session else self._settings.nick

    async def run(self) -> NoReturn:
        """Stay connected until cancelled; then say goodbye, within half a second."""
        backoff = Backoff(self._rng, 1.0, LONGEST_PAUSE)
        while True:
            self._tell("connecting", f"{self._settings.host}:{self._settings.port}")
            try:
                lasted, error = await self._stay()
            except (OSError, ValueError) as failure:  # ValueError: a host name that cannot be one
                lasted, error = 0.0, Lost(str(failure))
            if isinstance(error, Refused):
                pause = error.pause * self._rng.uniform(1.0, 1.5)
                self._tell("refused", f"{error}; tried again in {pause / 60:.0f} min")
            else:
                pause = backoff.next(lasted)
                self._tell("down", f"{error}; connects again in {pause:.0f} s")
            await self._clock.sleep(pause)
            self.counters.reconnects += 1

    async def _stay(self) -> tuple[float, Lost]:
        """Hold one session; return how many seconds it was up and why it ended. Raises what ``connect`` raises."""
        reader, writer = await self._connect(self._settings)
        session = self._session = Session(
            reader,
            writer,
            self._settings,
            self._password,
            self._clock,
            self._rng,
            self.counters,
            self._hear,
            self._news,
        )
        try:
            await session.run()
        except (Lost, OSError) as error:
            lasted = 0.0 if session.up_since is None else self._clock.now() - session.up_since
            return lasted, error if isinstance(error, Lost) else Lost(str(error) or type(error).__name__)
        except asyncio.CancelledError:
            await session.quit()
            raise
        finally:
            self._up.clear()
            self._session = None
            session.close()

    def _news(self, news: str) -> None:
        if not news:
            self._up.set()
            news = f"as {self.nick} on {self._settings.host}"
        self._tell("up", news)

    async def send(self, target: str, text: str, waited: float = 0.0) -> str:
        """Write ``text`` to a channel or nick as soon as the flood limit allows, in the order of the calls.

        It becomes stale ``STALE`` seconds after it was said; ``waited`` of them have passed before this call.
        Returns "" if it was sent and, where the server says so, taken; else why not.
        """
        if not is_target(target):
            return f"{target[:50]!r} is no channel or nick"
        if not clean(text):
            return "there is nothing to send"
        if waited >= STALE or self._waiting >= WAITING:
            self.counters.dropped += 1
            return (
                f"it has waited {waited:.0f} s and is stale now" if waited >= STALE else f"{WAITING} lines wait already"
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(STALE - waited), self._turn:
                answer = (await self._allowed()).say(target, text)
        except TimeoutError:
            self.counters.dropped += 1
            return f"it could not be sent within {STALE:.0f} s and is stale now"
        except Lost as error:
            self.counters.dropped += 1
            return str(error)
        finally:
            self._waiting -= 1
        self.counters.sent += 1
        return await answer

    def reply(self, nick: str, text: str) -> None:
        """Answer a CTCP request with a notice, unless a line of the character's would have to wait for it."""
        now = self._clock.now()
        if self._session and is_target(nick) and not self._turn.locked() and self._window.delay(now) == 0:
            self._window.note(now)
            self._session.write(f"NOTICE {nick} :\x01{clean(text)}\x01")

    async def _allowed(self) -> Session:
        """Wait until we are connected and the flood limit allows one more; count it."""
        while True:
            await self._up.wait()
            now = self._clock.now()
            delay = self._window.delay(now)
            if delay == 0 and self._session is not None:
                self._window.note(now)
                return self._session
            await self._clock.sleep(delay)
