"""Wyoming, the voice protocol of Home Assistant's add-ons: what the ear and the voice behind it share.

An event is a line of JSON, then as many bytes of JSON data and of payload as the line says.
https://github.com/OHF-Voice/wyoming (as of 1.10)
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator

from marotte.engines.kinds import EngineError, EngineUnavailable, EngineUnsuited

LARGEST = {"data_length": 8_000_000, "payload_length": 16_000_000}
"""Bytes of an event's data and of its payload."""
_LARGEST_LINE = 1_000_000
_CONNECT_WITHIN = 5.0
"""Seconds in which a server must answer, and in which it must say what it can do: who warms it up waits for that."""

Domain = Literal["asr", "tts"]


def _uri(uri: str) -> str:
    if not re.fullmatch(r"tcp://([^\s/:\[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5}|unix:///\S+", uri):
        raise ValueError("must be tcp://host:port or unix:///path of a socket")
    return uri


Uri = Annotated[str, AfterValidator(_uri)]


class Offer(NamedTuple):
    """A model or a voice that a server has."""

    name: str
    languages: tuple[str, ...]


class Program(NamedTuple):
    """What a server's first program of a kind can do."""

    streams: bool
    """Whether it gives a transcript, or takes a text, in pieces."""
    offers: tuple[Offer, ...]

    def tag(self, language: str, name: str = "") -> str:
        """Return a language as the server writes it: en as en_US; "" where it names no languages at all.

        Only the offer called ``name`` counts, where there is one. Raises EngineUnsuited where none has the language.
        """
        offers = [offer for offer in self.offers if offer.name == name] or self.offers
        tags = [tag for offer in offers for tag in offer.languages]
        if not tags or not language:
            return ""
        wanted = _subtags(language)
        for tag in tags:
            if _subtags(tag) == wanted:
                return tag
        for tag in tags:
            if _subtags(tag)[0] == wanted[0]:
                return tag
        raise EngineUnsuited(f"wyoming: {name or 'the server'} has no {language!r}")


class Event(NamedTuple):
    """One message of the protocol."""

    type: str
    data: dict[str, Any]
    payload: bytes = b""


class Wire:
    """One connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun = False
        """Whether it has given a piece of its answer: a failure is then another."""
        self._reader = reader
        self._writer = writer

    async def send(self, type: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> None:
        """Send an event. Where the connection is gone it is dropped: ``receive`` tells what the server said last."""
        said = json.dumps(data or {}, ensure_ascii=False).encode()
        head = {"type": type, "data_length": len(said), "payload_length": len(payload)}
        try:
            self._writer.write(json.dumps(head).encode() + b"\n" + said + payload)
            await self._writer.drain()
        except OSError:
            pass

    async def receive(self) -> Event:
        """Return the next event. Raises EngineError where the server says that it failed, breaks off or talks nonsense.

        Before the first piece of its answer that is EngineUnavailable.
        """
        failure = EngineError if self.begun else EngineUnavailable
        try:
            event = await self._read()
        except (asyncio.IncompleteReadError, OSError):
            raise failure("wyoming: the server closed the connection before it had answered") from None
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise failure("wyoming: the server sent what is no event") from None
        if event.type == "error":
            raise failure(f"wyoming: the server has failed: {' '.join(str(event.data.get('text')).split())[:300]}")
        return event

    async def _read(self) -> Event:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        head: Any = json.loads(line)
        said = dict[str, Any](head.get("data") or {})
        parts: dict[str, bytes] = {}
        for part, largest in LARGEST.items():
            length = int(head.get(part) or 0)
            if not 0 <= length <= largest:
                raise ValueError(part)
            parts[part] = await self._reader.readexactly(length)
        if parts["data_length"]:
            said.update(json.loads(parts["data_length"]))
        return Event(str(head["type"]), said, parts["payload_length"])

    def fail(self, error: Exception) -> None:
        """Let ``receive`` raise ``error``."""
        self._reader.set_exception(error)

    def close(self) -> None:
        """Drop the connection at once."""
        self._writer.transport.abort()


class Server:
    """One server: connects to it and knows what it can do."""

    def __init__(self, uri: str, domain: Domain) -> None:
        self._uri = urlsplit(uri)
        self._domain: Domain = domain
        self._program: Program | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[tuple[Wire, Program]]:
        """Connect, and drop the connection at once on leaving.

        Raises EngineUnavailable where nobody listens there or the server has no program of the kind.
        """
        wire = await self._connect()
        try:
            if self._program is None:
                self._program = await self._describe(wire)
            yield wire, self._program
        finally:
            wire.close()

    async def _connect(self) -> Wire:
        uri = self._uri
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                if uri.scheme == "unix":
                    return Wire(*await asyncio.open_unix_connection(uri.path, limit=_LARGEST_LINE))
                return Wire(*await asyncio.open_connection(uri.hostname, uri.port, limit=_LARGEST_LINE))
        except (OSError, TimeoutError) as error:
            self._program = None  # who comes back may be another
            reason = error.strerror or f"no answer within {_CONNECT_WITHIN:g} s"
            raise EngineUnavailable(f"wyoming: {uri.geturl()} cannot be reached: {reason}") from None

    async def _describe(self, wire: Wire) -> Program:
        try:
            async with asyncio.timeout(_CONNECT_WITHIN):
                await wire.send("describe")
                while (event := await wire.receive()).type != "info":
                    pass
        except TimeoutError:
            raise EngineUnavailable(
                f"wyoming: {self._uri.geturl()} did not say what it can do within {_CONNECT_WITHIN:g} s"
            ) from None
        try:
            programs = cast("list[dict[str, Any]]", event.data.get(self._domain) or [])
            if not programs:
                what = "speech to text" if self._domain == "asr" else "text to speech"
                raise EngineUnavailable(f"wyoming: {self._uri.geturl()} offers no {what}")
            return _program(programs[0], self._domain)
        except (TypeError, AttributeError, KeyError):
            raise EngineUnavailable("wyoming: the server sent what is no info") from None


def _program(said: dict[str, Any], domain: Domain) -> Program:
    streams, offers = (
        ("supports_transcript_streaming", "models") if domain == "asr" else ("supports_synthesize_streaming", "voices")
    )
    return Program(
        streams=bool(said.get(streams)),
        offers=tuple(
            Offer(str(offer["name"]), tuple(map(str, offer.get("languages") or ()))) for offer in said.get(offers) or ()
        ),
    )


def _subtags(language: str) -> list[str]:
    return language.lower().replace("_", "-").split("-")
