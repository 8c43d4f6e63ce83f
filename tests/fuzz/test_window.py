"""The WebSocket protocol: whatever a window sends, its mistakes are told and counted, and the show goes on."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from marotte import config
from marotte.engines.frames import pack
from marotte.events import Asked
from marotte.gateway.guard import Guard
from marotte.gateway.live import Windows
from marotte.show import Run
from tests.fuzz.hostile import corpus, hostile_text, looks, mutated, values
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio
TOKEN = "a-token-for-the-tests-of-32-chars"
SHOW = config.parse(
    "[attention]\nlull_after = 0\n[brain]\ndiscover = false\n[gateway]\nrequests = 1_000_000\npartners = 1_000"
)
CORPUS = corpus("window")
SEEDS = tuple(CORPUS.values())
KINDS = st.sampled_from(
    ("ping", "sound", "played", "text", "press", "release", "hands_free", "reads", "transcript", "language", "name",
     "stop", "hello", "welcome", "event", "", "_", "__class__", "microphone", "kind", "Ping")
)  # fmt: skip
JSON = st.fixed_dictionaries(
    {"type": KINDS | values},
    optional=dict.fromkeys(
        ("t", "on", "sample", "text", "final", "language", "name"),
        values | st.sampled_from((True, 5, "hello", "ja", 2**53, -5, 1e308)),
    ),
).map(json.dumps)
TEXT = (
    JSON
    | mutated(SEEDS).map(lambda data: data.decode("utf-8", "replace"))
    | hostile_text.map(lambda text: text.encode("utf-8", "replace").decode())
)
BINARY = (
    mutated((pack({"type": "microphone"}, bytes(320)), pack({"type": "microphone", "rate": 5})))
    | st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(("type", "length", "")), values, max_size=3).map(
        lambda header: json.dumps(header).encode() + b"\n\0\0"
    )
)
FRAMES = st.lists(TEXT | BINARY, min_size=1, max_size=8)
HELLOS = st.fixed_dictionaries(
    {
        "type": st.just("hello") | values,
        "version": st.just(1) | values,
        "window": st.sampled_from(("talk", "stage")) | values,
    },
    optional={
        "token": values,
        "floor": st.sampled_from(("private", "public", "talk-1", "a b", ">", "*", "")) | values,
        "language": values,
        "name": values,
        "partner": values,
        "resume": st.fixed_dictionaries({"session": st.just("x") | values, "seq": values}) | values,
    },
).map(json.dumps)  # fmt: skip


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "asyncio", {}


class House:
    """A run with its windows."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.guard = Guard(TOKEN, "v" * 32, "127.0.0.1", run.data, run.clock, requests=1_000_000)
        self.windows = Windows(run, self.guard)

    def forget(self) -> None:
        """Let go of every window at once, as half a minute later."""
        for session in list(self.windows.sessions.values()):
            if session.leaving is not None:
                session.leaving.cancel()
            self.windows._forget(session)


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, anyio_backend: object) -> AsyncIterator[House]:
    run = Run(SHOW, tmp_path_factory.mktemp("windows"), {})
    await run.start()
    yield House(run)
    await run.stop()


class Socket:
    """A window's side of a WebSocket, without a network between."""

    def __init__(self, house: House) -> None:
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.close_code = 0
        headers = [(b"host", b"127.0.0.1:1")]
        scope = {
            "type": "websocket", "path": "/ws", "headers": headers, "client": ("127.0.0.1", 9), "scheme": "ws",
            "query_string": b"", "server": ("127.0.0.1", 1), "subprotocols": [],
        }  # fmt: skip
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._serving = asyncio.create_task(house.windows.serve(WebSocket(scope, self._incoming.get, self._send)))

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.close_code = message.get("code", 1000)
        elif text := message.get("text"):
            text.encode()  # what no network would take
            self.sent.append(json.loads(text))

    def put(self, frame: str | bytes) -> None:
        kind = "text" if isinstance(frame, str) else "bytes"
        self._incoming.put_nowait({"type": "websocket.receive", kind: frame})

    async def until(self, kind: str) -> dict[str, Any]:
        """The first frame of this kind; the connection may end before it."""
        return await until(
            lambda: next((f for f in self.sent if f["type"] == kind), {"type": "end"} if self.ended else None),
            kind,
        )

    @property
    def ended(self) -> bool:
        return self._serving.done()

    def told(self, code: str) -> int:
        return sum(frame["type"] == "error" and frame["code"] == code for frame in self.sent)

    async def leave(self) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await self._serving


async def goes_on(house: House) -> None:
    """The show still answers whoever asks, aloud."""
    sounds = house.run.bus.subscribe("event.line_started.public")
    house.run.orders.cut("public", "the next, please")
    await house.run.perceive(Asked(at=house.run.clock.wall(), text="Are you there?"))
    async with asyncio.timeout(PATIENCE):
        await sounds.get()
    sounds.close()
    failing = [name for name, watched in house.run.supervisor.tasks.items() if watched.failing]
    assert not failing


async def survives(house: House, window: str, frames: list[str | bytes], **hello: str) -> None:
    """A window that sends these frames is told of each mistake, and its next ping is answered."""
    counted = house.guard.refused["frame"]
    socket = Socket(house)
    socket.put(json.dumps({"type": "hello", "version": 1, "window": window, **hello}))
    assert (await socket.until("welcome"))["type"] == "welcome"
    for frame in frames:
        socket.put(frame)
    socket.put('{"type":"ping","t":424242}')
    await until(lambda: any(f["type"] == "pong" and f["t"] == 424242 for f in socket.sent), "a pong")
    assert socket.told("mistake") == house.guard.refused["frame"] - counted
    await socket.leave()
    house.forget()


@pytest.mark.parametrize("name", CORPUS)
async def test_the_corpus_is_survived(house: House, name: str, caplog: pytest.LogCaptureFixture) -> None:
    frames = [line.decode("utf-8", "replace") for line in CORPUS[name].split(b"\n") if line]
    await survives(house, "talk", [*frames, *(frame.encode() + b"\n\0\0" for frame in frames)])
    await survives(house, "control", frames, token=TOKEN)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@looks(60)
@given(FRAMES, st.sampled_from(("talk", "stage", "control")), st.booleans())
async def test_hostile_frames_are_told_and_counted(
    house: House, frames: list[str | bytes], window: str, operator: bool
) -> None:
    operator = operator or window == "control"
    await survives(house, window, frames, **({"token": TOKEN, "floor": "public"} if operator else {}))


async def test_the_show_went_on(house: House) -> None:
    await goes_on(house)


async def is_welcome_or_refused(house: House, first: str | bytes) -> None:
    socket = Socket(house)
    socket.put(first)
    await until(lambda: socket.sent or socket.close_code or socket.ended, "an answer")
    await socket.leave()
    (answer, *_) = socket.sent or [{"type": "nothing"}]
    assert answer["type"] in ("welcome", "error"), "whoever is turned away is told why"
    if answer["type"] == "error":
        assert 4400 <= socket.close_code < 4500
        assert answer["message"]
    house.forget()


@looks(150)
@given(HELLOS | TEXT | BINARY)
async def test_a_hostile_hello_is_welcome_or_refused(house: House, first: str | bytes) -> None:
    await is_welcome_or_refused(house, first)


async def test_a_hello_nested_without_end_is_refused(house: House) -> None:
    """Found: its RecursionError passed for a window that had gone, which was told nothing and not counted."""
    counted = house.guard.refused["bad_hello"]
    await is_welcome_or_refused(house, '{"type":"hello","version":1,"window":"talk","x":' + "[" * 50_000)
    assert house.guard.refused["bad_hello"] == counted + 1
