"""The loudspeaker and microphone of a machine, with a stand-in for PortAudio whose blocks are pulled by hand."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from marotte.config import Device
from marotte.links.echo import Canceller
from marotte.links.sound_device import BLOCK, DeviceError, SoundDevice, find
from marotte.ops import machine
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
        times = SimpleNamespace(currentTime=self._now, inputBufferAdcTime=self._now)
        self.options["callback"](memoryview(samples.astype("<i2").tobytes()), len(samples), times, None)
        self._now += BLOCK / 48_000


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

    def __init__(self, settings: Device, canceller: Any = None) -> None:
        self.library = FakeLibrary()
        self.reports: list[int] = []
        self.speaks = False
        self.device = SoundDevice(settings, self.reports.append, lambda: self.speaks, self.library, canceller)

    @property
    def speaker(self) -> FakeStream:
        return self.library.streams["output"]

    @property
    def microphone(self) -> FakeStream:
        return self.library.streams["input"]


@asynccontextmanager
async def opened(settings: Device | None = None, canceller: Any = None) -> AsyncIterator[Opened]:
    it = Opened(settings or Device(echo="off"), canceller)
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


async def test_stop_silences_the_next_block_and_a_turn_that_was_paused_goes_on() -> None:
    async with opened() as it:
        it.device.play("t", "a", 0, ramp(0, 10_000))
        it.speaker.pull()
        it.device.stop("t", 500)
        assert not it.speaker.pull(2).any()
        # The same line goes on at a later place of the clock.
        it.device.play("t", "a", 100_000, ramp(0, 500))
        assert 500 in it.speaker.pull(250)


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
    async with opened(Device(headset=headset, echo="off")) as it:
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


# --- the echo


def speech(seconds: float, pitch: float, seed: int) -> "np.ndarray[Any, Any]":
    """Sound like speech, at 48 kHz: a buzzing source with noise, in syllables of five a second."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * 48_000)) / 48_000
    swing = 2 * np.pi * np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / 48_000
    buzz = sum(np.sin(k * swing) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * t), 0, 1) ** 0.5
    return 4_000 * syllables * (buzz + 0.3 * rng.normal(0, 1, len(t)))


def power(sound: "np.ndarray[Any, Any]") -> float:
    """In dB."""
    return float(10 * np.log10(np.mean(sound.astype(float) ** 2) + 1e-9))


async def in_a_room(it: Opened, line: "np.ndarray[Any, Any]", near: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
    """Play a line while a partner speaks; return what the microphone gives, and the echo in it, both at 16 kHz."""
    rng = np.random.default_rng(11)
    tail = rng.normal(0, 1, 6_000) * np.exp(-np.arange(6_000) / 1_000)
    room = np.concatenate((np.zeros(3_000), 0.5 * tail / np.sqrt(np.sum(tail**2))))
    echo = np.convolve(line, room)[: len(line)]
    heard = bytearray()

    async def listen() -> None:
        async for piece in it.device.sound():
            heard.extend(piece)

    listening = asyncio.create_task(listen())
    for start in range(0, len(line) - BLOCK + 1, BLOCK):
        if start % (10 * BLOCK) == 0:
            pcm = line[start : start + 10 * BLOCK].astype("<i2").tobytes()
            it.device.play("t", "l", start, pcm)
        it.speaker.pull()
        it.microphone.push(np.clip(echo[start : start + BLOCK] + near[start : start + BLOCK], -32_768, 32_767))
        await asyncio.sleep(BLOCK / 48_000)
    listening.cancel()
    return np.frombuffer(bytes(heard), "<i2"), echo[::3]


async def test_the_echo_is_taken_out_and_a_partner_is_heard_once_it_knows_the_room() -> None:
    line, near = speech(9, 120, 1), np.zeros(9 * 48_000)
    line[6 * 48_000 :] = 0
    near[4 * 48_000 : 5 * 48_000] = speech(1, 210, 2)  # while the character speaks
    near[7 * 48_000 : 8 * 48_000] = speech(1, 210, 3)  # while it is silent
    async with opened(Device(), Canceller()) as it:
        it.speaks = True
        heard, echo = await in_a_room(it, line, near)
    second = [heard[n * 16_000 : (n + 1) * 16_000] for n in range(8)]
    assert not second[0].any(), "it listened before it knew the room"
    assert second[3].any()
    for n in (3, 5):
        assert power(echo[n * 16_000 : (n + 1) * 16_000]) - power(second[n]) >= 15
    assert abs(power(second[7]) - power(near[7 * 48_000 : 8 * 48_000])) < 3
    assert power(second[4]) - power(near[4 * 48_000 : 5 * 48_000]) > -10
    assert power(second[4]) - max(power(second[3]), power(second[5])) >= 15


async def absent(monkeypatch: pytest.MonkeyPatch, settings: Device) -> Opened:
    """A device of a machine without the library; opened at once."""

    async def at_once(make: Callable[..., object], *given: object) -> object:
        return make(*given)

    monkeypatch.setattr(asyncio, "to_thread", at_once)  # virtual time does not wait for threads
    monkeypatch.setitem(sys.modules, "livekit", None)
    return Opened(settings)


@pytest.mark.parametrize("headset", [False, True])
async def test_without_the_library_it_goes_on_without_and_says_so(
    headset: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    it = await absent(monkeypatch, Device(headset=headset))
    running = asyncio.create_task(it.device.run())
    await asyncio.sleep(0.1)
    assert it.library.log == ["start output", "start input"]
    assert caplog.text.count("nothing takes the echo out") == (0 if headset else 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_canceller_that_must_be_there_and_is_not_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    it = await absent(monkeypatch, Device(echo="on"))
    with pytest.raises(DeviceError, match=r"device\.echo: livekit is not installed: pip install 'marotte\[echo\]'"):
        await it.device.run()


@pytest.mark.parametrize(
    ("installed", "settings", "state", "detail"),
    [
        ("1.1", Device(), "ok", "taken out by WebRTC's canceller (livekit 1.1)"),
        ("", Device(), "warn", "nothing takes it out"),
        ("", Device(echo="on"), "bad", "nothing takes it out"),
        ("", Device(echo="off"), "ok", "off: it does not listen while it speaks"),
        ("1.1", Device(headset=True), "ok", "a headset keeps it out"),
    ],
)
async def test_the_doctor_tells_what_becomes_of_the_echo(
    installed: str, settings: Device, state: str, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_version", lambda package: installed)
    check = machine._echo(settings)
    assert (check.state, check.detail[: len(detail)]) == (state, detail)


async def test_the_microphone_gives_16_khz() -> None:
    async with opened(Device(microphone="conference", loudspeaker="alc257", echo="off")) as it:
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
    it = Opened(Device(echo="off"))
    running = asyncio.create_task(it.device.run())
    await asyncio.sleep(0.1)
    listening = asyncio.create_task(anext(it.device.sound(), None))
    it.speaker.options["finished_callback"]()
    with pytest.raises(DeviceError, match="still plugged in"):
        await running
    assert await listening is None
    assert it.library.log == ["start output", "start input", "close output", "close input"]


async def test_a_device_that_comes_back_is_heard_again() -> None:
    it = Opened(Device(echo="off"))
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
        await SoundDevice(Device(echo="off"), lambda _: None, library=library).run()
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
