"""Sound that comes over HTTP as it is made: raw PCM or a WAV file, passed on in pieces."""

import math
import re
import sys
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, ClassVar

from marotte.engines.http import LARGEST_ERROR, Server, read
from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Kit, Sound
from marotte.engines.pcm import Form, mixed, read_form, to_pcm
from marotte.time import Clock

if TYPE_CHECKING:
    import aiohttp

LARGEST = 64_000_000
"""Bytes of sound for one line."""
_PIECES = ((0.1, 0.1, False, 0), (0.3, 0.1, False, 0.02), (1.0, 0.1, True, 0.05), (math.inf, 0.4, True, 0.25))
"""While less than the first lies ahead of the ear, a piece has at most the second, and waits, where the third says so,
until it has all of it; the next look at what has come is the fourth later. All in seconds. Each look and each piece
costs work on its way, so that there are fewer as soon as nobody waits for them.
"""
SHORTEST = 0.02
"""Seconds of sound; less is no speech, whatever it is."""
_LARGEST_HEADER = 65_536
_RATE = re.compile(r";\s*rate=(\d{4,6})\b")
"""What some servers tell of raw PCM: ``audio/pcm;rate=44100``."""


class HttpVoice:
    """What voices behind one HTTP server share; an engine adds its settings, its name and ``speak``."""

    Settings: ClassVar[type[EngineSettings]]
    stops_at_once: ClassVar[bool] = True
    name: ClassVar[str]
    """For error messages."""

    def __init__(self, settings: Any, kit: Kit) -> None:
        self._settings = settings
        self._clock = kit.clock
        self._server = self._reach(settings, kit)

    @classmethod
    def _reach(cls, settings: Any, kit: Kit) -> Server:
        return Server(cls.name, settings.url, kit, settings.secret)

    @classmethod
    def check(cls, settings: Any, kit: Kit) -> str:
        """Say what is missing for it to work, or ""."""
        return cls._reach(settings, kit).missing()

    async def warm(self) -> None:
        """Get ready to send."""
        await self._server.warm()

    async def close(self) -> None:
        """It holds nothing: the connections are the kit's."""

    async def _ask(self, method: str, path: str, rate: int = 0, **body: Any) -> AsyncIterator[Sound]:
        """Send a request and yield the sound of its answer; ``rate`` is that of raw PCM, where the server sends it."""
        async with self._server.request(method, path, **body) as response:
            async for sound in streamed(self.name, response, rate, self._clock, self._server.message):
                yield sound


def _text(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())[:300]


async def streamed(
    name: str,
    response: "aiohttp.ClientResponse",
    rate: int,
    clock: Clock,
    message: Callable[[bytes], str] = _text,
) -> AsyncIterator[Sound]:
    """Yield an answer's sound as mono 16-bit PCM at its own rate, in pieces as small as what lies ahead demands.

    A WAV file may hold whole numbers of 8 to 32 bits or floats, of up to 16 channels, and need not know its length.
    Raw PCM is mono, of 16 bits, at ``rate`` where its type tells none. ``message`` takes the reason out of a text that
    came instead of sound.

    Raises EngineUnavailable where it is not such sound, EngineError where there is none or far too much.
    """
    more, form, left = await _head(name, response, rate, message)
    taken = made = 0
    rest = pcm = b""
    began = clock.now()
    while True:
        taken += len(more)
        if taken > LARGEST:
            raise EngineError(f"{name}: sent more than {LARGEST // 1_000_000} MB for one line")
        rest += more[:left]
        left -= min(left, len(more))
        whole = len(rest) // form.frame * form.frame
        pcm += _mono(name, rest[:whole], form)
        rest = rest[whole:]
        ahead = made / 2 / form.rate - (clock.now() - began)
        _, length, full, nap = next(row for row in _PIECES if ahead < row[0])
        step = 2 * round(form.rate * length)
        ready = len(pcm) // step * step if full else len(pcm)
        for at in range(0, ready, step):
            yield Sound(pcm=pcm[at : min(at + step, ready)], rate=form.rate)
        made += ready
        pcm = pcm[ready:]
        if not left:
            break
        if nap:
            await clock.sleep(nap)
        if not (more := await response.content.readany()):
            break
    if pcm:
        yield Sound(pcm=pcm, rate=form.rate)
    if made + len(pcm) < 2 * form.rate * SHORTEST:
        raise EngineError(f"{name}: sent no sound")


def _mono(name: str, sound: bytes, form: Form) -> bytes:
    if (form.kind, form.channels, form.bits) == (1, 1, 16):
        return sound
    try:
        return to_pcm(mixed(sound, form))
    except ValueError as error:
        raise EngineError(f"{name}: sent sound that {error}") from None


async def _head(
    name: str, response: "aiohttp.ClientResponse", rate: int, message: Callable[[bytes], str]
) -> tuple[bytes, Form, int]:
    """Return the first sound, its form and how many bytes of it there are; servers send WAV whatever they are asked."""
    data, kind = await read(response, 4), response.content_type
    if not data:
        raise EngineError(f"{name}: sent no sound")
    if data[:4] == b"RIFF":
        return await _wav(name, response, data)
    if kind == "application/json" or kind.startswith("text/"):
        said = await read(response, LARGEST_ERROR, data)
        raise EngineUnavailable(f"{name}: sent {kind} instead of sound: {message(said[:LARGEST_ERROR])}")
    if data[:4] in (b"OggS", b"fLaC") or data[:3] == b"ID3" or (kind == "audio/mpeg" and data[:1] == b"\xff"):
        raise EngineUnavailable(f"{name}: sent compressed sound though raw PCM was asked for")
    told = _RATE.search(response.headers.get("Content-Type", ""))
    rate = int(told[1]) if told else rate
    if not 1_000 <= rate <= 384_000:
        raise EngineUnavailable(f"{name}: sent {kind} that is no WAV file")
    return data, Form(1, 1, rate, 16), sys.maxsize


async def _wav(name: str, response: "aiohttp.ClientResponse", data: bytes) -> tuple[bytes, Form, int]:
    """Walk through the chunks of a WAV file up to its sound."""
    form, place = None, 12
    while True:
        body = place + 8
        data = await read(response, body, data)
        kind, length = data[place : place + 4], int.from_bytes(data[place + 4 : body], "little")
        place = body if kind == b"data" else body + length + length % 2
        data = await read(response, min(place, _LARGEST_HEADER), data)
        if len(data) < place:
            raise EngineError(f"{name}: sent a WAV file without sound")
        if kind == b"data":
            if form is None:
                raise EngineUnavailable(f"{name}: sent a WAV file without a format")
            return data[body:], form, length or sys.maxsize  # 0: it was written before anybody knew
        if kind == b"fmt ":
            try:
                form = read_form(data[body : body + length])
            except ValueError as error:
                raise EngineUnavailable(f"{name}: sent a WAV file that {error}") from None
