"""A voice behind Wyoming: wyoming-piper and the other text-to-speech programs that speak it.

https://github.com/OHF-Voice/wyoming (as of 1.10): synthesize; audio-start, audio-chunk, audio-stop.
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from marotte.engines.kinds import EngineError, EngineSettings, EngineUnavailable, Kit, Manner, Sound, VoiceSettings
from marotte.engines.wyoming import Event, Program, Server, Uri, Wire
from marotte.events import Line
from marotte.voice.streamed import LARGEST

_PIECES = 10
"""Pieces of sound that a second is cut into."""
_SHORTEST = 0.02
"""Seconds of sound; less is no speech, whatever it is."""


class WyomingVoiceSettings(VoiceSettings):
    """Settings of the voice. Its style is what Wyoming calls a speaker, where the voice has several: ``amused``."""

    cannot = frozenset({"speed", "pitch"})

    uri: Uri = "tcp://127.0.0.1:10200"
    """Where the server listens: its own ``--uri``."""


class WyomingVoice:
    """Asks a server for a line's sound and passes it on as it comes, without timings: this protocol has none."""

    Settings: ClassVar[type[EngineSettings]] = WyomingVoiceSettings

    def __init__(self, settings: WyomingVoiceSettings, kit: Kit) -> None:
        self._settings = settings
        self._server = Server(settings.uri, "tts")

    @classmethod
    def check(cls, settings: WyomingVoiceSettings, kit: Kit) -> str:
        """Nothing is missing here: the server is a program of its own."""
        return ""

    async def warm(self) -> None:
        """Ask the server what it can do."""
        async with self._server.connection():
            pass

    async def close(self) -> None:
        """It holds nothing: each line has a connection of its own, so that a cut can drop it."""

    async def speak(self, line: Line) -> AsyncIterator[Sound]:
        """Yield at most 100 ms of sound at a time."""
        async with self._server.connection() as (wire, program):
            voice = _voice(self._settings.manner(line), program, line.language)
            whole = {"text": line.spoken, **voice}
            if program.streams:
                await wire.send("synthesize-start", voice)
                await wire.send("synthesize-chunk", {"text": line.spoken})
                await wire.send("synthesize", whole)  # wanted by the protocol, and passed over by who can stream
                await wire.send("synthesize-stop")
            else:
                await wire.send("synthesize", whole)
            async for sound in _sounds(wire, "synthesize-stopped" if program.streams else "audio-stop"):
                yield sound


def _voice(manner: Manner, program: Program, language: str) -> dict[str, Any]:
    """Say which voice is wanted. Raises EngineUnsuited where it does not have the line's language."""
    tag = program.tag(language, manner.voice)
    if manner.voice:
        return {"voice": {"name": manner.voice, **({"speaker": manner.style} if manner.style else {})}}
    return {"voice": {"language": tag}} if tag else {}


async def _sounds(wire: Wire, last: str) -> AsyncIterator[Sound]:
    rest, taken, rate = b"", 0, 0
    while (event := await wire.receive()).type != last:
        if event.type != "audio-chunk":
            continue
        rate = _rate(event, rate)
        rest += event.payload
        taken += len(event.payload)
        if taken > LARGEST:
            raise EngineError(f"wyoming: the server sent more than {LARGEST // 1_000_000} MB for one line")
        step, whole = 2 * (rate // _PIECES), len(rest) // 2 * 2
        for at in range(0, whole, step):
            wire.begun = True
            yield Sound(pcm=rest[at : min(at + step, whole)], rate=rate)
        rest = rest[whole:]
    if taken < 2 * rate * _SHORTEST or not rate:
        raise EngineError("wyoming: the server sent no sound")


def _rate(event: Event, before: int) -> int:
    """Return the rate of a chunk. Raises EngineUnavailable where it is not mono 16-bit sound of one rate."""
    rate, width, channels = (event.data.get(name) for name in ("rate", "width", "channels"))
    if (width, channels) != (2, 1) or not isinstance(rate, int) or not 8_000 <= rate <= 192_000:
        raise EngineUnavailable(f"wyoming: the server sent {channels} channels of {width} bytes at {rate} Hz")
    if before not in (0, rate):
        raise EngineError(f"wyoming: the server changed from {before} to {rate} Hz within a line")
    return rate
