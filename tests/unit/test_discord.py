"""Discord's parts that need no server: packets, order, one speaker's microphone, the outlet, words, and who is who."""

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from marotte.config_links import Discord
from marotte.events import Emote
from marotte.links.discord.acts import Acts, parts
from marotte.links.discord.jitter import HOLD, MOST, Jitter
from marotte.links.discord.login import invitation
from marotte.links.discord.outlet import FRAME, DiscordOutlet
from marotte.links.discord.percepts import viewer, words
from marotte.links.discord.receive import TAIL, Receiver, Voice
from marotte.links.discord.rtp import GCM, SILENCE, XCHACHA, Packet, PacketError, opened
from marotte.links.link import Passing
from marotte.time import Clock
from tests.servers.discord import rtp as theirs

KEY = bytes(range(32))


# --- packets


@pytest.mark.parametrize("mode", [XCHACHA, GCM])
def test_a_packet_is_opened(mode: str) -> None:
    packet = theirs.sound(mode, KEY, 7, 65_535, 4_000_000_000, 42, b"opus")
    assert opened(mode, KEY, packet) == Packet(65_535, 4_000_000_000, 42, b"opus")


@pytest.mark.parametrize("mode", [XCHACHA, GCM])
def test_padding_and_contributors_are_no_sound(mode: str) -> None:
    header = b"\xa2\xf8" + bytes.fromhex("0001 00000002 00000003") + bytes(8)
    packet = theirs.seal(mode, KEY, 1, header, b"opus" + b"\0\0\x03")
    assert opened(mode, KEY, packet) == Packet(1, 2, 3, b"opus")


@pytest.mark.parametrize(
    "change",
    [
        lambda packet: packet[:-1] + bytes([packet[-1] ^ 1]),
        lambda packet: packet[:5] + b"\x99" + packet[6:],
        lambda packet: packet[:20] + b"\x99" + packet[21:],
        lambda packet: packet[:31],
        lambda packet: b"",
        lambda packet: b"\x80\xc9" + packet[2:],
        lambda packet: b"\x40" + packet[1:],
        lambda packet: b"\x9f" + packet[1:],
        lambda packet: packet + bytes(3_000),
    ],
)
def test_what_is_not_genuine_is_refused(change: Any) -> None:
    packet = theirs.sound(XCHACHA, KEY, 7, 1, 960, 42, b"opus")
    with pytest.raises(PacketError):
        opened(XCHACHA, KEY, change(packet))


def test_other_modes_and_keys_are_refused() -> None:
    packet = theirs.sound(XCHACHA, KEY, 7, 1, 960, 42, b"opus")
    for mode, key in ((GCM, KEY), ("xsalsa20_poly1305", KEY), (XCHACHA, KEY[::-1]), (XCHACHA, b"short")):
        with pytest.raises(PacketError):
            opened(mode, key, packet)


# --- order


def put(jitter: Jitter, *sequences: int, now: float = 0.0) -> None:
    for sequence in sequences:
        jitter.put(sequence, b"%d" % sequence, now)


def taken(jitter: Jitter, now: float = 0.0) -> list[int | None]:
    return [None if frame is None else int(frame) for frame in jitter.take(now)]


def test_in_order_nothing_waits() -> None:
    jitter = Jitter()
    put(jitter, 65_534, 65_535, 0, 1)
    assert taken(jitter) == [65_534, 65_535, 0, 1]
    assert jitter.wait(0.0) is None


def test_disorder_is_put_right_and_doubles_are_dropped() -> None:
    jitter = Jitter()
    put(jitter, 10)
    assert taken(jitter) == [10]
    put(jitter, 12, 12, 10)
    assert taken(jitter, 0.05) == []
    put(jitter, 11)
    assert taken(jitter, 0.05) == [11, 12]
    assert jitter.lost == 0


def test_what_is_lost_is_waited_for_only_so_long() -> None:
    jitter = Jitter()
    put(jitter, 10)
    assert taken(jitter) == [10]
    put(jitter, 13, now=1.0)
    assert taken(jitter, 1.0 + HOLD / 2) == []
    assert jitter.wait(1.0) == pytest.approx(HOLD)
    assert taken(jitter, 1.0 + HOLD) == [None, None, 13]
    assert jitter.lost == 2
    put(jitter, 11)
    assert taken(jitter) == [], "it comes too late"


def test_a_long_gap_is_not_filled() -> None:
    jitter = Jitter()
    put(jitter, 10)
    taken(jitter)
    put(jitter, 10 + 3 * MOST)
    assert taken(jitter, HOLD) == [10 + 3 * MOST]


def test_a_new_beginning() -> None:
    jitter = Jitter()
    put(jitter, 10)
    taken(jitter)
    for start in (30_000, 29_000, 62_000):
        put(jitter, start, start + 1)
        assert taken(jitter) == [start, start + 1]


# --- one speaker


def level(value: int) -> Any:
    """A decoder whose frames hold their own number."""

    def decode(frame: bytes | None) -> bytes:
        if frame == b"bad":
            raise ValueError
        return np.full(320, value if frame is not None else 0, "<i2").tobytes()

    return decode


@pytest.mark.anyio
@pytest.mark.virtual
async def test_a_microphone_gives_sound_then_silence_then_nothing() -> None:
    clock, pieces = Clock(), []
    voice = Voice(level(1_000), clock)

    async def listen() -> None:
        async for piece in voice.sound():
            pieces.append((clock.now(), np.frombuffer(piece, "<i2")))

    began = clock.now()
    task = asyncio.create_task(listen())
    for sequence in range(50):
        await clock.sleep(0.02)
        voice.put(sequence, b"bad" if sequence == 20 else b"x")
    await clock.sleep(2 * TAIL)
    sound = np.concatenate([piece for _, piece in pieces])
    spoken = sum(len(piece) for at, piece in pieces if at <= began + 1.01)
    assert spoken == pytest.approx(16_000, abs=400), "as long as it lasted"
    assert TAIL - 0.3 < (len(sound) - spoken) / 16_000 < TAIL + 0.3
    assert pieces[-1][0] < began + 1.0 + TAIL + 0.3, "after that, nobody is kept busy"
    assert sound[8_000:9_000].max() == 1_000
    assert voice.spoilt == 1
    voice.put(50, b"x")
    voice.end()
    await task
    assert len(pieces[-1][1]) > 0


@pytest.mark.anyio
@pytest.mark.virtual
async def test_whoever_does_not_listen_makes_nothing_grow() -> None:
    voice = Voice(level(1), Clock())
    for sequence in range(5_000):
        voice.put(sequence % 65_536, b"x")
    assert len(voice._heard) <= 100


class Secrets:
    mode, key = XCHACHA, KEY

    def __init__(self) -> None:
        self.error = ""

    def end_to_end(self, user: int, frame: bytes) -> bytes:
        if self.error:
            raise ValueError(f"Failed to decrypt: {self.error}")
        return frame


class Ears:
    """A receiver and who speaks."""

    def __init__(self) -> None:
        self.clock, self.secrets, self.voices = Clock(), Secrets(), {}
        loop = asyncio.get_running_loop()
        self.receiver = Receiver(self.secrets, lambda: level(9_000), self.speaks, self.clock, loop)
        self._counter = 0

    def speaks(self, user: int, voice: Voice) -> None:
        self.voices[user] = voice

    def hear(self, ssrc: int, frame: bytes = b"opus") -> None:
        self._counter += 1
        self.receiver.packet(theirs.sound(XCHACHA, KEY, self._counter, self._counter, 960, ssrc, frame))
        self.receiver.sort()


@pytest.mark.anyio
@pytest.mark.virtual
async def test_who_speaks_is_learnt_in_time_or_too_late() -> None:
    ears = Ears()
    ears.hear(7)
    assert ears.voices == {}
    ears.receiver.user(7, 70)
    assert list(ears.voices) == [70]
    ears.hear(8)
    await ears.clock.sleep(2.0)
    ears.receiver.user(8, 80)
    assert list(ears.voices) == [70], "what is old is not heard as new"
    ears.receiver.left(70)
    assert ears.voices[70].ended


@pytest.mark.anyio
@pytest.mark.virtual
async def test_so_many_are_heard_at_once() -> None:
    ears = Ears()
    for user in range(12):
        await ears.clock.sleep(0.1)
        ears.receiver.user(user + 100, user)
        ears.hear(user + 100)
    assert [user for user, voice in ears.voices.items() if voice.ended] == [0, 1, 2, 3]
    for ssrc in range(5_000):
        ears.receiver.user(ssrc, 1)
    assert len(ears.receiver._users) <= 1_000


@pytest.mark.anyio
@pytest.mark.virtual
async def test_while_keys_change_there_is_silence_and_then_nothing() -> None:
    ears = Ears()
    ears.receiver.user(7, 70)
    ears.hear(7, SILENCE)
    counted = ears.receiver.counted
    assert counted["frames heard"] == 1, "the server's silence needs no key"
    ears.secrets.error = "NoValidCryptorFound"
    ears.hear(7)
    assert counted["frames heard"] == 2
    await ears.clock.sleep(0.2)
    ears.hear(7)
    assert (counted["frames heard"], counted["frames undecipherable"]) == (2, 1)
    await ears.clock.sleep(6.0)
    ears.hear(7)
    assert "NoValidCryptorFound" in ears.receiver.undecipherable
    ears.secrets.error = ""
    ears.hear(7)
    assert ears.receiver.undecipherable == ""
    ears.secrets.error = "UnencryptedWhenPassthroughDisabled"
    ears.hear(7)
    assert counted["frames heard"] == 3, "what should be encrypted and is not could be anybody's"


# --- the outlet


class Stage:
    """An outlet whose floor's clock and frames a test moves."""

    def __init__(self) -> None:
        self.reports: list[int] = []
        self.calls: list[str] = []
        self.at = 1_000_000
        self.outlet = DiscordOutlet(self.reports.append, lambda: self.at)
        self.outlet.wake = lambda: self.calls.append("wake")
        self.outlet.rest = lambda: self.calls.append("rest")

    def take(self, count: int = 1) -> np.ndarray:
        frames = [np.frombuffer(self.outlet.take(), "<i2") for _ in range(count)]
        self.at += FRAME * count
        assert all(len(frame) == 2 * FRAME for frame in frames)
        stereo = np.concatenate(frames)
        assert (stereo[::2] == stereo[1::2]).all()
        return stereo[::2]

    def play(self, sample: int, length: int, value: int = 100, line: str = "l") -> None:
        self.outlet.play("t", line, sample, np.full(length, value, "<i2").tobytes())


def test_sound_is_sent_when_it_is_due_and_reported_when_it_was_played() -> None:
    stage = Stage()
    assert stage.outlet.resting
    stage.play(stage.at + FRAME + 100, FRAME)
    assert stage.calls == ["wake"]
    sent = stage.take(3)
    assert np.flatnonzero(sent)[[0, -1]].tolist() == [FRAME + 100, 2 * FRAME + 99]
    assert stage.reports == [1_000_000 + 2 * FRAME]
    stage.take()
    assert stage.reports[-1] == 1_000_000 + 2 * FRAME + 100
    stage.take(50)
    assert stage.calls == ["wake", "rest"]
    stage.at += 480_000
    stage.play(stage.at, FRAME)
    assert stage.calls == ["wake", "rest", "wake"]
    assert stage.take(1).all()


def test_before_its_first_line_nothing_is_sent() -> None:
    stage = Stage()
    assert not stage.take(3).any()
    assert stage.calls == ["rest"], "once"
    stage.play(stage.at, FRAME)
    assert stage.calls == ["rest", "wake"]
    assert stage.take(1).all()
    stage.take(50)
    assert stage.calls == ["rest", "wake", "rest"]


def test_what_comes_late_sounds_whole_and_the_next_line_catches_up() -> None:
    stage = Stage()
    stage.play(stage.at - 5_000, FRAME)
    stage.play(stage.at - 5_000 + FRAME, FRAME)
    assert stage.take(2).all()
    stage.play(stage.at + FRAME, FRAME, line="next")
    assert np.flatnonzero(stage.take(3))[[0, -1]].tolist() == [FRAME, 2 * FRAME - 1]


def test_a_line_far_ahead_of_the_clock_waits_no_longer_than_the_lead() -> None:
    stage = Stage()
    stage.play(stage.at + 480_000, FRAME)
    assert np.flatnonzero(stage.take(20))[0] == 12_000


def test_a_cut_leaves_silence_and_says_what_was_played_last() -> None:
    stage = Stage()
    stage.play(stage.at, 100 * FRAME)
    stage.take(2)
    stage.outlet.stop("t", stage.at)
    assert not stage.take(1).any()
    assert stage.reports == [1_000_000 + FRAME, 1_000_000 + 2 * FRAME]
    stage.play(stage.at, FRAME)
    assert stage.take(1).all()


# --- words and people


@pytest.mark.parametrize(
    ("written", "text", "emotes"),
    [
        ("@Pip hello", "hello", ()),
        ("@Pip, hello", "hello", ()),
        ("hello @Pip", "hello", ()),
        ("hello @Pippa", "hello @Pippa", ()),
        ("@Pip", "", ()),
        ("a <a:b1:22> c", "a b1 c", (Emote("b1", 2, 4, "https://cdn.discordapp.com/emojis/22.gif"),)),
        ("<:x:1>", "<:x:1>", ()),
        ("  much \n space ", "much space", ()),
        ("a\x1b[2Jb\x00\u2028c", "a [2Jb c", ()),
        ("x" * 1_000_000, "x" * 4_000, ()),
    ],
)
def test_words(written: str, text: str, emotes: tuple[Emote, ...]) -> None:
    assert words(written, "@Pip") == (text, emotes)


def member(**more: Any) -> Any:
    may = dict.fromkeys(("administrator", "ban_members", "moderate_members", "manage_messages"), False)
    may |= more.pop("may", {})
    roles = [SimpleNamespace(id=number, name=name) for number, name in more.pop("held", ())]
    return SimpleNamespace(
        id=5, display_name="Ada", premium_since=None, roles=roles, guild_permissions=SimpleNamespace(**may), **more
    )


def test_who_is_who() -> None:
    guild: Any = SimpleNamespace(owner_id=9)
    hostile = member()
    hostile.display_name = "\x1b]0;me\x07\n" + "x" * 1_000_000
    assert viewer(hostile, (), guild).name == "]0;me " + "x" * 74
    hostile.display_name = "\x00 \u2028"
    assert viewer(hostile, (), guild).name == "5"
    assert viewer(member(), ("crew",), guild).roles == ()
    assert viewer(member(held=((3, "crew"),)), ("crew",), guild).roles == ("operator",)
    assert viewer(member(held=((3, "crew"),)), ("3",), guild).roles == ("operator",)
    assert viewer(member(may={"administrator": True}), (), guild).roles == ("moderator",)
    assert viewer(member(may={"ban_members": True}), (), guild).roles == ("moderator",)
    boosts = member()
    boosts.premium_since, boosts.id = 1, 9
    assert viewer(boosts, (), guild).roles == ("operator", "subscriber")
    stranger = SimpleNamespace(id=5, display_name="A\n" + "x" * 200)
    assert viewer(stranger, ("crew",), guild).roles == ()
    assert len(viewer(stranger, (), guild).name) == 80


def test_long_texts_are_cut() -> None:
    assert parts("") == []
    assert parts("short") == ["short"]
    assert [len(part) for part in parts("x" * 9_000)] == [2_000, 2_000, 2_000]
    assert parts("a" * 1_999 + " b") == ["a" * 1_999, "b"]


def test_the_invitation_asks_for_what_the_show_needs() -> None:
    quiet, loud = invitation("1", Discord(guild="7")), invitation("1", Discord(voice="den"))
    assert "guild_id=7" in quiet
    assert int(loud.rpartition("=")[2]) & (1 << 20 | 1 << 21)
    assert not int(quiet.partition("permissions=")[2].partition("&")[0]) & (1 << 20 | 1 << 3)


@pytest.mark.anyio
@pytest.mark.parametrize("error", [AttributeError, IndexError, KeyError, TypeError, ValueError])
async def test_an_answer_that_nobody_can_read_is_asked_for_again(error: type[Exception]) -> None:
    """The library fails in any of these ways; none may end the task that carries out everybody's acts."""
    acts = Acts(Discord(), lambda: None, Clock())
    with pytest.raises(Passing, match="nobody can read"), acts._told():
        raise error("what is this?")
