"""A Discord voice channel, both ways, against the local Discord: real Opus, real UDP, the real discord.py."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import soxr
from discord import opus

from marotte import config
from marotte.config_links import Discord
from marotte.events import LineEnded, Utterance, Viewer
from marotte.links.discord import outlet as outlets
from marotte.links.discord.link import DiscordLink
from marotte.ports import Microphone, Outlet
from marotte.show import Run
from marotte.time import Clock
from tests.integration.test_discord import Stage, impatient
from tests.integration.test_hearing import flite
from tests.servers.discord import TOKEN, DiscordServer, patched, rtp
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio
_ = impatient  # a fixture for this file, too


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


class Hall:
    """A floor that notes what a call does to it."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.outlets: list[Any] = []
        self.attached = 0
        self.played_last = 0
        self.heard: dict[str, bytearray] = {}
        self.ended: list[str] = []
        self.error: Exception | None = None
        self.listened = 0

    def now(self) -> int:
        return int((time.monotonic() - self.began) * 48_000)

    def attach(self, outlet: Outlet) -> None:
        self.attached += 1
        self.outlets.append(outlet)

    def detach(self, outlet: Outlet) -> None:
        self.outlets.remove(outlet)

    def played(self, outlet: Outlet, sample: int) -> None:
        assert sample >= self.played_last
        self.played_last = sample

    async def listen(self, viewer: Viewer, microphone: Microphone) -> None:
        self.listened += 1
        if self.error:
            raise self.error
        sound = self.heard.setdefault(viewer.id, bytearray())
        async for piece in microphone.sound():
            sound += piece
        self.ended.append(viewer.id)

    def of(self, user: Any) -> np.ndarray:
        return np.frombuffer(bytes(self.heard.get(f"discord:{user.id}", b"")), "<i2").astype(float)

    def loud(self, user: Any) -> np.ndarray:
        """What was heard of somebody, from the first loud sample to the last."""
        sound = self.of(user)
        places = np.flatnonzero(np.abs(sound) > 500)
        return sound[places[0] : places[-1] + 1] if len(places) else sound[:0]


@asynccontextmanager
async def talking(discord: DiscordServer, joined: bool = True) -> AsyncIterator[tuple[Stage, Hall]]:
    stage, hall = Stage(Discord(voice="balcony")), Hall()
    tasks = [asyncio.create_task(stage.link.run()), asyncio.create_task(stage.link.speak(hall))]

    async def restart() -> None:
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        tasks[0] = asyncio.create_task(stage.link.run())

    stage.restart = restart
    try:
        if joined:
            await until(lambda: hall.outlets, "the call")
        yield stage, hall
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert hall.outlets == []


def tone(hertz: float, seconds: float, rate: int = 48_000) -> np.ndarray:
    return (12_000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype("<i2")


def frames(mono: np.ndarray) -> list[bytes]:
    """Encode 48 kHz mono as Discord's clients do: 20 ms of stereo."""
    encoder, padded = opus.Encoder(), np.concatenate([mono, np.zeros(-len(mono) % 960, "<i2")]).astype("<i2")
    pieces = [np.repeat(padded[at : at + 960], 2).tobytes() for at in range(0, len(padded), 960)]
    return [encoder.encode(piece, 960) for piece in pieces]


def decoded(sent: list[bytes]) -> np.ndarray:
    decoder = opus.Decoder()
    pcm = b"".join(decoder.decode(frame, fec=False) for frame in sent)
    return np.frombuffer(pcm, "<i2").reshape(-1, 2)[:, 0].astype(float)


def pitch(sound: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum) * rate / len(sound))


# --- the character speaks


def say(hall: Hall, sound: np.ndarray, turn: str = "t1", line: str = "l1", ahead: float = 0.1) -> tuple[int, int]:
    """Hand a line to the outlet as a speaker does; returns its first sample and the one behind its last."""
    (outlet,) = hall.outlets
    start = hall.now() + int(ahead * 48_000)
    for at in range(0, len(sound), 2_400):
        outlet.play(turn, line, start + at, sound[at : at + 2_400].tobytes())
    return start, start + len(sound)


@pytest.mark.alone
async def test_what_the_character_says_is_heard_there(discord: DiscordServer) -> None:
    async with talking(discord) as (stage, hall):
        (call,) = stage.link._bot.voice_clients  # type: ignore[union-attr]
        await until(call.is_paused, "rest", 15)  # type: ignore[attr-defined]
        await until(lambda: list(discord.voice.speaking)[-1] == 0, "that it is silent before its first line")
        assert len(discord.voice.frames) <= outlets._LINGER
        discord.voice.frames.clear()
        said = np.concatenate([tone(440, 0.5), tone(880, 0.5)])
        _, end = say(hall, said)
        await until(lambda: hall.played_last == end, "its end")
        assert hall.now() >= end - outlets.FRAME, "nothing was played before it was due"
        await until(lambda: hall.outlets[0].resting, "rest")
        sent = list(discord.voice.frames)
        heard = decoded([frame.opus for frame in sent])
        loud = np.flatnonzero(np.abs(heard) > 3_000)
        length = loud[-1] - loud[0]
        assert abs(length - 48_000) < 1_500, "all of it, and no gap"
        first, last = heard[loud[0] + 4_800 : loud[0] + 19_200], heard[loud[-1] - 19_200 : loud[-1] - 4_800]
        assert pitch(first, 48_000) == pytest.approx(440, abs=5)
        assert pitch(last, 48_000) == pytest.approx(880, abs=5)
        await until(lambda: list(discord.voice.speaking)[-1] == 0, "that it is silent")
        count = len(discord.voice.frames)
        _, end = say(hall, tone(440, 0.2), "t2", "l2")
        await until(lambda: hall.played_last == end, "another line")
        assert len(discord.voice.frames) > count
    assert discord.complaints == []


@pytest.mark.alone
async def test_a_cut_is_silent_at_once(discord: DiscordServer) -> None:
    async with talking(discord) as (_, hall):
        start, _end = say(hall, tone(440, 5.0), ahead=0.0)
        await until(lambda: hall.played_last > start + 9_600, "a bit of it")
        outlet = hall.outlets[0]
        outlet.stop("t1", hall.now())
        sent = outlet._position  # of what was on its way already
        await until(lambda: outlet.resting, "rest")
        assert hall.played_last <= sent
        heard = decoded([frame.opus for frame in discord.voice.frames])
        assert np.abs(heard[-4_800:]).max() < 300


async def test_too_much_is_not_kept(discord: DiscordServer) -> None:
    async with talking(discord) as (_, hall):
        say(hall, np.zeros(outlets._MOST + 48_000, "<i2"))
        assert hall.outlets[0].lost >= 48_000 - 9_600


# --- people speak


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no stall of a busy machine for silence, or for a loss."""
    monkeypatch.setattr("marotte.links.discord.receive.WAIT", 1.0)


@pytest.mark.alone
async def test_what_somebody_says_is_heard(discord: DiscordServer, unhurried: None) -> None:
    word = soxr.resample(flite("tell me a joke").astype(np.float32), 16_000, 48_000).astype("<i2")
    async with talking(discord) as (_, hall):
        ada, bob = discord.voice_join("ada"), discord.voice_join("bob")
        both = discord.voice.speak(ada, frames(word)), discord.voice.speak(bob, frames(tone(660, 0.5)))
        await asyncio.gather(*both)
        await until(lambda: len(hall.of(ada)) > len(word) / 3 + 8_000, "all of it, and silence")
        original = flite("tell me a joke").astype(float)
        got = hall.of(ada)
        size = 1 << (len(got) + len(original)).bit_length()
        alike = np.fft.irfft(np.fft.rfft(got, size) * np.conj(np.fft.rfft(original, size)))
        place = int(np.argmax(alike))
        piece = got[place : place + len(original)]
        near = np.corrcoef(piece, original[: len(piece)])[0, 1]
        assert near > 0.9, "the same sound, at the same speed"
        assert pitch(hall.loud(bob)[1_600:6_400], 16_000) == pytest.approx(660, abs=5)
        discord.voice_leave(bob)
        await until(lambda: f"discord:{bob.id}" in hall.ended, "the end of his microphone")
        assert f"discord:{ada.id}" not in hall.ended


@pytest.mark.alone
async def test_silence_follows_so_that_the_ears_know_the_end(discord: DiscordServer) -> None:
    async with talking(discord) as (_, hall):
        ada = discord.voice_join("ada")
        await discord.voice.speak(ada, frames(tone(440, 0.4)))
        await until(lambda: len(hall.of(ada)) > 16_000 * 2.5, "silence after it")
        assert np.abs(hall.of(ada)[-16_000:]).max() < 10


@pytest.mark.parametrize("fault", ["udp_loss:0.2", "udp_reorder"])
@pytest.mark.alone
async def test_what_is_lost_or_in_disorder(
    discord: DiscordServer, fault: str, unhurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "udp_reorder":
        monkeypatch.setattr("marotte.links.discord.jitter.HOLD", 5.0)
    async with talking(discord) as (stage, hall):
        ada = discord.voice_join("ada")
        discord.fault(fault)
        await discord.voice.speak(ada, frames(tone(440, 1.5)), silence=25)
        await until(lambda: len(hall.loud(ada)) >= 16_000, "most of it")
        await until(lambda: len(hall.of(ada)) > 16_000 * 3.5, "all of it")
        loud = hall.loud(ada)
        assert abs(len(loud) - 24_000) < 4_000, "in its own time"
        assert pitch(loud, 16_000) == pytest.approx(440, abs=5)
        if fault == "udp_reorder":
            # Two that swapped places would be a break in the wave.
            assert np.abs(np.diff(loud[2_000:-2_000], 2)).max() < 1_200
        assert stage.link.counters["frames heard"] > 40


@pytest.mark.alone
async def test_forged_packets_and_strangers_do_no_harm(discord: DiscordServer) -> None:
    async with talking(discord) as (stage, hall):
        ada = discord.voice_join("ada")
        call = discord.voice.calls[-1]
        for packet in (b"", b"\x90", bytes(12), b"\x90\x78" + bytes(100), bytes(range(256)) * 8):
            discord.voice._to(call, packet)
        discord.voice._to(call, rtp.sound(call.mode, call.key, 99, 1, 1, 4_242, b"opus"))
        discord.voice._to(call, rtp.sound(call.mode, bytes(32), 99, 1, 1, 4_242, b"opus"))
        await discord.voice.speak(ada, [b"\xff\xff\xff", *frames(tone(440, 0.3))])
        await until(lambda: len(hall.loud(ada)) > 3_200, "what she says")
        assert stage.link.counters["packets of nobody yet"] >= 1
        assert stage.link.counters["packets refused"] >= 4


async def test_a_microphone_that_cannot_be_heard_is_told(
    discord: DiscordServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("marotte.links.discord.voice._DEAF", 0.02)
    async with talking(discord) as (stage, hall):
        hall.error = RuntimeError("no detector is installed")
        await discord.voice.speak(discord.voice_join("ada"), frames(tone(440, 0.1)))
        await until(lambda: "no detector" in voice_of(stage).detail, "the reason")
        await until(lambda: hall.listened >= 5, "further attempts")
        assert len([one for one in caplog.messages if "no detector" in one]) == 1, "it is logged once"


def voice_of(stage: Stage) -> Any:
    return next(one for one in stage.link.standing() if one.name.startswith("voice"))


# --- end-to-end encryption


class Dave:
    """Stands in for a session of end-to-end encryption: what it knows, it turns round."""

    ready = True

    def __init__(self) -> None:
        self.error = ""

    def decrypt(self, user: int, kind: Any, frame: bytes) -> bytes:
        if self.error:
            raise ValueError(f"Failed to decrypt: {self.error}")
        return frame[::-1]

    def encrypt_opus(self, frame: bytes) -> bytes:
        return frame[::-1]


@pytest.mark.parametrize("error", ["", "NoValidCryptorFound", "UnencryptedWhenPassthroughDisabled", "not ready"])
@pytest.mark.alone
async def test_end_to_end_encryption(discord: DiscordServer, error: str, caplog: pytest.LogCaptureFixture) -> None:
    async with talking(discord) as (stage, hall):
        connection = stage.link._bot.voice_clients[0]._connection  # type: ignore[union-attr]
        dave = Dave()
        dave.error = error
        connection.dave_session, connection.dave_protocol_version = dave, 1
        dave.ready = error != "not ready"
        ada = discord.voice_join("ada")
        await discord.voice.speak(ada, [frame[::-1] for frame in frames(tone(440, 0.5))])
        if error:
            await until(lambda: stage.link.counters["frames undecipherable"] > 15, "what cannot be heard")
            assert len(hall.loud(ada)) == 0
            dave.error, dave.ready = "", True
            await discord.voice.speak(ada, [frame[::-1] for frame in frames(tone(440, 0.5))])
        await until(lambda: len(hall.loud(ada)) > 7_000, "what she says")
        assert pitch(hall.loud(ada)[1_600:6_400], 16_000) == pytest.approx(440, abs=5)


async def test_a_channel_that_does_not_let_it_in_says_why(discord: DiscordServer) -> None:
    discord.fault("voice:4017", times=100)
    async with talking(discord, joined=False) as (stage, _):
        await until(lambda: "end-to-end encrypted" in voice_of(stage).detail, "the reason")
        assert not voice_of(stage).ok


async def test_a_missing_library_is_told(discord: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discord.voice_client.has_dave", False)
    async with talking(discord, joined=False) as (stage, _):
        await until(lambda: "pip install 'marotte[discord]'" in voice_of(stage).detail, "the reason")
        assert "davey" in voice_of(stage).detail


async def test_a_missing_opus_is_told(discord: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise opus.OpusNotLoaded

    monkeypatch.setattr("discord.opus.Encoder", missing)
    async with talking(discord, joined=False) as (stage, _):
        await until(lambda: "libopus0" in voice_of(stage).detail, "the reason")


async def test_a_channel_that_is_not_there(discord: DiscordServer) -> None:
    link = DiscordLink(Discord(voice="attic"), {"DISCORD_TOKEN": TOKEN}, lambda event: None, Clock(), Random(1))
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(link.speak(Hall()))]
    await until(lambda: "balcony" in link.talk.standing().detail, "the names of those that are")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# --- calls break


@pytest.mark.parametrize("fault", ["voice:4006", "voice:4009", "voice:drop", "voice:4015", "invalid_session", "drop"])
async def test_a_broken_call_is_made_again(
    discord: DiscordServer, fault: str, unhurried: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "discord")
    async with talking(discord) as (_, hall):
        ada = discord.voice_join("ada")
        await discord.voice.speak(ada, frames(tone(440, 0.3)))
        await until(lambda: len(hall.loud(ada)) > 3_200, "the first")
        before = (discord.voice.identified, discord.voice.resumed, discord.sessions.resumed)
        discord.fault(fault)
        await until(
            lambda: (discord.voice.identified, discord.voice.resumed, discord.sessions.resumed) != before, "it again"
        )
        await until(lambda: hall.outlets and discord.voice.calls and discord.voice.calls[-1].spoke, "the call")
        heard = len(hall.loud(ada))
        await again(lambda: discord.voice.speak(ada, frames(tone(440, 0.3))), lambda: len(hall.loud(ada)) > heard)
        count = len(discord.voice.frames)
        await again(lambda: spoken(hall), lambda: len(discord.voice.frames) > count + 10)


async def test_late_news_of_a_former_call_does_not_end_the_next(discord: DiscordServer) -> None:
    async with talking(discord) as (stage, hall):
        discord.fault("voice_late")
        discord.fault("voice:4006")
        await until(lambda: hall.attached == 2, "another call", 15)
        assert voice_of(stage).ok


async def test_news_of_a_call_that_nobody_can_read_costs_nothing(discord: DiscordServer) -> None:
    async with talking(discord) as (stage, hall):
        odd: tuple[Any, ...] = ({"user_id": "5"}, {"user_id": None, "ssrc": 1}, {"user_id": [], "ssrc": "x" * 100_000},
                                {"ssrc": 5}, [], "user_id", 5, None)  # fmt: skip
        for op in (5, 11, 13, 99):
            for data in odd:
                discord.voice.calls[-1].send(op, data)
        ada = discord.voice_join("ada")
        await again(lambda: discord.voice.speak(ada, frames(tone(440, 0.3))), lambda: len(hall.loud(ada)) > 3_200)
        assert (discord.voice.identified, hall.attached) == (1, 1), "it is the same call"
        assert stage.link.counters["malformed"] >= 6


async def test_what_cannot_be_decrypted_is_told(discord: DiscordServer) -> None:
    async with talking(discord) as (stage, _):
        await until(lambda: voice_of(stage).ok, "all is well")
        receiver = stage.link.talk._receiver
        assert receiver is not None
        receiver.undecipherable = "somebody's end-to-end encryption cannot be opened"
        assert (voice_of(stage).ok, voice_of(stage).detail) == (False, receiver.undecipherable)


async def test_a_call_that_the_library_gives_up_in_silence_is_made_again(
    discord: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What its poller cannot read ends the poller and nothing else: we would stay in the channel, deaf."""
    async with talking(discord) as (_, hall):
        line = discord.voice.calls[-1].line
        assert line is not None
        line.outbox.put_nowait({"d": "what is this?"})
        await until(lambda: hall.attached == 2, "another call")
        ada = discord.voice_join("ada")
        await again(lambda: discord.voice.speak(ada, frames(tone(440, 0.3))), lambda: len(hall.loud(ada)) > 3_200)


async def test_a_call_in_which_it_has_lost_its_voice_is_made_again(
    discord: DiscordServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The library's thread ends with the first error, and tells nobody."""
    caplog.set_level(logging.CRITICAL, "discord")
    async with talking(discord) as (_, hall):
        hall.outlets[0]._pieces.append(None)
        hall.outlets[0].play("t0", "l0", hall.now(), bytes(960))
        await until(lambda: hall.attached == 2, "another call")
        discord.voice.frames.clear()
        await again(lambda: spoken(hall), lambda: len(discord.voice.frames) > 10)


async def spoken(hall: Hall) -> None:
    if hall.outlets:
        hall.played_last = 0
        say(hall, tone(440, 0.3))
    await asyncio.sleep(0.3)


async def again(work: Callable[[], Any], done: Callable[[], bool]) -> None:
    """Do something until it shows: what is said while a call is being made again is lost, as on a telephone."""
    async with asyncio.timeout(PATIENCE):
        while not done():
            await work()


async def test_a_link_that_is_connected_anew_calls_anew(discord: DiscordServer, unhurried: None) -> None:
    async with talking(discord) as (stage, hall):
        first = hall.outlets[0]
        await stage.restart()
        await until(lambda: hall.outlets and hall.outlets[0] is not first, "another call")
        ada = discord.voice_join("ada")
        await again(lambda: discord.voice.speak(ada, frames(tone(440, 0.3))), lambda: len(hall.loud(ada)) > 3_200)


async def test_who_throws_it_out_has_peace(discord: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with talking(discord) as (stage, hall):
        discord.fault("voice:4014")
        await until(lambda: "disconnected it" in voice_of(stage).detail, "the end")
        assert discord.world.bot.id not in discord.world.voices
        assert hall.attached == 1


# --- a whole show


@pytest.mark.alone
async def test_a_show_listens_and_answers_there(
    discord: DiscordServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marotte.links.discord.receive.WAIT", 0.4)
    monkeypatch.setattr("marotte.senses.hearing.hearing.STALL", 60.0)
    show = config.parse(
        '[discord]\nvoice = "balcony"\n[attention]\nlull_after = 0\n[hearing]\nchain = ["pocketsphinx"]\n'
    )
    run = Run(show, tmp_path, {"DISCORD_TOKEN": TOKEN})
    said = run.bus.subscribe("percept.utterance.>", size=10)
    ends = run.bus.subscribe("event.line_ended.>", size=100)
    await run.start()
    try:
        await until(lambda: run.public.speaker.outlet_of_record == "discord", "the call", 60)
        ada = discord.voice_join("ada")
        word = soxr.resample(flite("tell me a joke").astype(np.float32), 16_000, 48_000).astype("<i2")
        await discord.voice.speak(ada, frames(np.concatenate([np.zeros(24_000, "<i2"), word])))
        async with asyncio.timeout(2 * PATIENCE):
            heard: Utterance = (await said.get()).data
            assert (heard.text, heard.viewer and heard.viewer.id) == ("tell me a joke", f"discord:{ada.id}")
            end: LineEnded = (await ends.get()).data
            assert end.heard
            assert not end.cut
        loud = decoded([frame.opus for frame in discord.voice.frames])
        assert np.abs(loud).max() > 1_000
    finally:
        await run.stop()
