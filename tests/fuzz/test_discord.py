"""Discord: whatever comes over UDP, or stands in a message, nothing breaks and nothing grows."""

import asyncio
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marotte.config_links import Discord
from marotte.events import decode, encode
from marotte.links.discord.acts import LONGEST, parts
from marotte.links.discord.call import decoder
from marotte.links.discord.jitter import MOST, Jitter
from marotte.links.discord.link import DiscordLink, _order
from marotte.links.discord.percepts import chat_message, viewer, words
from marotte.links.discord.receive import Receiver, Voice
from marotte.links.discord.rtp import GCM, XCHACHA, PacketError, opened
from marotte.time import Clock
from tests.fuzz.hostile import hostile_text
from tests.servers.discord import rtp as theirs

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
KEY = bytes(range(32))
NUMBERS = st.integers(0, 65_535)


@given(st.sampled_from((XCHACHA, GCM, "")), st.binary(max_size=3_000))
@example(XCHACHA, b"\x9f\x78" + bytes(60))
def test_any_bytes_are_a_packet_or_an_error(mode: str, data: bytes) -> None:
    with pytest.raises(PacketError):
        opened(mode, KEY, data)


@given(st.sampled_from((XCHACHA, GCM)), st.binary(min_size=1, max_size=1), st.binary(max_size=40))
def test_a_genuine_packet_may_hold_anything(mode: str, first: bytes, plain: bytes) -> None:
    header = bytes([0x80 | first[0] & 0x3F, 0x78]) + bytes(10) + bytes(4 * (first[0] & 0x0F))
    header += b"\xbe\xde\x00\x05" if first[0] & 0x10 else b""
    packet = theirs.seal(mode, KEY, 1, header, plain)
    try:
        assert len(opened(mode, KEY, packet).payload) <= len(plain)
    except PacketError:
        pass


@given(st.lists(st.tuples(NUMBERS, st.floats(0, 0.5)), max_size=80))
def test_order_is_kept_and_bounded_whatever_comes(packets: list[tuple[int, float]]) -> None:
    jitter, now = Jitter(), 0.0
    for sequence, later in packets:
        now += later
        jitter.put(sequence, b"%d" % sequence, now)
        frames = jitter.take(now)
        assert sum(frame is None for frame in frames) <= MOST * (len(frames) + 1)
        assert len(jitter._held) <= 11 * MOST
        wait = jitter.wait(now)
        assert wait is None or 0 <= wait < 0.1001
    jitter.take(now + 1.0)
    assert not jitter._held, "nothing is held for ever"


class Open:
    mode, key = XCHACHA, KEY

    def end_to_end(self, user: int, frame: bytes) -> bytes:
        return frame


@given(st.lists(st.tuples(st.integers(0, 3), NUMBERS, st.binary(max_size=60)), max_size=30))
async def test_whatever_is_said_is_sound(said: list[tuple[int, int, bytes]]) -> None:
    voices: list[Voice] = []
    clock = Clock()

    loop = asyncio.get_running_loop()
    receiver = Receiver(Open(), decoder, lambda user, voice: voices.append(voice), clock, loop)
    for ssrc in (1, 2):
        receiver.user(ssrc, ssrc)
    for counter, (ssrc, sequence, frame) in enumerate(said):
        receiver.packet(theirs.sound(XCHACHA, KEY, counter, sequence, 960, ssrc, frame) if ssrc else frame)
        receiver.sort()
    receiver.close()
    for voice in voices:
        sound = b"".join([piece async for piece in voice.sound()])
        assert len(sound) % 2 == 0


@given(hostile_text, hostile_text)
def test_any_words(text: str, own: str) -> None:
    found, emotes = words(text, f"@{own}" if own else "")
    assert all(found[emote.start : emote.end] == emote.name for emote in emotes)


class Message(SimpleNamespace):
    """A message with anything in it."""


def message(content: str, name: str, kind: int = 0) -> Any:
    author = SimpleNamespace(id=5, display_name=name, bot=False)
    channel = SimpleNamespace(id=3, name="general")
    return Message(
        id=11,
        author=author,
        channel=channel,
        clean_content=content,
        created_at=SimpleNamespace(timestamp=lambda: 1.0),
        guild=None,
        mentions=[],
        reference=None,
        webhook_id=None,
        type=SimpleNamespace(value=kind),
    )


@given(hostile_text, hostile_text)
def test_any_message_is_a_percept_that_can_be_written_down(content: str, name: str) -> None:
    told = message(content, name)
    percept = chat_message(told, viewer(told.author, ("crew",), None), "", "discord")
    if percept is None:
        return
    try:
        raw = encode(percept)
    except UnicodeEncodeError:  # lone surrogates cannot come in JSON over a WebSocket
        return
    assert decode(raw) == percept
    assert len(percept.viewer.name if percept.viewer else "") <= 80


@given(st.text(max_size=40))
def test_any_order(text: str) -> None:
    orders: list[tuple[str, str]] = []
    link = DiscordLink(Discord(), {}, lambda event: None, Clock(), Random(1), lambda *what: orders.append(what))
    for one in (text, "!" + text, "@Pip !" + text):
        if order := _order(one, "@Pip"):
            link._obey(*order)
    assert all(verb in ("say", "ask", "stop", "context") for verb, _ in orders)


@given(st.text(max_size=9_000))
def test_parts_are_never_too_long(text: str) -> None:
    assert all(0 < len(part) <= LONGEST for part in parts(text))
    assert len(parts(text)) <= 3
