"""An ear behind Wyoming: wyoming-faster-whisper, wyoming-vosk and the other speech-to-text programs that speak it.

https://github.com/OHF-Voice/wyoming (as of 1.10): transcribe, audio-start, audio-chunk, audio-stop; transcript.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from marotte.engines.kinds import EngineError, EngineSettings, EngineUnsuited, Heard, Kit
from marotte.engines.wyoming import Event, Server, Uri, Wire
from marotte.senses.hearing.speech import LONGEST_TURN, RATE, words_of

LARGEST = 100_000
"""Characters of a transcript."""
_FORM = {"rate": RATE, "width": 2, "channels": 1}


class WyomingEarSettings(EngineSettings):
    """Settings of the ear."""

    uri: Uri = "tcp://127.0.0.1:10300"
    """Where the server listens: its own ``--uri``."""
    model: str = ""
    """One of the server's models; "" is its usual one."""


class WyomingEar:
    """Sends speech to a server as it comes and gives back its text, in parts where the server gives parts."""

    Settings: ClassVar[type[EngineSettings]] = WyomingEarSettings

    def __init__(self, settings: WyomingEarSettings, kit: Kit) -> None:
        self._settings, self._kit = settings, kit
        self._server = Server(settings.uri, "asr")

    @classmethod
    def check(cls, settings: WyomingEarSettings, kit: Kit) -> str:
        """Nothing is missing here: the server is a program of its own."""
        return ""

    async def warm(self) -> None:
        """Ask the server what it can do."""
        async with self._server.connection():
            pass

    async def close(self) -> None:
        """It holds nothing: each turn has a connection of its own."""

    async def hear(self, speech: AsyncIterator[bytes], language: str) -> AsyncIterator[Heard]:
        """Yield what the server makes of the turn; it is told the names that the character listens to."""
        async with self._server.connection() as (wire, program):
            asked = self._request(program.tag(language, self._settings.model) or language)
            sending = asyncio.create_task(_send(wire, asked, speech))
            said = ""
            try:
                while True:
                    event = await wire.receive()
                    language = _text(event, "language") or language
                    if event.type == "transcript-chunk":
                        said += _text(event, "text")
                        if len(said) > LARGEST:
                            raise EngineError(f"wyoming: the server sent more than {LARGEST} characters for one turn")
                        wire.begun = True
                        yield Heard(text=words_of(said), language=_tag(language), final=False)
                    elif event.type in ("transcript", "transcript-stop"):
                        whole = _text(event, "text") if event.type == "transcript" else said
                        yield Heard(text=words_of(whole), language=_tag(language))
                        return
            finally:
                sending.cancel()

    def _request(self, language: str) -> dict[str, Any]:
        request: dict[str, Any] = {}
        if self._settings.model:
            request["name"] = self._settings.model
        if language:
            request["language"] = language
        if self._kit.names:
            request["transcript_names"] = list(self._kit.names)
        if self._kit.commands:
            request["transcript_terms"] = list(self._kit.commands)
        return request


async def _send(wire: Wire, request: dict[str, Any], speech: AsyncIterator[bytes]) -> None:
    """Send a turn as it comes; what fails on our side is told to whoever waits for the answer."""
    try:
        await wire.send("transcribe", request)
        await wire.send("audio-start", {**_FORM, "timestamp": 0})
        sent = 0
        async for piece in speech:
            await wire.send("audio-chunk", {**_FORM, "timestamp": sent * 1_000 // RATE}, piece)
            sent += len(piece) // 2
            if sent > LONGEST_TURN * RATE:
                raise EngineUnsuited(f"more than {LONGEST_TURN} seconds in one turn")
        await wire.send("audio-stop", {"timestamp": sent * 1_000 // RATE})
    except Exception as error:
        wire.fail(error)


def _text(event: Event, name: str) -> str:
    text = event.data.get(name) or ""
    if not isinstance(text, str) or len(text) > LARGEST:
        raise EngineError(
            f"wyoming: the server sent a {event.type} whose {name} is no text of at most {LARGEST} letters"
        )
    return text


def _tag(language: str) -> str:
    """Return a language as a BCP-47 tag: some servers write en_US."""
    return language.replace("_", "-")
