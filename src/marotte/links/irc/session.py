"""One connection to an IRC server: greeting, capabilities, SASL, nick, channels, pings, until it ends.

Sources: modern.ircdocs.horse, ircv3.net/specs (capability negotiation 302, SASL 3.1, labeled-response, batch),
dev.twitch.tv/docs/chat/irc.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, NoReturn

from marotte.config_links import Channel
from marotte.links.irc.message import Message, Splitter, clean, fit, parse
from marotte.links.pace import Backoff
from marotte.time import Clock

REGISTRATION = 30.0
"""Seconds to the server's welcome."""
QUIET = 90.0
"""Seconds of silence after which the server is asked whether it is there."""
ANSWER = 20.0
"""Seconds that it has to answer, be it a ping or a message with a label."""
REGAIN = 60.0
"""Seconds between two attempts to get our own nick back."""
GOODBYE = 0.4
REFUSED_PAUSE = 900.0
BANNED_PAUSE = 3600.0
BACKLOG = 1 << 16
"""Bytes that may wait for a server that does not read."""

_CAPABILITIES = (
    "message-tags", "server-time", "account-tag", "echo-message", "batch", "labeled-response",
    "twitch.tv/tags", "twitch.tv/commands",
)  # fmt: skip
_OF_USE = frozenset((*_CAPABILITIES, "sasl"))
_PLAYBACK = ("chathistory", "znc.in/playback")
_NOT_JOINED = ("403", "405", "437", "471", "473", "474", "475", "476", "477", "489", "520")
_LOGIN_FAILED = ("login authentication failed", "login unsuccessful", "improperly formatted auth", "invalid nick")
_BANS = ("k-lined", "g-lined", "z-lined", "banned")
_DENIALS = ("access denied", "password", "unauthorized", "not authorized")


class Lost(Exception):
    """The connection is over; the message says why."""


class Refused(Lost):
    """The server does not want us as we are: only a long ``pause``, in seconds, can help."""

    def __init__(self, why: str, pause: float = REFUSED_PAUSE) -> None:
        super().__init__(why)
        self.pause = pause


@dataclass
class Counters:
    """What a link has done since the run began."""

    lines: int = 0
    malformed: int = 0
    sent: int = 0
    dropped: int = 0
    reconnects: int = 0


class Session:
    """One connection, from the greeting to its end."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        settings: Channel,
        password: str,
        clock: Clock,
        rng: Random,
        counters: Counters,
        hear: Callable[[Message], None],
        tell: Callable[[str], None],
    ) -> None:
        """``hear`` gets what people write; ``tell`` gets "" once we are in, then what an operator should know."""
        self.nick = settings.nick
        self.up_since: float | None = None
        self._reader, self._writer = reader, writer
        self._settings, self._password = settings, password
        self._clock, self._rng, self._counters = clock, rng, counters
        self._hear, self._tell = hear, tell
        self._splitter = Splitter()
        self._offered: dict[str, str] = {}
        self._capabilities: set[str] = set()
        self._authenticated = False
        self._collisions = 0
        self._address = f"{'u' * 11}@{'h' * 63}"  # the longest that there is, until the server shows ours
        self._playback: set[str] = set()
        self._channels = {channel.split()[0].lower(): channel for channel in settings.channels if channel.strip()}
        self._joined: dict[str, float] = {}
        self._rejoin = {name: Backoff(rng, 4.0, 300.0) for name in self._channels}
        self._labels: dict[str, asyncio.Future[str]] = {}
        self._numbers = count(1)
        self._timers: set[asyncio.TimerHandle] = set()

    async def run(self) -> NoReturn:
        """Register, then take what comes until the connection ends. Raises Lost, Refused, or OSError."""
        self.write("CAP LS 302")
        if self._password and not self._settings.account:
            self.write(f"PASS {self._password}")
        self.write(f"NICK {self.nick}")
        self.write(f"USER {self.nick} 0 * :{self._settings.realname}")
        try:
            async with asyncio.timeout(REGISTRATION):
                while self.up_since is None:
                    await self._take()
        except TimeoutError:
            raise Lost(f"the server gave no welcome within {REGISTRATION:.0f} s") from None
        while True:
            try:
                async with asyncio.timeout(QUIET):
                    await self._take()
                continue
            except TimeoutError:
                self.write("PING :marotte")
            try:
                async with asyncio.timeout(ANSWER):
                    await self._take()
            except TimeoutError:
                raise Lost(f"the server has been silent for {QUIET + ANSWER:.0f} s") from None

    def say(self, target: str, text: str) -> asyncio.Future[str]:
        """Write ``text`` (cut to what one line holds) to a channel or nick.

        The future gives "" once the server has taken it, else what it objects. Where the server cannot label its
        answers, to have written it is all that can be known. Raises Lost.
        """
        room = 510 - len(f":{self.nick}!{self._address} PRIVMSG {target} :".encode())
        line = f"PRIVMSG {target} :{fit(clean(text), room)}"
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._capabilities >= {"labeled-response", "echo-message"}:
            label = str(next(self._numbers))
            self.write(f"@label={label} {line}")
            self._labels[label] = answer
            self._later(ANSWER, self._answer, label, f"the server did not confirm it within {ANSWER:.0f} s")
        else:
            self.write(line)
            answer.set_result("")
        return answer

    def write(self, line: str) -> None:
        """Write one line; whatever is in ``line``, it stays one. Raises Lost where nobody reads it."""
        if self._writer.transport.is_closing():
            raise Lost("the connection is broken")
        if self._writer.transport.get_write_buffer_size() > BACKLOG:
            raise Lost("the server does not read what we write")
        one = line.replace("\r", " ").replace("\n", " ").replace("\0", " ")
        self._writer.write(one.encode("utf-8", "replace") + b"\r\n")

    async def quit(self) -> None:
        """Say goodbye and wait at most ``GOODBYE`` seconds until the server hangs up."""
        try:
            self.write("QUIT :The curtain falls")
            async with asyncio.timeout(GOODBYE):
                while await self._reader.read(1 << 16):
                    pass
        except (OSError, Lost):
            pass

    def close(self) -> None:
        """Let go of everything at once."""
        for timer in self._timers:
            timer.cancel()
        for label in list(self._labels):
            self._answer(label, "the connection broke before the server confirmed it")
        self._writer.transport.abort()

    # --- what comes ------------------------------------------------------------------------------------------------

    async def _take(self) -> None:
        data = await self._reader.read(1 << 16)
        if not data:
            raise Lost("the server closed the connection")
        refused = self._splitter.refused
        for line in self._splitter.feed(data):
            if line.strip():
                self._counters.lines += 1
                message = parse(line)
                if message is None:
                    self._counters.malformed += 1
                else:
                    self._handle(message)
        self._counters.malformed += self._splitter.refused - refused

    def _handle(self, message: Message) -> None:
        command = message.command
        if self._labels and (label := message.tags.get("label")):
            self._answer(label, "" if not (command.isdigit() and command >= "400") else message.text)
        if command in ("PRIVMSG", "USERNOTICE"):
            # What a server plays back was answered in its time.
            if not self._playback or message.tags.get("batch") not in self._playback:
                self._hear(message)
        elif command == "PING":
            self.write(f"PONG :{message.text}")
        else:
            if self.up_since is None:
                self._register(message)
            self._follow(message)

    def _register(self, message: Message) -> None:
        """Come to the welcome."""
        match message.command:
            case "CAP":
                self._negotiate(message)
            case "AUTHENTICATE":
                secret = f"\0{self._settings.account}\0{self._password}".encode()
                packed = base64.b64encode(secret).decode()
                for start in range(0, len(packed) + 1, 400):  # a piece of less than 400, if need be empty, is the last
                    self.write(f"AUTHENTICATE {packed[start : start + 400] or '+'}")
            case "903":
                self._authenticated = True
                self.write("CAP END")
            case "902" | "904" | "905" | "906" | "908":
                raise Refused(f"the server refuses the account {self._settings.account!r}: {message.text}")
            case "432":
                raise Refused(f"the server refuses the nick {self.nick!r}: {message.text}")
            case "433" | "436" | "437":
                self._another_nick()
            case "NOTICE" if message.text.lower() in _LOGIN_FAILED:
                raise Refused(message.text)
            case "001":
                self._welcome(message)
            case _:
                pass

    def _negotiate(self, message: Message) -> None:
        verb, words = message.param(1), message.text.split()
        if verb == "LS":
            offers = (word.partition("=") for word in words)
            self._offered |= {name: value for name, _, value in offers if name in _OF_USE}
            if message.param(2) == "*":  # more of the list comes
                return
            wanted = [name for name in _CAPABILITIES if name in self._offered]
            if self._settings.account:
                mechanisms = self._offered.get("sasl", "none").upper()
                if mechanisms and "PLAIN" not in mechanisms.split(","):
                    raise Refused("an account is set, but the server offers no SASL PLAIN")
                wanted.append("sasl")
            self.write(f"CAP REQ :{' '.join(wanted)}" if wanted else "CAP END")
        elif verb == "ACK":
            self._capabilities |= _OF_USE.intersection(words)
            self.write("AUTHENTICATE PLAIN" if "sasl" in words else "CAP END")
        elif verb == "NAK":
            self.write("CAP END")

    def _another_nick(self) -> None:
        self._collisions += 1
        if self._collisions > 8:
            raise Lost("no nick is free")
        wanted = self._settings.nick
        # Where the server shortens nicks, an underscore at the end changes nothing; digits within do.
        many = f"{wanted[:5]}{self._rng.randrange(1000):03}"
        self.nick = wanted + "_" * self._collisions if self._collisions < 3 else many
        self.write(f"NICK {self.nick}")

    def _welcome(self, message: Message) -> None:
        if self._settings.account and not self._authenticated:
            raise Refused("an account is set, but the server offers no SASL PLAIN")
        self.nick = message.param(0) or self.nick
        self.up_since = self._clock.now()
        self._tell("")
        for place, channel in enumerate(self._channels.values()):
            late = max(0, place - self._settings.burst + 1) * self._settings.window / self._settings.burst
            self._later(late, self.write, f"JOIN {channel}")
        self._later(REGAIN, self._regain)

    def _follow(self, message: Message) -> None:
        """Keep up with what becomes of us: nick, channels, labels, and the end."""
        ours = message.nick == self.nick
        match message.command:
            case "JOIN" if ours:
                if (name := message.param(0).lower()) in self._channels:
                    self._joined[name] = self._clock.now()
                self._address = message.source.partition("!")[2] or self._address
            case "PART" if ours:
                self._out(message.param(0), f"we were made to leave {message.param(0)}")
            case "KICK" if message.param(1) == self.nick:
                self._out(message.param(0), f"kicked out of {message.param(0)} by {message.nick}: {message.text}")
            case command if command in _NOT_JOINED and len(message.params) > 2:
                self._out(message.param(1), f"cannot join {message.param(1)}: {message.text}")
            case "NICK":
                if ours:
                    self.nick = message.param(0) or self.nick
                elif message.nick == self._settings.nick:
                    self._regain_now()
            case "QUIT" if message.nick == self._settings.nick:
                self._regain_now()
            case "BATCH":
                self._batch(message)
            case "464":
                raise Refused(f"the server refuses the password: {message.text}")
            case "465":
                raise Refused(f"banned from the server: {message.text}", BANNED_PAUSE)
            case "KILL" if message.param(0) == self.nick:
                raise Lost(f"killed by {message.nick}: {message.text}")
            case "RECONNECT":
                raise Lost("the server asks us to connect anew")
            case "ERROR":
                self._dismissed(message.text)
            case _:
                pass

    def _dismissed(self, why: str) -> NoReturn:
        """The server ends the connection; whether it would take us back, only its words can tell."""
        said = why.lower()
        if any(ban in said for ban in _BANS):
            raise Refused(why, BANNED_PAUSE)
        raise Refused(why) if self.up_since is None and any(word in said for word in _DENIALS) else Lost(why)

    def _batch(self, message: Message) -> None:
        reference = message.param(0)
        if reference.startswith("-"):
            self._playback.discard(reference[1:])
        elif message.param(1) in _PLAYBACK and len(self._playback) < 100:
            self._playback.add(reference[1:])

    def _out(self, name: str, why: str) -> None:
        """We are not in a channel of ours: come back after a while."""
        channel = self._channels.get(name.lower())
        if channel is None:
            return
        self._tell(why)
        joined = self._joined.pop(name.lower(), self._clock.now())
        wait = 1.0 + self._rejoin[name.lower()].next(self._clock.now() - joined)
        self._later(wait, self.write, f"JOIN {channel}")

    def _regain(self) -> None:
        self._regain_now()
        self._later(REGAIN, self._regain)

    def _regain_now(self) -> None:
        if self.nick != self._settings.nick:
            self.write(f"NICK {self._settings.nick}")

    def _answer(self, label: str, result: str) -> None:
        answer = self._labels.pop(label, None)
        if answer is not None and not answer.done():
            answer.set_result(result)

    def _later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Call ``call`` in so many seconds, unless the connection has ended by then."""

        def due() -> None:
            self._timers.discard(timer)
            try:
                call(*arguments)
            except Lost:
                self._writer.transport.abort()  # which ends the reading, and with it the session

        timer = asyncio.get_running_loop().call_later(seconds, due)
        self._timers.add(timer)
