"""What is the ESP32's alone: its WebSocket, and that MicroPython can compile all that is copied to it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.servers.micropython import SKULL, micropython

pytestmark = pytest.mark.anyio


@pytest.fixture
def websocket(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The board's own module of that name."""
    monkeypatch.syspath_prepend(str(SKULL / "esp32"))
    monkeypatch.delitem(sys.modules, "websocket", raising=False)
    import websocket

    assert websocket.__file__.startswith(str(SKULL))
    yield websocket
    del sys.modules["websocket"]


@asynccontextmanager
async def joined(websocket: Any, server: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[Any]:
    """Connect the board's WebSocket to a real server of websockets."""
    async with serve(server, "127.0.0.1", 0, max_size=2**20) as listening:
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        socket = websocket.WebSocket(reader, writer)
        await socket.shake_hands(f"127.0.0.1:{port}", "/ws")
        yield socket
        writer.close()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 6_421, 65_535])
async def test_frames_of_every_length_go_and_come(size: int, websocket: Any) -> None:
    async def echo(peer: ServerConnection) -> None:
        async for frame in peer:
            await peer.send(frame)

    async with joined(websocket, echo) as socket:
        for frame in ("é" * (size // 2), bytes(range(256)) * (size // 256) + b"x" * (size % 256)):
            await socket.send(frame)
            assert await socket.receive() == frame


async def test_pings_are_answered_and_pieces_are_joined(websocket: Any) -> None:
    async def server(peer: ServerConnection) -> None:
        await (await peer.ping())
        await peer.send(["in ", "three ", "pieces"])
        await peer.close(4401)

    async with joined(websocket, server) as socket:
        assert await socket.receive() == "in three pieces"
        with pytest.raises(websocket.Closed, match="closed with 4401"):
            await socket.receive()


async def test_a_frame_that_would_fill_the_board_ends_the_connection(websocket: Any) -> None:
    async def server(peer: ServerConnection) -> None:
        await peer.send(bytes(70_000))

    async with joined(websocket, server) as socket:
        with pytest.raises(websocket.Closed, match="too large"):
            await socket.receive()


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"", b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n"],
)
async def test_what_is_no_websocket_is_none(answer: bytes, websocket: Any) -> None:
    async def serve_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve_it, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        socket = websocket.WebSocket(*await asyncio.open_connection(host, port))
        with pytest.raises(websocket.Closed, match="there is no WebSocket"):
            await socket.shake_hands(host, "/ws")
        socket.writer.close()


def test_addresses(websocket: Any) -> None:
    assert websocket.parts("ws://10.0.0.5:8765/ws") == (False, "10.0.0.5", 8765, "/ws")
    assert websocket.parts("wss://skull.example/a/ws") == (True, "skull.example", 443, "/a/ws")
    assert websocket.parts("ws://marotte.local") == (False, "marotte.local", 80, "/")


def test_micropython_compiles_all_of_it() -> None:
    files = [*sorted(SKULL.glob("*.py")), *sorted((SKULL / "esp32").glob("*.py"))]
    assert len(files) == 6
    # What is made for the chip alone the chip alone can compile: its decorator is taken off.
    program = "".join(
        f"compile({file.read_text('utf-8').replace('@micropython.viper', '')!r}, {file.name!r}, 'exec')\n"
        for file in files
    )
    assert micropython(f"{program}print('well')") == "well\n"


def test_the_websocket_holds_on_micropython_s_own_loop() -> None:
    """Frames, pings and the end, on streams of this test's own."""
    program = """
import asyncio
import websocket

class Streams:
    def __init__(self, sound):
        self.sound, self.out = sound, b""
    def write(self, data):
        self.out += data
    async def drain(self):
        await asyncio.sleep(0)
    async def readexactly(self, count):
        if len(self.sound) < count:
            raise EOFError
        piece, self.sound = self.sound[:count], self.sound[count:]
        return piece

async def main():
    hello, ping, close = b"\\x81\\x05hello", b"\\x89\\x01p", b"\\x88\\x02\\x0f\\xa1"
    streams = Streams(hello + ping + b"\\x82\\x7e\\x01\\x00" + bytes(256) + close)
    socket = websocket.WebSocket(streams, streams)
    assert await socket.receive() == "hello"
    assert await socket.receive() == bytes(256)
    try:
        await socket.receive()
    except websocket.Closed as error:
        print(error)
    await socket.send("x" * 200)
    print(len(streams.out), streams.out[:7] == b"\\x8a\\x81\\0\\0\\0\\0p")

await main()
"""
    said = micropython(program, SKULL / "esp32" / "websocket.py")
    assert said.splitlines() == ["closed with 4001", "223 True"]
