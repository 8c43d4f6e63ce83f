"""IRC: whatever a server sends, the link lives, says what it makes of it, and holds a bounded amount."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.config import Channel
from marotte.events import decode, encode
from marotte.links.irc.message import LONGEST, Message, Splitter, parse, parts
from marotte.links.irc.percepts import percept
from marotte.links.irc.session import Counters, Lost, Session
from marotte.time import Clock
from tests.fuzz.hostile import corpus, hostile_text, looks, mutated

pytestmark = [pytest.mark.anyio, pytest.mark.virtual]
CORPUS = corpus("irc")
SEEDS = tuple(CORPUS.values())
WELCOME = b":irc.local 001 marotte :Welcome\r\n"
SETTINGS = Channel(
    host="irc.local", nick="marotte", channels=("#show", "#other"), account="marotte", secret="IRC_PASSWORD"
)
LINES = st.one_of(
    mutated(SEEDS),
    st.binary(max_size=120),
    hostile_text.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(
        lambda source, command, params, text: " ".join([f":{source}", command, *params, f":{text}"]).encode(),
        st.sampled_from(("marotte!m@h", "ada!a@h", "irc.local", "", "!@", "marotte")),
        st.sampled_from(
            ("JOIN", "PART", "KICK", "NICK", "QUIT", "BATCH", "CAP", "AUTHENTICATE", "PING", "PONG", "PRIVMSG",
             "NOTICE", "USERNOTICE", "001", "403", "432", "433", "437", "464", "473", "903", "904", "KILL", "ERROR",
             "RECONNECT")
        ),
        st.lists(st.sampled_from(("marotte", "#show", "*", "LS", "ACK", "NAK", "+x", "-x", "", "日本")), max_size=4),
        st.sampled_from(("", "sasl=PLAIN", "labeled-response echo-message sasl", "#show", "x" * 600, "\x01A b\x01")),
    ),
)  # fmt: skip


class Deaf:
    """Our side of a connection whose server reads everything and answers nothing of itself."""

    def __init__(self) -> None:
        self.transport = self
        self.written = b""
        self.closing = False

    def write(self, data: bytes) -> None:
        assert data.endswith(b"\r\n")
        assert data.count(b"\n") == data.count(b"\r") == 1
        assert b"\0" not in data
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True


async def lives_through(stream: bytes, sizes: list[int]) -> Session:
    """Let a session take a stream, in pieces of so many bytes; whatever ends it is a ``Lost``."""
    reader, writer, heard = asyncio.StreamReader(), Deaf(), list[Message]()
    counters = Counters()
    session = Session(reader, writer, SETTINGS, "a secret", Clock(), Random(1), counters, heard.append, lambda _: None)  # type: ignore[arg-type]
    living = asyncio.create_task(session.run())
    for size in sizes:
        reader.feed_data(stream[:size] or b" ")
        stream = stream[size:]
        await asyncio.sleep(0)
    reader.feed_data(stream or b" ")
    await asyncio.sleep(0)
    if session.up_since is not None and not living.done():
        session.say("#show", "hello " * 200)
    reader.feed_eof()
    with pytest.raises(Lost) as lost:
        await living
    session.close()
    assert len(str(lost.value)) < 2 * LONGEST
    assert all(one is None or decode(encode(one)) == one for one in (percept(m, "x", 1.0) for m in heard))
    for held in (session._joined, session._capabilities, session._offered, session._playback, session._labels):
        assert len(held) <= 100, "what a server makes us hold is bounded"
    return session


@pytest.mark.parametrize("name", CORPUS)
async def test_the_corpus_is_lived_through(name: str) -> None:
    await lives_through(CORPUS[name], [])
    await lives_through(WELCOME + CORPUS[name], [1] * 300)


@looks(150)
@given(st.lists(LINES, max_size=12), st.booleans(), st.lists(st.integers(1, 60), max_size=30))
async def test_hostile_lines_are_lived_through(lines: list[bytes], welcome: bool, sizes: list[int]) -> None:
    start = b":x 903 marotte :ok\r\n" + WELCOME if welcome else b""
    await lives_through(start + b"\r\n".join(lines) + b"\r\n", sizes)


@looks(300)
@given(mutated(SEEDS) | st.binary(max_size=300))
def test_wounded_lines_are_messages_or_none(data: bytes) -> None:
    for line in data.split(b"\n"):
        message = parse(line)
        if message is not None:
            assert message.command.isascii()
            found = percept(message, "x", 1_700_000_000.0)
            assert found is None or decode(encode(found)) == found


@looks(200)
@given(st.lists(st.binary(max_size=30) | st.integers(1, 3 * LONGEST).map(lambda n: b"x" * n), max_size=12))
def test_a_stream_holds_no_more_than_a_line(pieces: list[bytes]) -> None:
    splitter = Splitter()
    for piece in pieces:
        for line in splitter.feed(piece):
            assert b"\n" not in line
        assert len(splitter._rest) <= LONGEST


@looks(300)
@given(hostile_text, st.integers(0, 200), st.integers(0, 5))
def test_what_is_sent_is_cut_into_parts_that_fit(text: str, size: int, most: int) -> None:
    found = parts(text, size, most) if size > 20 else []
    assert len(found) <= most
    assert all(len(part.encode()) <= size for part in found)


@pytest.mark.parametrize(
    "line",
    [
        ":marotte!m@h JOIN #{n}",
        ":x CAP * LS * :cap{n}=1",
        ":x CAP * ACK :cap{n}",
        ":x BATCH +{n} chathistory #show",
    ],
)
async def test_a_server_cannot_fill_our_memory(line: str) -> None:
    """Found: channels that we never asked for, and capabilities without end, were all kept."""
    start = b"" if "CAP" in line else b":x 903 marotte :ok\r\n" + WELCOME
    await lives_through(start + "\r\n".join(line.format(n=n) for n in range(2_000)).encode() + b"\r\n", [])
