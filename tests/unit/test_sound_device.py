"""The loudspeaker and microphone of a machine, with a stand-in for PortAudio whose blocks are pulled by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from marotte.config import Device
from marotte.links.sound_device import BLOCK, DeviceError, SoundDevice, find
from marotte.ports import Microphone, Outlet, Rank

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]

DEVICES = [
    {"name": "HDA Intel: ALC257 Analog", "max_input_channels": 2, "max_output_channels": 2},
    {"name": "USB Conference Speaker", "max_input_channels": 0, "max_output_channels": 2},
    {"name": "USB Conference Microphone", "max_input_channels": 1, "max_output_channels": 0},
]


class FakeStream:
    """One stream, whose callback runs when the test says so."""

    def __init__(self, log: list[str], kind: str, **options: Any) -> None:
        self.options = options
        self.kind = kind
        self._log = log
        self._now = 0.0

    def start(self) -> None:
        self._log.append(f"start {self.kind}")

    def close(self) -> None:
        self._log.append(f"close {self.kind}")

    def pull(self, blocks: int = 1, latency: float = 0.0) -> np.ndarray:
        """Let the loudspeaker take blocks; each sounds ``latency`` seconds after it was taken."""
        taken = []
        for _ in range(blocks):
            out = bytearray(b"\x55" * 2 * BLOCK)
            times = SimpleNamespace(currentTime=self._now, outputBufferDacTime=self._now + latency)
            self.options["callback"](memoryview(out), BLOCK, times, None)
            taken.append(np.frombuffer(bytes(out), "<i2"))
            self._now += BLOCK / 48_000
        return np.concatenate(taken)

    def push(self, samples: np.ndarray) -> None:
        """Let the microphone give a block."""
        self.options["callback"](memoryview(samples.astype("<i2").tobytes()), len(samples), None, None)


class FakeLibrary:
    """What of ``sounddevice`` is used."""

    class PortAudioError(Exception):
        pass

    def __init__(self, refuses: str = "") -> None:
        self.log: list[str] = []
        self.streams: dict[str, FakeStream] = {}
        self._refuses = refuses

    def query_devices(self) -> list[dict[str, Any]]:
        return DEVICES

    def _make(self, kind: str) -> Callable[..., FakeStream]:
        def make(**options: Any) -> FakeStream:
            if kind == self._refuses:
                raise self.PortAudioError("Error opening stream: Device unavailable [PaErrorCode -9985]")
            self.streams[kind] = FakeStream(self.log, kind, **options)
            return self.streams[kind]

        return make

    @property
    def RawOutputStream(self) -> Callable[..., FakeStream]:
        return self._make("output")

    @property
    def RawInputStream(self) -> Callable[..., FakeStream]:
        return self._make("input")


class Opened:
    """A device that is open, its streams, and what it reported."""

    def __init__(self, settings: Device) -> None:
        self.library = FakeLibrary()
        self.reports: list[int] = []
        self.speaks = False
        self.device = SoundDevice(settings, self.reports.append, lambda: self.speaks, self.library)

    @property
    def speaker(self) -> FakeStream:
        return self.library.streams["output"]

    @property
    def microphone(self) -> FakeStream:
        return self.library.streams["input"]


@asynccontextmanager
async def opened(settings: Device | None = None) -> AsyncIterator[Opened]:
    it = Opened(settings or Device())
    running = asyncio.create_task(it.device.run())
    await asyncio.sleep(0.1)
    try:
        yield it
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def ramp(start: int, samples: int) -> bytes:
    """Sound whose samples tell their number, from 1."""
    return np.arange(start + 1, start + 1 + samples, dtype="<i2").tobytes()


async def test_sound_plays_gapless_and_what_was_played_is_reported() -> None:
    async with opened() as it:
        it.device.play("t", "l", 100_000, ramp(0, 1_000))
        it.device.play("t", "l", 101_000, ramp(1_000, 1_000))
        out = it.speaker.pull(3)
        assert list(out[:2_000]) == list(range(1, 2_001))
        assert not out[2_000:].any()
        await asyncio.sleep(0)
        assert it.reports == [100_960, 101_920]  # the third block still sounds
        it.speaker.pull(2)
        await asyncio.sleep(0)
        assert it.reports == [100_960, 101_920, 102_000]


async def test_a_report_waits_for_the_drivers_buffer() -> None:
    async with opened() as it:
        it.device.play("t", "l", 0, ramp(0, BLOCK))
        it.speaker.pull(1, latency=0.1)
        it.speaker.pull(5, latency=0.1)
        await asyncio.sleep(0)
        assert it.reports == []
        it.speaker.pull(2, latency=0.1)
        await asyncio.sleep(0)
        assert it.reports == [BLOCK]


async def test_silence_between_lines_is_kept() -> None:
    async with opened() as it:
        it.device.play("t", "a", 0, ramp(0, 500))
        it.device.play("t", "b", 700, ramp(500, 500))
        out = it.speaker.pull(2)
        assert list(out[:500]) == list(range(1, 501))
        assert not out[500:700].any()
        assert list(out[700:1_200]) == list(range(501, 1_001))


async def test_what_comes_too_late_is_played_whole_and_the_rest_after_it() -> None:
    async with opened() as it:
        it.device.play("t", "a", 0, ramp(0, BLOCK))
        assert not it.speaker.pull(4)[BLOCK:].any()
        it.device.play("t", "a", BLOCK, ramp(0, 100))
        it.device.play("t", "a", BLOCK + 100, ramp(100, 100))
        assert list(it.speaker.pull()[:200]) == list(range(1, 201))


async def test_a_clock_that_drifted_is_set_right_between_lines_only() -> None:
    lead = int(SoundDevice.lead * 48_000)
    for line, place in (("a", lead + 5_000), ("b", lead)):
        async with opened() as it:
            it.device.play("t", "a", 0, ramp(0, 10))
            it.device.play("t", line, lead + 5_000, ramp(0, 10))
            out = it.speaker.pull(60)
            assert list(np.flatnonzero(out)) == [*range(10), *range(place, place + 10)]
            it.device.play("t", line, lead + 5_010, ramp(0, 10))
            assert it.speaker.pull()[:10].any()  # late by now: at once


async def test_lines_never_overlap() -> None:
    lead = int(SoundDevice.lead * 48_000)
    async with opened() as it:
        it.device.play("t", "a", 0, ramp(0, 10))
        it.device.play("t", "a", lead + 5_000, ramp(0, 10))
        it.device.play("t", "b", lead + 9_000, ramp(10, 10))
        out = it.speaker.pull(60)
        assert list(out[lead + 5_000 : lead + 5_020]) == list(range(1, 21))


async def test_stop_silences_the_next_block_and_voids_what_still_comes_of_the_turn() -> None:
    async with opened() as it:
        it.device.play("t", "a", 0, ramp(0, 10_000))
        it.speaker.pull()
        it.device.stop("t", 500)
        assert not it.speaker.pull(2).any()
        it.device.play("t", "a", 10_000, ramp(0, 500))
        assert not it.speaker.pull().any()
        it.device.play("u", "b", 3_000, ramp(0, 500))
        assert list(it.speaker.pull()[:500]) == list(range(1, 501))


async def test_no_more_than_ten_seconds_wait(caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as it:
        for second in range(12):
            it.device.play("t", "a", second * 48_000, bytes(96_000))
        assert caplog.text.count("lost") == 2
        it.speaker.pull(50)
        it.device.play("t", "a", 12 * 48_000, bytes(96_000))
        assert caplog.text.count("lost") == 2


@pytest.mark.parametrize("headset", [False, True])
async def test_it_does_not_hear_itself_unless_a_headset_keeps_its_sound_out(headset: bool) -> None:
    async with opened(Device(headset=headset)) as it:
        it.speaks = True
        heard = bytearray()

        async def listen() -> None:
            async for piece in it.device.sound():
                heard.extend(piece)

        listening = asyncio.create_task(listen())
        for _ in range(20):
            it.microphone.push(np.full(BLOCK, 5_000))
            await asyncio.sleep(0.02)
        listening.cancel()
        assert len(heard) > 8_000
        assert any(heard) == headset


async def test_the_microphone_gives_16_khz() -> None:
    async with opened(Device(microphone="conference", loudspeaker="alc257")) as it:
        assert (it.microphone.options["device"], it.speaker.options["device"]) == (2, 0)
        tone = 8_000 * np.sin(2 * np.pi * 400 * np.arange(50 * BLOCK) / 48_000)
        heard = bytearray()

        async def listen() -> None:
            async for piece in it.device.sound():
                heard.extend(piece)

        listening = asyncio.create_task(listen())
        for start in range(0, len(tone), BLOCK):
            it.microphone.push(tone[start : start + BLOCK])
            await asyncio.sleep(0.02)
        samples = np.frombuffer(bytes(heard), "<i2")
        assert 15_000 < len(samples) <= 16_000
        inner = samples[2_000:10_000].astype(float)
        assert abs(np.sqrt(np.mean(inner**2)) - 8_000 / np.sqrt(2)) < 100
        crossings = int(np.sum((inner[:-1] < 0) & (inner[1:] >= 0)))
        assert abs(crossings - 200) <= 1
        listening.cancel()


async def test_a_microphone_that_nobody_listens_to_loses_the_oldest() -> None:
    async with opened() as it:
        for _ in range(150):
            it.microphone.push(np.zeros(BLOCK))
        await asyncio.sleep(0)
        assert it.device.lost == 50


async def test_the_sound_ends_and_the_run_fails_when_the_device_goes() -> None:
    it = Opened(Device())
    running = asyncio.create_task(it.device.run())
    await asyncio.sleep(0.1)
    listening = asyncio.create_task(anext(it.device.sound(), None))
    it.speaker.options["finished_callback"]()
    with pytest.raises(DeviceError, match="still plugged in"):
        await running
    assert await listening is None
    assert it.library.log == ["start output", "start input", "close output", "close input"]


async def test_a_device_that_comes_back_is_heard_again() -> None:
    it = Opened(Device())
    for _ in range(2):
        running = asyncio.create_task(it.device.run())
        await asyncio.sleep(0.1)
        listening = asyncio.create_task(anext(it.device.sound(), None))
        for _ in range(5):
            it.microphone.push(np.ones(BLOCK))
        assert await asyncio.wait_for(listening, 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_device_that_is_taken_is_told_and_what_was_opened_is_closed() -> None:
    library = FakeLibrary(refuses="input")
    with pytest.raises(DeviceError, match=r"cannot be opened: .*Device unavailable"):
        await SoundDevice(Device(), lambda _: None, library=library).run()
    assert library.log == ["close output"]


async def test_it_fits_its_ports() -> None:
    device = SoundDevice(Device(), lambda _: None, library=FakeLibrary())
    outlet: Outlet = device
    microphone: Microphone = device
    assert (outlet.rank, outlet.lead, outlet.name) == (Rank.DEVICE, 0.6, "device")
    assert microphone is device


async def test_names_are_found_by_a_part_and_the_nearest_are_told() -> None:
    assert find(DEVICES, "", "output") is None
    assert find(DEVICES, "speaker", "output") == 1
    with pytest.raises(DeviceError, match=r"device\.microphone: no microphone has 'USB Speaker' in its name; there is"):
        find(DEVICES, "USB Speaker", "input")
    with pytest.raises(DeviceError, match="'USB Conference Speaker'"):
        find(DEVICES, "USB Conferense Speaker", "output")
    for part in ("", "x"):
        with pytest.raises(DeviceError, match=r"device\.loudspeaker: this machine has no loudspeaker"):
            find(DEVICES[2:], part, "output")
