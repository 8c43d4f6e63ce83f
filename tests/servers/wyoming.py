"""A Wyoming server on a script: the wyoming package's own server, and a handler that keeps its clients to the protocol.

It misbehaves on request: ``server.fault("close")``. Also a program: ``python -m tests.servers.wyoming``.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from tests.servers.openai import babble

FAULTS = (
    "error", "close", "garbage", "long_line", "huge", "deep", "empty", "stereo", "rates", "odd", "no_text", "hang",
    "endless", "no_info",
)  # fmt: skip
RATE = 22_050
_BY = Attribution(name="Nobody", url="https://example.org")


@dataclass
class Script:
    """What the server offers and answers."""

    streams: bool = False
    voices: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"de_DE-thorsten_emotional-medium": ("de_DE",), "en_US-lessac-medium": ("en_US",)}
    )
    models: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"base-int8": ("en", "fr", "ja")})
    heard: tuple[str, ...] = (" Turn on", " the lamp.")
    language: str | None = None
    """What it says the language was."""
    sound: bytes = babble(0.5, RATE)


@dataclass
class Asked:
    """One connection, with the events that came in it."""

    reader: asyncio.StreamReader
    events: list[Event] = field(default_factory=list[Event])
    speech: bytearray = field(default_factory=bytearray)

    @property
    def types(self) -> list[str]:
        """What came, without repetitions."""
        types = [event.type for event in self.events]
        return [type for at, type in enumerate(types) if types[at - 1 : at] != [type]]

    @property
    def left(self) -> bool:
        """Whether the client has gone."""
        return self.reader.at_eof() or self.reader.exception() is not None


class WyomingServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.asked: list[Asked] = []
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), an answer stands still after its first part."""
        self.gate.set()
        self.uri = ""
        self._fault = ""
        self._server = AsyncTcpServer("127.0.0.1", 0)

    async def __aenter__(self) -> "WyomingServer":
        await self._server.start(lambda reader, writer: _Handler(self, reader, writer))
        self.uri = "tcp://{}:{}".format(*self._server._server.sockets[0].getsockname())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        for task in list(self._server._handlers):
            task.cancel()
        await asyncio.gather(*self._server._handlers, return_exceptions=True)
        await self._server.stop()

    def fault(self, what: str) -> None:
        """Misbehave at the next request."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._fault = what

    def take_fault(self) -> str:
        """Return the fault that was asked for, once."""
        what, self._fault = self._fault, ""
        return what

    def info(self) -> Info:
        """Tell what it offers."""
        about = {"attribution": _BY, "installed": True, "description": None, "version": "1"}
        voices = [TtsVoice(name=name, languages=[*tags], **about) for name, tags in self.script.voices.items()]
        models = [AsrModel(name=name, languages=[*tags], **about) for name, tags in self.script.models.items()]
        streams = self.script.streams
        return Info(
            asr=[AsrProgram(name="ear", models=models, supports_transcript_streaming=streams, **about)] * bool(models),
            tts=[TtsProgram(name="voice", voices=voices, supports_synthesize_streaming=streams, **about)]
            * bool(voices),
        )


class _Handler(AsyncEventHandler):
    """One connection: answers as the script says, and with an error what is against the protocol."""

    def __init__(self, server: WyomingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._server = server
        self._asked = Asked(reader)
        self._text: list[str] | None = None
        self._hearing = ""
        server.asked.append(self._asked)

    async def handle_event(self, event: Event) -> bool:
        self._asked.events.append(event)
        try:
            return await self._answer(event)
        except (ConnectionError, _GoneError):
            return False
        except (AssertionError, KeyError, TypeError) as mistake:
            await self.write_event(Error(text=f"against the protocol: {event.type}: {mistake}", code="Test").event())
            return False

    async def _answer(self, event: Event) -> bool:
        script = self._server.script
        if Describe.is_type(event.type):
            if self._server._fault == "no_info":
                self._server.take_fault()
                await self.write_event(Event("info", {"asr": ["?"], "tts": ["?"]}))
                return True
            await self.write_event(self._server.info().event())
        elif Synthesize.is_type(event.type):
            said = Synthesize.from_event(event)
            assert said.text, "no text"
            if self._text is None:
                self._check(said.voice)
                await self._speak(AudioStop().event())
        elif SynthesizeStart.is_type(event.type):
            assert script.streams, "this server cannot stream"
            self._check(SynthesizeStart.from_event(event).voice)
            self._text = []
        elif SynthesizeChunk.is_type(event.type):
            assert self._text is not None, "no synthesize-start"
            self._text.append(SynthesizeChunk.from_event(event).text)
        elif SynthesizeStop.is_type(event.type):
            assert self._text, "no text"
            await self._speak(SynthesizeStopped().event())
        elif Transcribe.is_type(event.type):
            asked = Transcribe.from_event(event)
            assert asked.name in (None, *script.models), f"no model {asked.name}"
            self._hearing = "asked"
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            assert self._hearing == "asked", "no transcribe"
            assert (start.rate, start.width, start.channels) == (16_000, 2, 1)
            self._hearing = "begun"
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert self._hearing == "begun", "no audio-start"
            assert (chunk.rate, chunk.width, chunk.channels) == (16_000, 2, 1)
            assert chunk.timestamp == len(self._asked.speech) // 32, "wrong timestamp"
            self._asked.speech += chunk.audio
        elif AudioStop.is_type(event.type):
            assert self._hearing == "begun", "no audio-start"
            await self._transcribe()
            return False  # as wyoming-faster-whisper does
        return True

    def _check(self, voice: SynthesizeVoice | None) -> None:
        known = self._server.script.voices
        assert voice is None or voice.name is None or voice.name in known, f"Voice not found: {voice and voice.name}"

    async def _speak(self, last: Event) -> None:
        sound, fault = self._server.script.sound, await self._misbehave()
        form = {"rate": RATE, "width": 2, "channels": 2 if fault == "stereo" else 1}
        await self.write_event(AudioStart(**form).event())
        if fault == "empty":
            sound = b""
        step = 2_047 if fault == "odd" else 8_192
        while sound:
            for at in range(0, len(sound), step):
                await self.write_event(AudioChunk(audio=sound[at : at + step], **form).event())
                if fault == "close":
                    self.writer.transport.abort()
                    raise _GoneError
                if fault == "rates":
                    form["rate"] = 16_000
                await self._server.gate.wait()
            if fault != "endless":
                break
        if last.type != "audio-stop":
            await self.write_event(AudioStop().event())
        await self.write_event(last)

    async def _transcribe(self) -> None:
        script, fault = self._server.script, await self._misbehave()
        if script.streams:
            await self.write_event(TranscriptStart(language=script.language).event())
            for part in script.heard:
                await self.write_event(TranscriptChunk(part).event())
                if fault == "close":
                    self.writer.transport.abort()
                    raise _GoneError
                await self._server.gate.wait()
        if fault == "close":
            return
        if fault == "no_text":
            await self.write_event(Event("transcript", {"text": 7}))
        await self.write_event(Transcript("".join(script.heard), language=script.language).event())
        if script.streams:
            await self.write_event(TranscriptStop().event())

    async def _misbehave(self) -> str:
        fault = self._server.take_fault()
        if fault == "error":
            await self.write_event(Error(text="The model is\nbroken.", code="ValueError").event())
            raise _GoneError
        junk = {
            "garbage": b"HTTP/1.1 400 Bad Request\r\n",
            "long_line": b"{" + b" " * 3_000_000 + b"}\n",
            "huge": b'{"type": "audio-chunk", "payload_length": 99999999999}\n',
            "deep": b"[" * 900_000 + b"\n",
        }
        if fault in junk:
            self.writer.write(junk[fault])
            await self.writer.drain()
            await self._left()
        if fault == "hang":
            await self._left()
        return fault

    async def _left(self) -> None:
        """Wait until the client goes."""
        while await self.reader.read(65_536):
            pass
        raise _GoneError


class _GoneError(Exception):
    """The connection is over."""


async def spoken(pcm: bytes, piece: int = 640) -> AsyncIterator[bytes]:
    """Speak ``pcm`` in pieces, all at once."""
    for at in range(0, len(pcm), piece):
        yield pcm[at : at + piece]


async def _serve() -> None:
    async with WyomingServer(Script(streams=True)) as server:
        print(server.uri, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
