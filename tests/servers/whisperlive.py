"""A server that speaks WhisperLive's WebSocket as version 0.10 does, on scripted words instead of Whisper.

It keeps its clients to the protocol (what they did wrong stands in ``complaints``) and misbehaves on request:
``server.fault("close")``. WhisperLive's own server runs in ``tests.servers.whisperlive_real``.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from tests.servers.scripted_words import RATE, Spoken, understand

FAULTS = (
    "wait", "error", "hang", "disconnect", "close", "garbage", "list", "malformed", "huge", "long", "warning", "silent",
    "unsure", "lag",
)  # fmt: skip


@dataclass
class Session:
    """One session, with what its client asked for and sent."""

    options: dict[str, Any] = field(default_factory=dict[str, Any])
    sound: Any = field(default_factory=lambda: np.zeros(0, "<f4"))
    waiting: list[Any] = field(default_factory=list[Any])
    """Sound that has come and is not taken in yet."""
    looks: int = 0
    """How often the server began to transcribe."""
    pinged: bool = False
    ended: bool = False
    """END_OF_AUDIO came."""
    left: bool = False
    fault: str = ""

    def take_in(self, left: int = 0) -> None:
        """Take in what waits, but for 16 messages and so many samples."""
        while self.waiting and (not left or sum(map(len, self.waiting[16:])) > left):
            self.sound = np.concatenate((self.sound, self.waiting.pop(0)))


class WhisperLiveServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self, key: str = "", places: int = 4) -> None:
        self.sessions: list[Session] = []
        self.complaints: list[str] = []
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), a transcription that has begun does not end."""
        self.gate.set()
        self.url = ""
        self._key, self._places, self._fault = key, places, ""
        app = web.Application()
        app.router.add_get("/", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "WhisperLiveServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "ws://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fault(self, what: str) -> None:
        """Misbehave in the next session."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._fault = what

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._key and request.headers.get("Authorization") != f"Bearer {self._key}":
            return web.Response(status=401, text="Unauthorized\n")
        websocket = web.WebSocketResponse(autoping=False)
        await websocket.prepare(request)
        session = Session(fault=self._fault)
        self._fault = ""
        taken = sum(not other.left for other in self.sessions)
        self.sessions.append(session)
        transcribing: asyncio.Task[None] | None = None
        try:
            handshake = await websocket.receive()
            if handshake.type != WSMsgType.TEXT:
                return websocket
            session.options = json.loads(handshake.data)
            uid = session.options["uid"]
            for name in ("language", "task", "model"):
                session.options[name]  # without one of them the real server drops the connection
            if taken >= self._places or session.fault == "wait":
                await websocket.send_json({"uid": uid, "status": "WAIT", "message": 7.4})
                return websocket
            if session.fault == "error":
                await websocket.send_json({"uid": uid, "status": "ERROR", "message": "Failed to load model: small"})
                return websocket
            if session.fault == "warning":
                await websocket.send_json({"uid": uid, "status": "WARNING", "message": "Reverting to faster_whisper"})
            if session.fault != "hang":
                await websocket.send_json({"uid": "another", "message": "DISCONNECT"})  # is for another client
                await websocket.send_json({"uid": uid, "message": "SERVER_READY", "backend": "faster_whisper"})
                transcribing = asyncio.create_task(self._transcribe(websocket, session))
            await self._take(websocket, session)
        except (KeyError, ValueError) as mistake:
            self.complaints.append(f"{type(mistake).__name__}: {mistake}")
        finally:
            session.left = True
            if transcribing:
                transcribing.cancel()
                await asyncio.gather(transcribing, return_exceptions=True)
        return websocket

    async def _take(self, websocket: web.WebSocketResponse, session: Session) -> None:
        async for message in websocket:
            if message.type == WSMsgType.PING:
                session.pinged = True
                await websocket.pong(message.data)
            elif message.type == WSMsgType.BINARY and message.data == b"END_OF_AUDIO":
                session.ended = True
                return
            elif message.type == WSMsgType.BINARY:
                sound = np.frombuffer(message.data, "<f4")
                if session.fault == "hang" or not len(sound) or np.abs(sound).max() > 1:
                    raise ValueError("sound before SERVER_READY, or no sound")
                session.waiting.append(sound)
                session.take_in(left=65_536 // 4 if session.fault == "lag" else 0)
            elif message.type != WSMsgType.PONG:
                raise ValueError(f"a {message.type} message")

    async def _transcribe(self, websocket: web.WebSocketResponse, session: Session) -> None:
        """Transcribe what is left again and again, and send every time what came of it."""
        options, completed, offset, told, repeats = session.options, list[dict[str, Any]](), 0.0, "", 0
        uid, language = options["uid"], options["language"]
        while True:
            sound = session.sound[round(offset * RATE) :]
            if len(sound) < RATE:
                if session.pinged:
                    session.take_in()
                await asyncio.sleep(0.005)
                continue
            session.looks += 1
            await self.gate.wait()
            if await self._misbehave(websocket, session):
                return
            segments = understand(sound) if session.fault != "silent" else []
            if not segments:
                offset += len(sound) / RATE if options["use_vad"] else 0.0
                await asyncio.sleep(0.005)
                continue
            if language is None:
                language = "fr"
                await websocket.send_json({"uid": uid, "language": language, "language_prob": 0.9})
            made = [_segment(words, offset, session) for words in segments]
            repeats = repeats + 1 if made[-1]["text"] == told else 0
            told = made[-1]["text"]
            done = len(made) if repeats > options.get("same_output_threshold", 10) else len(made) - 1
            completed += [{**segment, "completed": True} for segment in made[:done]]
            offset += segments[done - 1][-1].end if done else 0.0
            last = options.get("send_last_n_segments", 10)
            await websocket.send_json({"uid": uid, "segments": [*completed[-last:], *made[done:]]})
            await asyncio.sleep(0.005)

    async def _misbehave(self, websocket: web.WebSocketResponse, session: Session) -> bool:
        uid = session.options["uid"]
        said = {
            "disconnect": json.dumps({"uid": uid, "message": "DISCONNECT"}),
            "garbage": "{{{",
            "list": "[1]",
            "malformed": json.dumps({"uid": uid, "segments": [{"start": "0.000", "completed": True}]}),
            "huge": json.dumps({"uid": uid, "segments": [{"text": "x" * 2_000_000}]}),
            "long": json.dumps({"uid": uid, "segments": [{"text": "x" * 200_000}]}),
        }.get(session.fault)
        if said:
            await websocket.send_str(said)
            return True
        if session.fault == "close":
            await websocket.close()
            return True
        return False


def _segment(words: list[Spoken], offset: float, session: Session) -> dict[str, Any]:
    segment: dict[str, Any] = {
        "start": f"{offset + words[0].start:.3f}",
        "end": f"{offset + words[-1].end:.3f}",
        "text": "".join(word.text for word in words),
        "completed": False,
    }
    if session.options.get("word_timestamps"):
        segment["words"] = [
            {"word": word.text, "start": f"{offset + word.start:.3f}", "end": f"{offset + word.end:.3f}",
             "probability": 0.1 if session.fault == "unsure" else 0.9} for word in words
        ]  # fmt: skip
    return segment
