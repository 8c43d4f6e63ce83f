"""A server that speaks OpenAI's Realtime interface, as its own client's types describe it, on a script.

It enforces the protocol (key, event types and their fields, forms of sound, one reply at a time, items that exist) with
the documented error events, which also stand in ``complaints``, and misbehaves on request: ``server.fault("close")``.
https://platform.openai.com/docs/api-reference/realtime
"""

import asyncio
import base64
import binascii
import itertools
import json
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.servers.openai import babble

FAULTS = (
    "401", "403", "404", "429", "500", "hang", "refuse_session", "close", "garbage", "list", "malformed", "huge",
    "error", "expired", "failed", "incomplete", "filtered", "cancelled", "mute", "no_base64", "half", "endless",
    "bad_call", "transcription_failed", "no_transcript",
    "refuse_cancel", "refuse_truncate", "refuse_delete", "refuse_clear",
)  # fmt: skip
KEY = "sk-test-realtime-0123456789"
MODEL = "gpt-realtime-2.1"
RATE = 24_000
PER_WORD = 0.1
"""Seconds of sound of one word."""
TOKENS = 42
_EVENTS = {
    "session.update": {"session"},
    "input_audio_buffer.append": {"audio"},
    "input_audio_buffer.commit": set(),
    "input_audio_buffer.clear": set(),
    "conversation.item.create": {"item", "previous_item_id"},
    "conversation.item.retrieve": {"item_id"},
    "conversation.item.truncate": {"item_id", "content_index", "audio_end_ms"},
    "conversation.item.delete": {"item_id"},
    "response.create": {"response"},
    "response.cancel": {"response_id"},
}
_SESSION = {
    "type", "audio", "include", "instructions", "max_output_tokens", "model", "output_modalities",
    "parallel_tool_calls", "prompt", "reasoning", "tool_choice", "tools", "tracing", "truncation",
}  # fmt: skip
_RESPONSE = {
    "audio", "conversation", "input", "instructions", "max_output_tokens", "metadata", "output_modalities",
    "parallel_tool_calls", "prompt", "reasoning", "tool_choice", "tools",
}  # fmt: skip
_FORM = {"type": "audio/pcm", "rate": RATE}
_TRANSCRIBERS = {
    "gpt-transcribe": {"model", "languages", "keywords", "prompt"},
    "gpt-live-transcribe": {"model", "languages", "keywords", "prompt"},
    "gpt-4o-mini-transcribe": {"model", "language", "prompt"},
    "whisper-1": {"model", "language", "prompt"},
}
_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
_ITEMS = {
    "message": {"id", "type", "object", "status", "role", "content"},
    "function_call": {"id", "type", "object", "status", "call_id", "name", "arguments"},
    "function_call_output": {"id", "type", "object", "status", "call_id", "output"},
}
_CONTENT = {"user": ("input_text", "input_audio", "input_image"), "assistant": ("output_text",),
            "system": ("input_text",)}  # fmt: skip


@dataclass
class Reply:
    """What the model answers."""

    words: str = "Good evening, dear Ada!"
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])


@dataclass
class Connection:
    """One session: what its client asked for and sent, and what stands in its conversation."""

    socket: web.WebSocketResponse
    query: dict[str, str]
    session: dict[str, Any] = field(default_factory=dict[str, Any])
    items: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By their ids, in their order."""
    sound: dict[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    """The sound of items."""
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """What each reply was asked with."""
    cleared: int = 0
    cancelled: int = 0
    left: bool = False
    buffer: bytearray = field(default_factory=bytearray, repr=False)
    active: str = ""
    replying: "asyncio.Task[None] | None" = None
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    def said(self) -> list[tuple[str, str]]:
        """Return the conversation in words: who, and what."""
        found: list[tuple[str, str]] = []
        for item in self.items.values():
            if item["type"] == "message":
                part = item["content"][0]
                found.append((item["role"], part.get("text") or part.get("transcript") or ""))
            else:
                found.append((item["type"], item.get("output", item.get("name", ""))))
        return found


class OpenAIRealtimeServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.sent: list[dict[str, Any]] = []
        """All events that it has sent."""
        self.complaints: list[str] = []
        self.replies: deque[Reply] = deque()
        """What it answers next; else what a ``Reply`` is by itself."""
        self.transcripts: deque[str] = deque()
        """What is written down next; else it is how long the speech was."""
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), a reply stands still after its first word, and so does a fault."""
        self.gate.set()
        self.url = ""
        self._faults: dict[str, float] = {}
        self._ids = itertools.count(1)
        app = web.Application()
        app.router.add_get("/v1/realtime", self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "OpenAIRealtimeServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}/v1".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fault(self, what: str, times: float = 1) -> None:
        """Misbehave the next ``times`` times."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._faults = {what: times}

    def _taken(self, *which: str) -> str:
        for what, times in self._faults.items():
            if what in which:
                self._faults = {what: times - 1} if times > 1 else {}
                return what
        return ""

    # --- the connection

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if status := self._taken("401", "403", "404", "429", "500"):
            return web.json_response({"error": {"message": f"no: {KEY}"}}, status=int(status),
                                     headers={"Retry-After": "7"} if status == "429" else {})  # fmt: skip
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": "Incorrect API key provided"}}, status=401)
        if request.query.get("model") != MODEL:
            return web.json_response({"error": {"message": "The model does not exist"}}, status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, dict(request.query))
        self.connections.append(connection)
        try:
            await self._converse(connection)
        except ConnectionError:
            pass
        finally:
            connection.left = True
            for task in connection.tasks:
                task.cancel()
            await asyncio.gather(*connection.tasks, return_exceptions=True)
        return socket

    async def _converse(self, connection: Connection) -> None:
        if self._taken("hang"):
            await self.gate.wait()
        connection.session = {"type": "realtime", "object": "realtime.session", "id": self._id("sess"), "model": MODEL,
                              "output_modalities": ["audio"], "audio": {}, "tools": []}  # fmt: skip
        await self._send(connection, "session.created", session=connection.session)
        async for message in connection.socket:
            event: Any = None
            try:
                with suppress(ValueError):
                    event = json.loads(message.data) if message.type == WSMsgType.TEXT else None
                if not isinstance(event, dict):
                    raise _MistakeError("invalid_json", "Invalid JSON, or a binary frame")
                if event.get("type") not in _EVENTS:
                    raise _MistakeError("invalid_value", f"Invalid value: {event.get('type')!r}", "type")
                _known(event, _EVENTS[event["type"]] | {"type", "event_id"}, "")
                if self._taken(f"refuse_{event['type'].rpartition('.')[2]}"):
                    raise _MistakeError("server_error", f"Not now, {KEY}")
                await getattr(self, "_" + event["type"].replace(".", "_"))(connection, event)
            except _MistakeError as mistake:
                if mistake.code != "response_cancel_not_active":  # the reference calls it safe to be late with it
                    self.complaints.append(str(mistake))
                await self._error(connection, mistake.code, str(mistake), (event or {}).get("event_id"), mistake.param)

    def _id(self, kind: str) -> str:
        return f"{kind}_{next(self._ids)}"

    async def _send(self, connection: Connection, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": self._id("event"), **fields}
        self.sent.append(json.loads(json.dumps(event)))
        await connection.socket.send_json(event)

    async def _error(
        self, connection: Connection, code: str, told: str, event_id: str | None = None, param: str | None = None
    ) -> None:
        kind = "server_error" if event_id is None else "invalid_request_error"
        error = {"type": kind, "code": code, "message": told, "param": param, "event_id": event_id}
        await self._send(connection, "error", error=error)

    def _in_background(self, connection: Connection, work: Any) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        connection.tasks.add(task)
        task.add_done_callback(connection.tasks.discard)
        return task

    # --- what a client may send

    async def _session_update(self, connection: Connection, event: dict[str, Any]) -> None:
        session = event["session"]
        _known(session, _SESSION, "session")
        if session.get("type") != "realtime":
            raise _MistakeError("missing_required_parameter", "Missing required parameter", "session.type")
        if self._taken("refuse_session"):
            raise _MistakeError("invalid_value", f"Invalid voice, and {KEY}", "session.audio.output.voice")
        if session.get("output_modalities", ["audio"]) not in (["audio"], ["text"]):
            raise _MistakeError("invalid_value", "Invalid modalities", "session.output_modalities")
        _audio(session.get("audio", {}))
        _tools(session.get("tools", []))
        for name, value in session.items():
            if name == "audio":
                for side in value:
                    connection.session["audio"][side] = {**connection.session["audio"].get(side, {}), **value[side]}
            else:
                connection.session[name] = value
        await self._send(connection, "session.updated", session=connection.session)

    async def _input_audio_buffer_append(self, connection: Connection, event: dict[str, Any]) -> None:
        try:
            connection.buffer += base64.b64decode(event["audio"], validate=True)
        except (binascii.Error, KeyError, TypeError):
            raise _MistakeError("invalid_value", "Invalid 'audio'. Expected base64-encoded audio", "audio") from None

    async def _input_audio_buffer_clear(self, connection: Connection, event: dict[str, Any]) -> None:
        connection.buffer.clear()
        connection.cleared += 1
        await self._send(connection, "input_audio_buffer.cleared")

    async def _input_audio_buffer_commit(self, connection: Connection, event: dict[str, Any]) -> None:
        pcm = bytes(connection.buffer)
        if len(pcm) < 2 * RATE // 10 or len(pcm) % 2:
            told = f"buffer too small. Expected at least 100ms of audio, but buffer only has {len(pcm) // 48}ms"
            raise _MistakeError("input_audio_buffer_commit_empty", f"Error committing input audio buffer: {told}")
        connection.buffer.clear()
        item = {"id": self._id("item"), "type": "message", "object": "realtime.item", "status": "completed",
                "role": "user", "content": [{"type": "input_audio", "transcript": None}]}  # fmt: skip
        connection.sound[item["id"]] = pcm
        last = next(reversed(connection.items), None)
        await self._send(connection, "input_audio_buffer.committed", item_id=item["id"], previous_item_id=last)
        await self._add(connection, item)
        if connection.session["audio"].get("input", {}).get("transcription"):
            self._in_background(connection, self._transcribe(connection, item))

    async def _transcribe(self, connection: Connection, item: dict[str, Any]) -> None:
        kind, place = "conversation.item.input_audio_transcription", {"item_id": item["id"], "content_index": 0}
        seconds = len(connection.sound[item["id"]]) / 2 / RATE
        text = self.transcripts.popleft() if self.transcripts else f"{seconds:.1f} seconds"
        await self.gate.wait()
        match self._taken("transcription_failed", "no_transcript"):
            case "transcription_failed":
                error = {"type": "server_error", "code": "transcription_failed", "message": f"busy {KEY}"}
                await self._send(connection, f"{kind}.failed", error=error, **place)
            case "no_transcript":
                pass
            case _:
                for word in _words(text):
                    await self._send(connection, f"{kind}.delta", delta=word, **place)
                item["content"][0]["transcript"] = text
                usage = {"type": "duration", "seconds": seconds}
                more = {"languages": [{"code": "fr"}]} if text.startswith("bonsoir") else {}
                await self._send(connection, f"{kind}.completed", transcript=text, usage=usage, **place, **more)

    async def _conversation_item_create(self, connection: Connection, event: dict[str, Any]) -> None:
        item = dict(event["item"])
        _known(item, _ITEMS.get(item.get("type", ""), set()), "item")
        if item["type"] == "message":
            for part in item["content"]:
                if part["type"] not in _CONTENT[item["role"]]:
                    raise _MistakeError("invalid_value", f"Invalid content type {part['type']!r}", "item.content")
        elif item["type"] == "function_call":
            json.loads(item["arguments"])
        elif item["call_id"] not in {i.get("call_id") for i in connection.items.values()}:
            raise _MistakeError("item_create_invalid_call_id", f"Tool call ID '{item['call_id']}' not found")
        await self._add(connection, {"id": self._id("item"), "status": "completed", **item})

    async def _add(self, connection: Connection, item: dict[str, Any]) -> None:
        last = next(reversed(connection.items), None)
        connection.items[item["id"]] = item
        await self._send(connection, "conversation.item.added", item=item, previous_item_id=last)
        if item["status"] == "completed":
            await self._send(connection, "conversation.item.done", item=item, previous_item_id=last)

    async def _conversation_item_delete(self, connection: Connection, event: dict[str, Any]) -> None:
        if connection.items.pop(event["item_id"], None) is None:
            raise _MistakeError("item_delete_invalid_item_id", f"Item with item_id {event['item_id']} not found")
        await self._send(connection, "conversation.item.deleted", item_id=event["item_id"])

    async def _conversation_item_truncate(self, connection: Connection, event: dict[str, Any]) -> None:
        item, pcm = connection.items.get(event["item_id"]), connection.sound.get(event["item_id"])
        if not item or item.get("role") != "assistant" or pcm is None:
            raise _MistakeError("item_truncate_invalid_item_id", f"Item {event['item_id']} not found")
        length, end = len(pcm) // (2 * RATE // 1_000), event["audio_end_ms"]
        if end > length:
            raise _MistakeError("invalid_value", f"Audio content of {length}ms is already shorter than {end}ms")
        if event["content_index"] != 0 or item["status"] == "in_progress":
            raise _MistakeError("invalid_value", "Only a message's own sound can be truncated, and when it is made")
        connection.sound[item["id"]] = pcm[: 2 * RATE // 1_000 * end]
        item["content"][0].pop("transcript")  # the server knows the words of what is left no more
        place = {"item_id": item["id"], "content_index": 0}
        await self._send(connection, "conversation.item.truncated", audio_end_ms=end, **place)

    # --- replies

    async def _response_create(self, connection: Connection, event: dict[str, Any]) -> None:
        asked = event.get("response") or {}
        _known(asked, _RESPONSE, "response")
        _tools(asked.get("tools", []))
        if connection.active:
            told = f"Conversation already has an active response in progress: {connection.active}"
            raise _MistakeError("conversation_already_has_active_response", told)
        connection.asked.append(asked)
        connection.active = self._id("resp")
        script = self.replies.popleft() if self.replies else Reply()
        connection.replying = self._in_background(connection, self._reply(connection, connection.active, script))

    async def _response_cancel(self, connection: Connection, event: dict[str, Any]) -> None:
        if not connection.active or event.get("response_id", connection.active) != connection.active:
            raise _MistakeError("response_cancel_not_active", "Cancellation failed: no active response found")
        connection.cancelled += 1
        if connection.replying:
            connection.replying.cancel()
            await asyncio.gather(connection.replying, return_exceptions=True)
        for item in connection.items.values():
            item["status"] = "incomplete" if item["status"] == "in_progress" else item["status"]
        details = {"type": "cancelled", "reason": "client_cancelled"}
        await self._done(connection, connection.active, "cancelled", details)

    async def _reply(self, connection: Connection, response: str, script: Reply) -> None:
        head = {"id": response, "object": "realtime.response", "status": "in_progress", "output": []}
        await self._send(connection, "response.created", response=head)
        fault = self._taken(
            "close", "garbage", "list", "malformed", "huge", "error", "expired", "failed", "incomplete", "filtered",
            "cancelled", "mute", "no_base64", "half", "endless", "bad_call",
        )  # fmt: skip
        status, reason = {"failed": ("failed", ""), "incomplete": ("incomplete", "max_output_tokens"),
                          "filtered": ("incomplete", "content_filter"),
                          "cancelled": ("cancelled", "turn_detected")}.get(fault, ("completed", ""))  # fmt: skip
        if script.words and fault not in ("mute", "failed", "filtered"):
            async for word in self._speak(connection, response, script.words, fault):
                if word == 0 and not await self._misbehave(connection, fault):
                    return
                await self.gate.wait()
        if fault != "mute":
            for number, (name, arguments) in enumerate(script.calls):
                told = "[1]" if fault == "bad_call" else json.dumps(arguments)
                await self._call(connection, response, name, told, number + bool(script.words))
        error = {"type": "server_error", "code": "rate_limit_exceeded", "message": f"Too many, {KEY}"}
        details = {"type": status, **({"reason": reason} if reason else {"error": error} if fault == "failed" else {})}
        await self._done(connection, response, status, details)

    async def _done(self, connection: Connection, response: str, status: str, details: dict[str, Any]) -> None:
        connection.active = ""
        whole = {"id": response, "object": "realtime.response", "status": status, "output": [],
                 "usage": {"total_tokens": TOKENS, "input_tokens": 30, "output_tokens": 12},
                 "status_details": None if status == "completed" else details}  # fmt: skip
        await self._send(connection, "response.done", response=whole)
        await self._send(connection, "rate_limits.updated", rate_limits=[])

    async def _speak(self, connection: Connection, response: str, words: str, fault: str) -> AsyncIterator[int]:
        """Say something, word by word: the words, and the sound a little later."""
        item: dict[str, Any] = {
            "id": self._id("item"), "type": "message", "object": "realtime.item", "status": "in_progress",
            "role": "assistant", "content": [],
        }  # fmt: skip
        whole = {"response_id": response, "output_index": 0}
        place = {**whole, "item_id": item["id"], "content_index": 0}
        await self._send(connection, "response.output_item.added", item=item, **whole)
        await self._add(connection, item)
        item["content"] = [{"type": "output_audio", "transcript": ""}]
        part = {"type": "audio", "transcript": ""}
        await self._send(connection, "response.content_part.added", part=part, **place)
        connection.sound[item["id"]] = b""
        for number, word in enumerate(_words(" ".join(["ha" * 20_000] * 9) if fault == "endless" else words)):
            await self._send(connection, "response.output_audio_transcript.delta", delta=word, **place)
            item["content"][0]["transcript"] += word
            pcm = babble(PER_WORD, RATE)[: -1 if fault == "half" else None]
            connection.sound[item["id"]] += pcm
            data = "***" if fault == "no_base64" else base64.b64encode(pcm).decode()
            await self._send(connection, "response.output_audio.delta", delta=data, **place)
            yield number
        item["status"] = "completed"
        await self._send(connection, "response.output_audio.done", **place)
        text = item["content"][0]["transcript"]
        await self._send(connection, "response.output_audio_transcript.done", transcript=text, **place)
        await self._send(connection, "response.content_part.done", part={**part, "transcript": text}, **place)
        await self._send(connection, "conversation.item.done", item=item, previous_item_id=None)
        await self._send(connection, "response.output_item.done", item=item, **whole)

    async def _call(self, connection: Connection, response: str, name: str, arguments: str, at: int) -> None:
        item = {"id": self._id("item"), "type": "function_call", "object": "realtime.item", "status": "in_progress",
                "call_id": self._id("call"), "name": name, "arguments": ""}  # fmt: skip
        whole = {"response_id": response, "output_index": at}
        place = {**whole, "item_id": item["id"], "call_id": item["call_id"]}
        await self._send(connection, "response.output_item.added", item=item, **whole)
        await self._add(connection, item)
        await self._send(connection, "response.function_call_arguments.delta", delta=arguments, **place)
        await self._send(connection, "response.function_call_arguments.done", arguments=arguments, name=name, **place)
        item |= {"status": "completed", "arguments": arguments}
        await self._send(connection, "conversation.item.done", item=item, previous_item_id=None)
        await self._send(connection, "response.output_item.done", item=item, **whole)

    async def _misbehave(self, connection: Connection, fault: str) -> bool:
        """Misbehave after the first word; return whether the reply goes on."""
        socket = connection.socket
        bad = {"garbage": "}{", "list": "[1]", "malformed": '{"type": "response.done", "response": 7}'}
        if fault in bad:
            await socket.send_str(bad[fault])
        elif fault == "huge":
            await socket.send_str("x" * 17_000_000)
        elif fault == "error":
            await self._error(connection, "server_error", f"The server had an error, {KEY}")
        elif fault == "expired":
            await self._error(connection, "session_expired", "Your session hit the maximum duration of 60 minutes.")
        if fault in ("expired", "close"):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"bye")
        return fault not in bad and fault not in ("huge", "error", "expired", "close")


class _MistakeError(Exception):
    """What a client did wrong."""

    def __init__(self, code: str, told: str, param: str | None = None) -> None:
        super().__init__(f"{told} ({param})" if param else told)
        self.code, self.param = code, param


def _known(given: Any, fields: set[str], where: str) -> None:
    if not isinstance(given, dict):
        raise _MistakeError("invalid_type", "Expected an object", where)
    for name in given.keys() - fields:
        raise _MistakeError("unknown_parameter", f"Unknown parameter: '{where}.{name}'.", f"{where}.{name}")


def _audio(audio: dict[str, Any]) -> None:
    _known(audio, {"input", "output"}, "session.audio")
    for side in audio:
        if audio[side].get("format", _FORM) != _FORM:
            raise _MistakeError("invalid_value", "Only 24 kHz PCM is taken here", f"session.audio.{side}.format")
    given, made = audio.get("input", {}), audio.get("output", {})
    _known(given, {"format", "noise_reduction", "transcription", "turn_detection"}, "session.audio.input")
    if given and given.get("turn_detection", "server_vad") is not None:
        raise _MistakeError("untested", "This server does not detect turns", "session.audio.input.turn_detection")
    if transcription := given.get("transcription"):
        fields = _TRANSCRIBERS.get(transcription.get("model"))
        if fields is None:
            raise _MistakeError("invalid_value", "Unknown transcriber", "session.audio.input.transcription.model")
        _known(transcription, fields, "session.audio.input.transcription")
    _known(made, {"format", "voice", "speed"}, "session.audio.output")
    voice = made.get("voice", "alloy")
    if not (isinstance(voice, dict) and voice.keys() == {"id"}) and voice not in _VOICES:
        raise _MistakeError("invalid_value", f"Invalid value: {voice!r}", "session.audio.output.voice")
    if not 0.25 <= made.get("speed", 1.0) <= 1.5 or math.isnan(made.get("speed", 1.0)):
        raise _MistakeError("invalid_value", "Invalid speed", "session.audio.output.speed")


def _tools(tools: list[dict[str, Any]]) -> None:
    for tool in tools:
        _known(tool, {"type", "name", "description", "parameters"}, "tools")
        if tool["type"] != "function" or tool["parameters"].get("type") != "object":
            raise _MistakeError("invalid_value", "Invalid tool", "tools")


def _words(text: str) -> list[str]:
    """Tear a text into words, each with the space before it, as they are streamed."""
    first, *others = text.split(" ")
    return [first, *(f" {word}" for word in others)]
