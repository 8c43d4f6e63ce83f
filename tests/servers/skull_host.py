"""Marotte's half of the skull's protocol, on a script: keeps its skulls to docs/skull-protocol.md, and misbehaves.

What a skull did wrong stands in ``complaints``. A fault is asked for by ``host.fault("no_ack", 2)``. Also a program:
``python -m tests.servers.skull_host [PORT]`` answers every press with a little speech of its own.
"""

import asyncio
import json
import math
import sys
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from marotte.body.jaw import Jaw
from tests.waiting import PATIENCE

FAULTS = ("no_ack", "not_now", "mute", "refuse")
"""An ack is lost · the button is refused · no frame is sent at all any more · hello is refused."""
RATE, FRAME = 48_000, 960
LET_GO = 10.0
"""Seconds that sound may be under way from a skull that does not know yet that it was let go; a machine may stall."""
CAN = {"button", "microphone", "loudspeaker", "camera", "light", "jaw"}


@dataclass
class Skull:
    """One connection, and what came in it."""

    socket: web.WebSocketResponse
    hello: dict[str, Any] = field(default_factory=dict[str, Any])
    frames: list[tuple[float, dict[str, Any]]] = field(default_factory=list[tuple[float, dict[str, Any]]])
    """What it said, with the time."""
    speech: bytearray = field(default_factory=bytearray)
    pictures: dict[int, bytes] = field(default_factory=dict[int, bytes])
    taken: set[int] = field(default_factory=set[int])
    recording: bool = False
    unsure: bool = False
    """It was not told what came of the button."""
    let_go: float = 0.0
    """When its button was let go from here."""
    sent: int = 0
    """The sample behind the last that it was sent."""
    played: int = 0
    gone: bool = False

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return its frames of a kind, in order."""
        return [frame for _, frame in self.frames if frame["type"] == kind]


class SkullHost:
    """The server, on a port of the loopback; use it as an async context manager."""

    LEAD = 0.25

    def __init__(self, port: int = 0, *, token: str = "", answers: bool = False) -> None:
        """``answers``: it speaks when a button was let go."""
        self.skulls: list[Skull] = []
        self.complaints: list[str] = []
        self.url = ""
        self._port, self._token, self._answers = port, token, answers
        self._faults: Counter[str] = Counter()
        self._began = time.monotonic()
        self._asked: dict[int, float] = {}
        app = web.Application()
        app.router.add_get("/ws", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> "SkullHost":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"ws://127.0.0.1:{self._port}/ws"
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for skull in self.skulls:
            await skull.socket.close()
        await self._runner.cleanup()

    def fault(self, what: str, times: int = 1) -> None:
        """Misbehave so often from now on."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._faults[what] = times

    def now(self) -> int:
        """Return the present sample of the floor's clock."""
        return round((time.monotonic() - self._began) * RATE)

    @property
    def skull(self) -> Skull:
        """The latest that came in."""
        return self.skulls[-1]

    # --- what the host does to it

    async def say(self, frame: dict[str, Any]) -> None:
        """Send the skull a frame."""
        if not self._faults["mute"]:
            await self.skull.socket.send_str(json.dumps(frame))

    async def speak(self, pcm: bytes, turn: str = "t1", line: str = "l1", jaw: list[int] | None = None) -> int:
        """Let it speak 48 kHz sound, fed ``LEAD`` ahead; returns the sample at which it begins, when all is sent."""
        skull, begin, follow = self.skull, self.now(), Jaw()
        for index in range(0, len(pcm) // 2, FRAME):
            while begin + index > self.now() + self.LEAD * RATE:
                await asyncio.sleep(0.01)
            piece = pcm[2 * index : 2 * (index + FRAME)]
            level = follow.level(piece) if jaw is None else jaw[index // FRAME]
            header = {"type": "sound", "turn": turn, "line": line, "sample": begin + index, "jaw": level}
            try:
                await skull.socket.send_bytes(json.dumps(header).encode() + b"\n" + piece)
            except ConnectionError:
                break
            skull.sent = begin + index + len(piece) // 2
        return begin

    async def stop(self, turn: str = "t1") -> int:
        """Cut a turn; returns the sample of the cut."""
        sample = self.now()
        await self.say({"type": "stop", "turn": turn, "sample": sample})
        return sample

    async def let_go(self) -> None:
        """End a recording that takes too long."""
        self.skull.recording, self.skull.let_go = False, time.monotonic()
        await self.say({"type": "ack", "id": 0, "of": "stop_recording", "go": False, "why": "held"})

    async def snapshot(self, id: int) -> None:
        """Ask for a picture."""
        if "camera" not in self.skull.hello["can"]:
            raise ValueError("a skull without a camera is never asked")
        self._asked[id] = time.monotonic()
        await self.say({"type": "snapshot", "id": id})

    async def drop(self) -> None:
        """Lose the connection, without a goodbye."""
        transport = self.skull.socket._req.transport  # pyright: ignore
        transport.abort()  # pyright: ignore

    # --- what comes

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=2**20)
        await socket.prepare(request)
        skull = Skull(socket)
        try:
            hello = json.loads((await socket.receive(PATIENCE)).data)
            if not self._welcomes(hello):
                await socket.send_json({"type": "error", "code": "token", "message": "the token is wrong"})
                await socket.close(code=4401)
                return socket
            skull.hello = hello
            for earlier in self.skulls:
                if not earlier.gone and earlier.hello["name"] == hello["name"]:
                    await earlier.socket.send_json({"type": "error", "code": "replaced", "message": "another came"})
                    await earlier.socket.close()
            self.skulls.append(skull)
            welcome = {"type": "welcome", "version": 1, "floor": "skull-1", "sample": self.now(), "lead": self.LEAD}
            welcome |= {"rate": RATE, "microphone_rate": 16_000, "jaw": {"every": FRAME, "most": 255}}
            await socket.send_json(welcome)
            await self.say({"type": "light", "show": "idle"})
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._text(skull, json.loads(message.data))
                elif message.type == WSMsgType.BINARY:
                    self._binary(skull, message.data)
        except (KeyError, ValueError, TypeError, AssertionError) as mistake:
            self.complaints.append(f"{type(mistake).__name__}: {mistake}")
        finally:
            skull.gone = True
        return socket

    def _welcomes(self, hello: dict[str, Any]) -> bool:
        assert (hello["type"], hello["version"], hello["window"]) == ("hello", 1, "skull"), f"hello: {hello}"
        assert set(hello["can"]) <= CAN, f"can: {hello['can']}"
        assert isinstance(hello["partner"], str), "partner"
        assert len(hello["partner"]) >= 16, "partner: can be guessed"
        return hello["token"] == self._token and not self._take("refuse")

    def _take(self, fault: str) -> bool:
        if self._faults[fault]:
            self._faults[fault] -= 1
            return True
        return False

    async def _text(self, skull: Skull, frame: dict[str, Any]) -> None:
        skull.frames.append((time.monotonic(), frame))
        match frame["type"]:
            case "begin_recording" | "stop_recording" as kind:
                await self._button(skull, kind, frame["id"])
            case "played":
                assert skull.played <= frame["sample"] <= skull.sent, f"played: {frame}, sent {skull.sent}"
                skull.played = frame["sample"]
            case "no_picture":
                assert frame["reason"], "no reason"
                self._answered(frame["id"])
            case "ping":
                await self.say({"type": "pong", "t": frame["t"], "sample": self.now()})
            case "sound":
                assert isinstance(frame["on"], bool), f"sound: {frame}"
            case "settings":
                assert set(frame["jaw"]) == {"closed", "open", "latency"}
            case other:
                raise ValueError(f"{other} is no frame of a skull")

    async def _button(self, skull: Skull, kind: str, id: int) -> None:
        assert isinstance(id, int), f"id: {id!r}"
        assert id > 0, f"id: {id!r}"
        begins = kind == "begin_recording"
        go = not (begins and id not in skull.taken and self._take("not_now"))
        if id not in skull.taken:
            assert skull.recording != begins or skull.unsure, f"{kind} twice"
            skull.taken.add(id)
            skull.recording = begins and go
        skull.unsure = self._take("no_ack")
        if skull.unsure:
            return
        await self.say({"type": "ack", "id": id, "of": kind, "go": go} | ({} if go else {"why": "busy"}))
        await self.say({"type": "light", "show": "listening" if skull.recording else "thinking" if go else "idle"})
        if self._answers and not begins:
            task = asyncio.create_task(self._answer())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self) -> None:
        await self.say({"type": "light", "show": "speaking"})
        await self.speak(syllables(6))
        await self.say({"type": "light", "show": "idle"})

    def _binary(self, skull: Skull, frame: bytes) -> None:
        header, _, payload = frame.partition(b"\n")
        header = json.loads(header)
        if header["type"] == "microphone":
            assert 320 <= len(payload) <= 6_400, f"microphone: {len(payload)} bytes"
            assert len(payload) % 2 == 0, "half a sample"
            under_way = time.monotonic() - skull.let_go < LET_GO
            assert skull.recording or under_way, "microphone: nobody listens"
            skull.speech += payload
        elif header["type"] == "picture":
            assert len(payload) <= 200_000, f"picture: {len(payload)} bytes"
            self._answered(header["id"])
            skull.pictures[header["id"]] = payload
        else:
            raise ValueError(f"{header['type']} is no binary frame of a skull")

    def _answered(self, id: int) -> None:
        asked = self._asked.pop(id)
        assert time.monotonic() - asked <= PATIENCE, f"picture {id}: too late"


def syllables(count: int, each: float = 0.25) -> bytes:
    """Make sound of so many syllables, half of each of them silence."""
    samples = array("h")
    for at in range(round(count * each * RATE)):
        phase = at / RATE / each % 1
        loud = min(1.0, 20 * phase, 20 * (0.5 - phase)) if phase < 0.5 else 0.0
        samples.append(round(9_000 * loud * math.sin(2 * math.pi * 150 * at / RATE)))
    return samples.tobytes()


async def _main() -> None:
    async with SkullHost(int(sys.argv[1]) if len(sys.argv) > 1 else 8765, answers=True) as host:
        print(host.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
