"""This machine's microphone and loudspeaker, through PortAudio (extra ``device``)."""

import asyncio
import difflib
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]

from marotte import config
from marotte.events import SAMPLE_RATE
from marotte.links.echo import Canceller
from marotte.ports import Rank

log = logging.getLogger(__name__)

BLOCK = SAMPLE_RATE // 50
"""Samples that PortAudio takes or gives at a time: 20 ms."""
_MOST = 10 * SAMPLE_RATE
"""Samples that may wait to be played."""
_UNHEARD = 100
"""Blocks of the microphone that may wait for whoever listens; the oldest are lost."""


class DeviceError(Exception):
    """The device cannot be opened or has gone; the message says which and what to do."""


class SoundDevice:
    """One machine's microphone and loudspeaker: a floor's ``Microphone`` and ``Outlet``.

    A line's sound begins when it is due by the offset between the floor's clock and the device's, which is set by the
    first sound and moved only where sound comes too late, or, between lines, where the clocks have drifted apart.
    """

    name = "device"
    rank = Rank.DEVICE
    lead = 0.6

    def __init__(
        self,
        settings: config.Device,
        report: Callable[[int], None],
        speaking: Callable[[], bool] = lambda: False,
        library: Any = None,
        canceller: Canceller | None = None,
    ) -> None:
        """``report`` is called on the event loop with the floor's sample that was played last, after every block.

        While ``speaking`` says so the microphone is silent, unless a headset keeps the loudspeaker's sound out of it
        or a canceller that is warm takes it out. ``library`` is the module ``sounddevice`` or what stands in for it;
        it is imported, and a canceller made, when the device is opened.
        """
        self.lost = 0
        """Blocks of the microphone that nobody took in time."""
        self._settings = settings
        self._report = report
        self._speaking = speaking
        self._library = library
        self._canceller = canceller
        self._until_sounds = 0.0  # seconds from a block's being taken to its sound
        self._ring = _Ring(int(self.lead * SAMPLE_RATE))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gone = asyncio.Event()
        self._heard: asyncio.Queue[bytes | None] = asyncio.Queue(_UNHEARD)

    async def run(self) -> None:
        """Open both devices and keep them open. Raises DeviceError where one is missing or goes away."""
        library = self._library or await asyncio.to_thread(_portaudio)
        self._canceller = self._canceller or await self._make_canceller()
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        while not self._heard.empty():
            self._heard.get_nowait()  # of an earlier life
        common: dict[str, Any] = {"samplerate": SAMPLE_RATE, "blocksize": BLOCK, "channels": 1, "dtype": "int16"}
        common["finished_callback"] = self._finished
        streams: list[Any] = []
        try:
            devices = list(library.query_devices())
            loudspeaker = find(devices, self._settings.loudspeaker, "output")
            microphone = find(devices, self._settings.microphone, "input")
            streams.append(library.RawOutputStream(device=loudspeaker, callback=self._play_block, **common))
            streams.append(library.RawInputStream(device=microphone, callback=self._take_block, **common))
            for stream in streams:
                stream.start()
            await self._gone.wait()
            raise DeviceError("the sound device has gone: is it still plugged in?")
        except library.PortAudioError as error:
            raise DeviceError(f"the sound device cannot be opened: {error}") from None
        finally:
            self._loop = None
            for stream in streams:
                stream.close()
            self._offer(None)

    # --- Outlet

    def play(self, turn: str, line: str, sample: int, pcm: bytes) -> None:
        """Take 48 kHz mono 16-bit sound whose first sample is due at ``sample`` of the floor's clock."""
        if not self._ring.put(line, sample, pcm):
            log.warning("device: %d samples of turn %s came while %d wait; lost", len(pcm) // 2, turn, _MOST)

    def stop(self, turn: str, sample: int) -> None:
        """Throw away everything not yet played: silent with the next block."""
        self._ring.stop()

    def _play_block(self, out: Any, frames: int, time: Any, status: Any) -> None:
        """Fill one block; PortAudio calls this on a thread of its own."""
        played = self._ring.take(out, time.currentTime, time.outputBufferDacTime)
        self._until_sounds = time.outputBufferDacTime - time.currentTime
        if loop := self._loop:
            if self._canceller:
                loop.call_soon_threadsafe(self._canceller.plays, bytes(out))
            if played is not None:
                loop.call_soon_threadsafe(self._report, played)

    # --- Microphone

    async def sound(self) -> AsyncIterator[bytes]:
        """Yield 16 kHz mono 16-bit sound as it comes, until the device is closed."""
        resampler: Any = soxr.ResampleStream(SAMPLE_RATE, 16_000, 1, dtype="int16", quality="MQ")
        while (block := await self._heard.get()) is not None:
            piece = resampler.resample_chunk(np.frombuffer(block, np.int16))
            if len(piece):
                deaf_to_itself = self._settings.headset or (self._canceller is not None and self._canceller.warm)
                hears_itself = self._speaking() and not deaf_to_itself
                yield bytes(2 * len(piece)) if hears_itself else piece.tobytes()

    def _take_block(self, block: Any, frames: int, time: Any, status: Any) -> None:
        """Take one block of the microphone; PortAudio calls this on a thread of its own."""
        if loop := self._loop:
            delay = self._until_sounds + time.currentTime - time.inputBufferAdcTime
            loop.call_soon_threadsafe(self._hear, bytes(block), delay)

    def _hear(self, block: bytes, delay: float) -> None:
        """Take the echo out where it can be; the loop keeps the order in which blocks were played and heard."""
        self._offer(self._canceller.clean(block, delay) if self._canceller else block)

    async def _make_canceller(self) -> Canceller | None:
        wanted = self._settings.echo
        if wanted == "off" or (wanted == "auto" and self._settings.headset):
            return None
        try:
            return await asyncio.to_thread(Canceller)
        except ImportError:
            if wanted == "on":
                raise DeviceError("device.echo: livekit is not installed: pip install 'marotte[echo]'") from None
        log.info("device: nothing takes the echo out, so it does not listen while it speaks: see device.echo")
        return None

    def _offer(self, block: bytes | None) -> None:
        if self._heard.full():
            self._heard.get_nowait()
            self.lost += 1
        self._heard.put_nowait(block)

    def _finished(self) -> None:
        if loop := self._loop:
            loop.call_soon_threadsafe(self._gone.set)


class _Piece(NamedTuple):
    """Sound that waits: where it belongs on the device's clock and on the floor's."""

    position: int
    sample: int
    pcm: bytes


class _Ring:
    """The sound that waits for the loudspeaker: the event loop fills it, PortAudio's thread empties it."""

    def __init__(self, lead: int) -> None:
        self._lead = lead
        self._lock = threading.Lock()
        self._pieces: deque[_Piece] = deque()
        self._waiting = 0
        self._offset: int | None = None  # the device's position less the floor's sample
        self._position = 0  # of the next block, on the device's clock
        self._end = 0  # of the sound that waits
        self._line = ""
        self._sounding: deque[tuple[float, int]] = deque()  # until when a block sounds, and its last sample

    def put(self, line: str, sample: int, pcm: bytes) -> bool:
        """Add sound; False where too much waits already."""
        with self._lock:
            if self._waiting + len(pcm) // 2 > _MOST:
                return False
            earliest = max(self._position, self._end)
            place = earliest if self._offset is None else max(earliest, sample + self._offset)
            if line != self._line:
                place = max(earliest, min(place, self._position + self._lead))
            self._offset, self._line = place - sample, line
            self._pieces.append(_Piece(place, sample, pcm))
            self._end = place + len(pcm) // 2
            self._waiting += len(pcm) // 2
            return True

    def stop(self) -> None:
        """Empty it. What comes later of the same turn sounds: a pause stops a turn that may go on."""
        with self._lock:
            self._pieces.clear()
            self._waiting = self._end = 0

    def take(self, out: Any, now: float, due: float) -> int | None:
        """Fill a block that sounds at ``due`` (seconds of the stream); return what had been played by ``now``."""
        with self._lock:
            begin, end = self._position, self._position + len(out) // 2
            out[:] = bytes(len(out))
            last = None
            while self._pieces and self._pieces[0].position < end:
                position, sample, pcm = self._pieces.popleft()
                count = min(end - position, len(pcm) // 2)
                place = 2 * (position - begin)
                out[place : place + 2 * count] = pcm[: 2 * count]
                self._waiting -= count
                last = sample + count
                if 2 * count < len(pcm):
                    self._pieces.appendleft(_Piece(position + count, last, pcm[2 * count :]))
            self._position = end
            if last is not None:
                self._sounding.append((due + (end - begin) / SAMPLE_RATE, last))
            played = None
            while self._sounding and self._sounding[0][0] <= now:
                played = self._sounding.popleft()[1]
            return played


def find(devices: Sequence[Any], part: str, kind: Literal["input", "output"]) -> int | None:
    """Return the number of the first device of a kind with ``part`` in its name; None, the usual one, for "".

    ``devices`` are as ``sounddevice.query_devices`` lists them. Raises DeviceError with the names that come nearest.
    """
    usable = {number: str(d["name"]) for number, d in enumerate(devices) if d[f"max_{kind}_channels"] > 0}
    if usable and not part:
        return None
    for number, name in usable.items():
        if part.lower() in name.lower():
            return number
    word = {"input": "microphone", "output": "loudspeaker"}[kind]
    if not usable:
        raise DeviceError(f"device.{word}: this machine has no {word}")
    near = difflib.get_close_matches(part, usable.values(), 3, 0.3) or list(usable.values())[:5]
    raise DeviceError(
        f"device.{word}: no {word} has {part!r} in its name; there is {', '.join(repr(name) for name in near)}"
    )


def _portaudio() -> Any:
    try:
        import sounddevice  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise DeviceError("sounddevice is not installed: pip install 'marotte[device]'") from None
    except OSError:
        raise DeviceError("PortAudio is not installed: on Debian and Ubuntu, apt install libportaudio2") from None
    return sounddevice
