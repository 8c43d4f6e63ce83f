"""The voice server of the local Discord, as the real discord.py and a raw client find it."""

import asyncio
import itertools
import math
import select
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import discord as library
import numpy as np
import pytest
from discord import opus
from nacl.secret import Aead

from tests.servers.discord import DiscordServer, patched, rtp
from tests.servers.discord.clients import Pip, Raw, dialled, general, identity, logged_in
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library try again at once.

    Its thread that reads UDP waits up to 30 s on the socket of the call before, and is deaf to the new one meanwhile.
    """
    monkeypatch.setattr("discord.backoff.ExponentialBackoff.delay", lambda _: 0.01)
    brief = SimpleNamespace(select=lambda r, w, x, timeout: select.select(r, w, x, min(timeout, 0.02)))
    monkeypatch.setattr("discord.voice_state.select", brief)


@pytest.fixture
async def discord() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        with patched(server):
            yield server


@pytest.fixture
async def pip(discord: DiscordServer) -> AsyncIterator[Pip]:
    async with logged_in(discord) as pip:
        yield pip
    assert discord.complaints == []


class Tone(library.AudioSource):
    """A second of a tone, as 16-bit stereo."""

    def __init__(self) -> None:
        wave = (12_000 * np.sin(np.arange(48_000) * 2 * math.pi * 440 / 48_000)).astype("<i2")
        self.pcm = np.repeat(wave, 2).tobytes()

    def read(self) -> bytes:
        frame, self.pcm = self.pcm[:3840], self.pcm[3840:]
        return frame


@asynccontextmanager
async def on_the_air(pip: Pip, channel: str = "balcony", **options: Any) -> AsyncIterator[library.VoiceClient]:
    voice = await general(pip, channel).connect(timeout=PATIENCE, **options)
    try:
        yield voice
    finally:
        await voice.disconnect(force=True)


def loudness(frames: list[bytes]) -> float:
    decoder = opus.Decoder()
    pcm = b"".join(decoder.decode(frame, fec=False) for frame in frames)
    return float(np.abs(np.frombuffer(pcm, "<i2").astype(float)).mean())


async def test_what_is_played_is_heard(discord: DiscordServer, pip: Pip) -> None:
    assert opus.is_loaded() or opus._load_default(), "libopus0 is missing"
    async with on_the_air(pip) as voice:
        assert voice.mode == rtp.XCHACHA
        assert list(discord.voice.dave) == [1]
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        voice.play(Tone(), after=lambda _: loop.call_soon_threadsafe(ended.set))
        await asyncio.wait_for(ended.wait(), PATIENCE)
        await until(lambda: len(discord.voice.frames) == 55, "a second, and five frames of silence")
        frames = list(discord.voice.frames)
        assert [frame.opus for frame in frames[50:]] == [rtp.SILENCE] * 5
        assert np.diff([frame.sequence for frame in frames]).tolist() == [1] * 54
        assert np.diff([frame.timestamp for frame in frames]).tolist() == [960] * 54
        assert loudness([frame.opus for frame in frames[5:50]]) > 3_000
        await until(lambda: discord.voice.speaking.count(0) == 2, "the end of speaking")
        assert discord.voice.speaking[1] == 1


async def test_what_people_say_arrives(discord: DiscordServer, pip: Pip) -> None:
    encoder = opus.Encoder()
    tone = Tone()
    frames = [encoder.encode(tone.read(), 960) for _ in range(50)]
    async with on_the_air(pip) as voice:
        packets: list[bytes] = []
        voice._connection.add_socket_listener(packets.append)
        ada = discord.voice_join("ada")
        await discord.voice.speak(ada, frames, pace=0.001)
        await until(lambda: len(packets) == 56, "a report, a second, and five frames of silence")
        assert packets[0][1] == rtp.RECEIVER_REPORT
        heard = [opened(bytes(voice.secret_key), packet) for packet in packets[1:]]
        assert heard == [*frames, *[rtp.SILENCE] * 5]
        assert loudness(heard[5:50]) > 3_000
        sequences = [struct.unpack_from(">H", packet, 2)[0] for packet in packets[1:]]
        assert {(later - earlier) % 65_536 for earlier, later in itertools.pairwise(sequences)} == {1}


def opened(key: bytes, packet: bytes) -> bytes:
    """Open a packet by the book, apart from the server's own code."""
    assert packet[:2] == b"\x90\x78"
    assert packet[12:14] == b"\xbe\xde"
    words = struct.unpack_from(">H", packet, 14)[0]
    plain = Aead(key).decrypt(packet[16:-4], packet[:16], packet[-4:] + bytes(20))
    return plain[4 * words :]


async def test_the_deaf_hear_nothing_and_others_need_a_channel(discord: DiscordServer, pip: Pip) -> None:
    with pytest.raises(ValueError):
        await discord.voice.speak(discord.user("ada"), [])
    async with on_the_air(pip, self_deaf=True) as voice:
        packets: list[bytes] = []
        voice._connection.add_socket_listener(packets.append)
        await discord.voice.speak(discord.voice_join("ada"), [rtp.SILENCE] * 5, pace=0.001)
        await pip.guilds[0].change_voice_state(channel=voice.channel, self_deaf=False)
        await until(lambda: not discord.world.voices[discord.world.bot.id].self_deaf, "open ears")
        await discord.voice.speak(discord.voice_join("ada"), [rtp.SILENCE], pace=0.001, silence=0)
        await until(lambda: len(packets) == 2, "the report, and one frame")


async def test_packets_are_lost_and_reordered(discord: DiscordServer, pip: Pip) -> None:
    async with on_the_air(pip) as voice:
        packets: list[bytes] = []
        voice._connection.add_socket_listener(packets.append)
        ada = discord.voice_join("ada")
        discord.fault("udp_reorder")
        await discord.voice.speak(ada, [rtp.SILENCE] * 4, pace=0.001, silence=1)
        await until(lambda: len(packets) == 6, "all of them")
        numbers = [struct.unpack_from(">H", packet, 2)[0] for packet in packets[1:]]
        assert [(number - numbers[1]) % 65_536 for number in numbers] == [1, 0, 3, 2, 4]
        discord.fault("udp_reorder", 0)
        discord.fault("udp_loss:0.5")
        packets.clear()
        await discord.voice.speak(ada, [rtp.SILENCE] * 100, pace=0.001, silence=0)
        await until(lambda: len(packets) == 100 - discord.voice.lost, "what was not lost")
        assert 10 < discord.voice.lost < 90


async def test_who_is_thrown_out_is_off_the_air(discord: DiscordServer, pip: Pip) -> None:
    voice = await general(pip, "balcony").connect(timeout=PATIENCE)
    discord.fault("voice:4014")
    await until(lambda: not voice.is_connected() and not discord.world.voices, "the end")
    await until(lambda: pip.voice_clients == [], "the client's end")


@pytest.mark.parametrize("fault", ["voice:4006", "voice:4009", "voice:drop"])
async def test_a_broken_call_is_made_again(discord: DiscordServer, pip: Pip, fault: str) -> None:
    async with on_the_air(pip) as voice:
        discord.fault(fault)
        await until(lambda: discord.voice.identified == 2 and voice.is_connected(), "the second call")


async def test_a_channel_that_wants_dave_refuses(discord: DiscordServer, pip: Pip) -> None:
    discord.fault("voice:4017")
    with pytest.raises(library.ConnectionClosed) as refused:
        await general(pip, "balcony").connect(timeout=PATIENCE, reconnect=False)
    assert refused.value.code == 4017


async def test_it_moves_and_is_moved(discord: DiscordServer, pip: Pip) -> None:
    async with on_the_air(pip) as voice:
        await voice.move_to(general(pip, "cellar"))
        await until(lambda: voice.is_connected() and voice.channel.name == "cellar", "the cellar")
        discord.voice_join(discord.world.bot, "balcony")
        await until(lambda: discord.voice.identified == 3 and voice.is_connected(), "the balcony")


@asynccontextmanager
async def called(discord: DiscordServer) -> AsyncIterator[tuple[Raw, Raw, dict[str, Any]]]:
    """A raw client with a voice gateway, and what it identifies with."""
    async with dialled(f"{discord.gateway}?v=10&encoding=json") as raw:
        await raw.send(2, identity())
        ready = await raw.next(0, "READY")
        channel = {"guild_id": str(discord.world.guild), "channel_id": str(discord.world.channel("balcony").id)}
        await raw.send(4, channel | {"self_mute": False, "self_deaf": False})
        state = (await raw.next(0, "VOICE_STATE_UPDATE"))["d"]
        ticket = (await raw.next(0, "VOICE_SERVER_UPDATE"))["d"]
        who = {"server_id": ticket["guild_id"], "session_id": state["session_id"], "token": ticket["token"],
               "user_id": ready["d"]["user"]["id"]}  # fmt: skip
        async with dialled(f"ws://{ticket['endpoint']}/?v=8") as line:
            assert (await line.next(8))["d"]["heartbeat_interval"] > 0
            yield raw, line, who


def protocol(mode: str = rtp.GCM, port: int = 9) -> dict[str, Any]:
    return {"protocol": "udp", "data": {"address": "127.0.0.1", "port": port, "mode": mode}}


@pytest.mark.parametrize(
    ("change", "op", "d", "code"),
    [
        ({"token": "x"}, 0, None, 4006), ({"server_id": "1"}, 0, None, 4011), ({"user_id": "1"}, 0, None, 4004),
        ({}, 1, protocol("xsalsa20_poly1305"), 4016), ({}, 1, protocol() | {"protocol": "tcp"}, 4012),
        ({}, 5, {"ssrc": 0, "speaking": 1}, 4020), ({}, 77, {}, 4001), ({}, 0, {}, 4005), ({}, 3, {"t": "x"}, 4020),
    ],
)  # fmt: skip
async def test_mistakes_of_a_call(
    discord: DiscordServer, change: dict[str, Any], op: int, d: dict[str, Any] | None, code: int
) -> None:
    async with called(discord) as (_, line, who):
        await line.send(0, who | change)
        if d is not None:
            await line.next(2)
            await line.send(op, d)
        assert await line.code() == code


async def test_a_call_is_resumed_with_what_was_missed(discord: DiscordServer) -> None:
    async with called(discord) as (_, line, who):
        await line.send(0, who)
        await line.next(2)
        await line.send(1, protocol())
        assert (await line.next(4))["d"]["dave_protocol_version"] == 0
        ada = discord.voice_join("ada")
        first = await line.next(11)
        assert first["d"] == {"user_ids": [str(ada.id)]}
        await line.send(3, {"t": 5, "seq_ack": first["seq"]})
        assert (await line.next(6))["d"] == {"t": 5}
        discord.fault("voice:drop")
        discord.voice_leave(ada)
        async with dialled(f"ws://{discord.endpoint}/?v=8") as again:
            await again.send(7, who | {"seq_ack": first["seq"]})
            await again.next(9)
            missed = await again.next(13)
            assert missed["d"] == {"user_id": str(ada.id)}
            assert missed["seq"] == first["seq"] + 1
        async with dialled(f"ws://{discord.endpoint}/?v=8") as again:
            await again.send(7, who | {"seq_ack": 99})
            assert await again.code() == 4006


@pytest.mark.parametrize("mode", rtp.MODES)
def test_packets_open_only_with_their_key(mode: str) -> None:
    key = bytes(range(32))
    packet = rtp.sound(mode, key, 7, 65_535, 960, 42, b"opus")
    assert rtp.opened(mode, key, packet) == rtp.Packet(65_535, 960, 42, 7, b"opus")
    spoilt: list[Callable[[], Any]] = [
        lambda: rtp.opened(mode, key[::-1], packet), lambda: rtp.opened(mode, key, packet[:30]),
        lambda: rtp.opened(mode, key, packet[:4] + b"\1" + packet[5:]),
        lambda: rtp.opened(mode, key, b"\x80\x00" + packet[2:]),
    ]  # fmt: skip
    for spoil in spoilt:
        with pytest.raises(ValueError):
            spoil()


async def test_packets_against_the_rules_are_told(discord: DiscordServer) -> None:
    async with called(discord) as (_, line, who):
        await line.send(0, who)
        ready = (await line.next(2))["d"]
        received: asyncio.Queue[bytes] = asyncio.Queue()

        class Ear(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                received.put_nowait(data)

        address = (ready["ip"], ready["port"])
        udp, _ear = await asyncio.get_running_loop().create_datagram_endpoint(Ear, remote_addr=address)
        udp.sendto(struct.pack(">HHI66x", 1, 70, ready["ssrc"]))
        found = await asyncio.wait_for(received.get(), PATIENCE)
        port = udp.get_extra_info("sockname")[1]
        assert found == struct.pack(">HHI64sH", 2, 70, ready["ssrc"], b"127.0.0.1", port)
        await line.send(1, protocol(port=port))
        key = bytes((await line.next(4))["d"]["secret_key"])

        def packet(number: int, counter: int) -> bytes:
            return rtp.sound(rtp.GCM, key, counter, number, 960 * number, ready["ssrc"], b"opus")

        udp.sendto(packet(1, 1))
        await until(lambda: len(discord.complaints) == 1, "sound before opcode 5")
        await line.send(5, {"speaking": 1, "delay": 0, "ssrc": ready["ssrc"]})
        await until(lambda: discord.voice.speaking, "opcode 5")
        for number, counter in ((1, 2), (2, 3), (4, 4), (5, 4), (4, 5)):
            udp.sendto(packet(number, counter))
        udp.sendto(packet(6, 6)[:-1] + b"x")
        await until(lambda: len(discord.complaints) == 5, "a gap, a nonce twice, a step back, and a forgery")
        assert [frame.sequence for frame in discord.voice.frames] == [1, 2]
        udp.close()
