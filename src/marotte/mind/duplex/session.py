"""What the sessions of duplex engines share: a connection when it is needed, and speech that goes out as it comes."""

import asyncio
import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, ClassVar

from marotte.engines.http import Server
from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited, Heard, Kit, Prompt, Sound
from marotte.mind.duplex.wire import LARGEST_MESSAGE, RATE, Inbox, Wire

LARGEST_TEXT = 100_000
"""Characters of one transcript, or of one reply."""
_LONGEST = 600
"""Seconds of one speech."""
_HEARTBEAT = 20.0
"""Seconds of silence after which it is seen whether the line still lives: one that a router has forgotten says nothing,
and a turn must not be the one to find out."""


class LiveSession(ABC):
    """One partner's conversation over a WebSocket, which is opened when it is needed and anew when it was lost."""

    name: ClassVar[str]
    """For error messages."""
    rate: ClassVar[int] = 16_000
    """Samples a second of the sound that the provider takes."""
    oldest: ClassVar[float]
    """Seconds after which a connection is renewed before the provider ends it."""

    def __init__(
        self,
        server: Server,
        kit: Kit,
        about: Callable[[], Awaitable[Prompt]],
        *,
        within: float,
        patience: float,
    ) -> None:
        """``within``: seconds to connect; ``patience``: seconds from the end of speech to its transcript."""
        self._server, self._kit, self._about = server, kit, about
        self._within, self._patience = within, patience
        self._wire: Wire | None = None
        self._opened = 0.0
        self._leaving = False
        """The provider has said that it will soon end the connection."""
        self._opening = asyncio.Lock()
        self._greeting: Inbox[None] = Inbox()
        self._hearing: Inbox[Heard | None] | None = None
        self._words = ""
        """What was understood so far of what is being said."""
        self._shown = ""
        """What was told of it last."""
        self._language = ""
        self._ended = False
        """What is being heard has been said to its end."""
        self._stands = False
        """What is to be answered stands in the provider's conversation."""

    # --- what an engine adds

    @abstractmethod
    def _address(self) -> str:
        """Return where to connect to."""

    @abstractmethod
    def _greet(self, about: Prompt) -> Iterator[dict[str, Any]]:
        """Yield what opens the conversation; the first message is answered by the provider, see ``_greeting``."""

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Take a message. May raise what a JSON decoder raises, or EngineError."""

    @abstractmethod
    def _fail(self, error: EngineError) -> None:
        """Tell whoever waits for a reply."""

    @abstractmethod
    def _start(self) -> None:
        """Begin to hear."""

    @abstractmethod
    def _say(self, pcm: str) -> None:
        """Pass a piece of speech on, as base64 at ``rate``."""

    @abstractmethod
    def _end(self, seconds: float) -> None:
        """End a speech of that length."""

    @abstractmethod
    def _unhear(self) -> None:
        """Undo a hearing that was cut or failed, before or after the speech had ended."""

    def _late(self) -> Heard | None:
        """Return what was understood where nothing more has come of it, or None where that is a failure."""
        return None

    # --- hearing

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Take 16 kHz speech as it comes, and yield what is understood of it; the provider keeps the sound."""
        self._stands, self._words, self._shown, self._language = False, "", "", language
        await self._connect(anew=True)
        self._hearing, self._ended = Inbox[Heard | None](), False
        inbox = self._hearing
        self._start()
        saying = asyncio.create_task(self._listen(speech, inbox))
        within = None
        try:
            while True:
                try:
                    heard = await inbox.get(within)
                except TimeoutError:
                    heard = self._late()
                    if heard is None:
                        told = f"{self.name}: no transcript came within {self._patience:g} s"
                        raise EngineError(told) from None
                if heard is None:
                    within = self._patience
                    continue
                self._stands = heard.final
                yield heard
                if heard.final:
                    return
        finally:
            saying.cancel()
            self._hearing = None
            if not self._stands:
                self._unhear()

    async def _listen(self, speech: AsyncIterator[bytes], inbox: Inbox[Heard | None]) -> None:
        """Pass speech on to its end, then tell the inbox so."""
        resampled, length = _Resampler(self.rate), 0
        try:
            async for pcm in speech:
                length += len(pcm)
                if length > _LONGEST * 32_000:
                    raise EngineUnsuited(f"{self.name}: more than {_LONGEST} seconds of speech")
                self._pass(resampled.take(pcm))
                if self._wire:
                    await self._wire.room()
            self._pass(resampled.take(b"", last=True))
            self._end(length / 32_000)
            self._ended = True
            inbox.put(None)
        except Exception as error:  # of whoever hears: it is theirs
            inbox.fail(error)

    def _pass(self, pcm: bytes) -> None:
        if pcm:
            self._say(base64.b64encode(pcm).decode())

    def _understood(self, more: str, *, guessed: str = "", final: bool = False, language: str = "") -> None:
        """Tell who hears what was understood, so far or all of it; what is only ``guessed`` will be told again."""
        self._words += more
        if self._hearing is None:
            return
        text = f"{self._words}{guessed}".strip()
        if len(self._words) > LARGEST_TEXT:
            self._hearing.fail(EngineError(f"{self.name}: sent a transcript of more than {LARGEST_TEXT} characters"))
        elif final or text != self._shown:
            self._shown = text
            self._hearing.put(Heard(text=text, language=language or self._language, final=final))

    # --- the connection

    async def close(self) -> None:
        """Leave at once."""
        self._broke("the conversation was closed")
        self._drop()

    def _drop(self) -> None:
        if self._wire:
            self._wire.close()
        self._wire = None

    def _post(self, message: dict[str, Any]) -> None:
        if self._wire:
            self._wire.post(message)

    async def _connect(self, *, anew: bool) -> None:
        """See that the connection is open; ``anew``: this is a moment at which an old one may be left for another.

        Raises EngineUnavailable.
        """
        async with self._opening:
            old = self._leaving or self._kit.clock.now() - self._opened > self.oldest
            if self._wire and self._wire.open and not (anew and old and self._hearing is None):
                return
            self._broke("the connection was lost, or renewed")
            self._drop()
            self._stands = False
            try:
                async with asyncio.timeout(self._within):
                    await self._open(await self._about())
            except TimeoutError:
                self._drop()
                raise EngineUnavailable(
                    f"{self.name}: {self._server.url} was not ready within {self._within:g} s"
                ) from None
            except EngineError as error:
                self._drop()
                wait = error.retry_after if isinstance(error, EngineUnavailable) else 0.0
                raise EngineUnavailable(str(error), wait) from None
            except BaseException:
                self._drop()
                raise

    async def _open(self, about: Prompt) -> None:
        import aiohttp

        self._greeting = Inbox()
        try:
            socket = await self._kit.http().ws_connect(
                self._address(),
                headers=self._server.headers(),
                max_msg_size=LARGEST_MESSAGE,
                heartbeat=_HEARTBEAT,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise self._server.refused(error.status, error.headers) from None
        except (aiohttp.ClientError, OSError) as error:
            told = self._server.clean(error)
            raise EngineUnavailable(f"{self.name}: {self._server.url} cannot be reached: {told}") from None
        self._wire = wire = Wire(socket, self._took, lambda reason: self._broke(reason, wire))
        self._opened, self._leaving = self._kit.clock.now(), False
        greeting = self._greet(about)
        wire.post(next(greeting))
        await self._greeting.get()
        for message in greeting:
            wire.post(message)

    def _took(self, data: bytes) -> None:
        try:
            self._take(data)
        except EngineError as error:
            self._fail(error)

    def _broke(self, reason: str, wire: Wire | None = None) -> None:
        """Tell everybody who waits that the connection is lost."""
        if wire is not None and wire is not self._wire:
            return
        error = EngineError(f"{self.name}: {self._server.clean(reason)}")
        for inbox in (self._greeting, self._hearing):
            if inbox:
                inbox.fail(error)
        self._fail(error)


class _Resampler:
    """Brings 16 kHz speech to another rate, piece by piece."""

    def __init__(self, rate: int) -> None:
        self._rest = b""
        self._stream: Any = None
        if rate != 16_000:
            import soxr  # pyright: ignore[reportMissingTypeStubs]

            self._stream = soxr.ResampleStream(16_000, rate, 1, dtype="int16", quality="MQ")

    def take(self, pcm: bytes, *, last: bool = False) -> bytes:
        """Return what can be told of the sound so far; half a sample waits for its other half."""
        import numpy as np

        pcm = self._rest + pcm
        whole = len(pcm) // 2 * 2
        pcm, self._rest = pcm[:whole], pcm[whole:]
        if self._stream is None:
            return pcm
        samples: Any = self._stream.resample_chunk(np.frombuffer(pcm, "<i2"), last)
        return samples.astype("<i2").tobytes()


def sound(name: str, data: str, rate: int = RATE) -> Sound | None:
    """Read a piece of sound from base64, or None where it holds no sample. Raises EngineError."""
    try:
        pcm = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise EngineError(f"{name}: sent what is no base64 for sound") from None
    if len(pcm) % 2:
        raise EngineError(f"{name}: sent half a sample")
    return Sound(pcm=pcm, rate=rate) if pcm else None


def said(about: Prompt) -> Iterator[tuple[str, str]]:
    """Yield who said what before: ``user`` or ``assistant``, and the words with the speaker's name."""
    for message in about.history:
        if message.text.strip():
            named = message.name and message.role == "user"
            yield message.role, f"{message.name}: {message.text}" if named else message.text
