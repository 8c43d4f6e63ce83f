"""A server that speaks Gemini's Live interface over a WebSocket, as its reference and its own client describe it.

On a script. It enforces the protocol (the key in its header, the set-up first, one field a message, known fields, the
order of activity, calls that exist) as the real one does: it closes the connection with a code and a reason, which also
stands in ``complaints``. It misbehaves on request: ``server.fault("close")``. https://ai.google.dev/api/live
"""

import asyncio
import base64
import binascii
import itertools
import json
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from tests.servers.openai import babble

FAULTS = (
    "401", "403", "429", "500", "hang", "bad_key", "quota", "close", "garbage", "list", "malformed", "huge", "go_away",
    "no_transcript", "late_transcript", "finished", "no_answer", "rejected", "no_base64", "half", "endless", "playback",
    "nameless_call",
)  # fmt: skip
KEY = "AIza-test-live-0123456789"
MODEL = "models/gemini-3.8-live"
RATE = 24_000
PER_WORD = 0.1
TOKENS = 42
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_SETUP = {
    "model", "generationConfig", "systemInstruction", "tools", "realtimeInputConfig", "sessionResumption",
    "contextWindowCompression", "inputAudioTranscription", "outputAudioTranscription", "proactivity", "historyConfig",
    "safetySettings", "avatarConfig",
}  # fmt: skip
_GENERATION = {
    "candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "presencePenalty", "frequencyPenalty",
    "responseModalities", "speechConfig", "mediaResolution", "thinkingConfig",
}  # fmt: skip
_INPUT = {"audio", "video", "text", "activityStart", "activityEnd", "audioStreamEnd"}


@dataclass
class Answer:
    """What the model answers."""

    words: str = "Good evening, dear Ada!"
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])


@dataclass
class Connection:
    """One session: what its client asked for and sent, and what stands in its conversation."""

    socket: web.WebSocketResponse
    setup: dict[str, Any] = field(default_factory=dict[str, Any])
    said: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """The conversation in words: who, and what."""
    speeches: list[bytes] = field(default_factory=list[bytes], repr=False)
    waiting: set[str] = field(default_factory=set[str])
    """Calls without a result."""
    interrupted: int = 0
    left: bool = False
    speaking: bool = False
    sound: bytearray = field(default_factory=bytearray, repr=False)
    seeded: bool = True
    """The history has been told, or there is none."""
    answering: "asyncio.Task[None] | None" = None
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)


class GeminiLiveServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.complaints: list[str] = []
        self.answers: deque[Answer] = deque()
        """What it answers next; else what an ``Answer`` is by itself."""
        self.transcripts: deque[str] = deque()
        """What is written down next; else it is how long the speech was."""
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), an answer stands still after its first word, and so does a fault."""
        self.gate.set()
        self.url = ""
        self._faults: dict[str, float] = {}
        self._ids = itertools.count(1)
        app = web.Application()
        app.router.add_get(PATH, self._serve)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "GeminiLiveServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2]) + PATH
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
        if status := self._taken("401", "403", "429", "500"):
            headers = {"Retry-After": "7"} if status == "429" else {}
            return web.json_response({"error": {"message": KEY}}, status=int(status), headers=headers)
        if request.query:
            return web.json_response({"error": {"message": "The key belongs into a header"}}, status=400)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket)
        self.connections.append(connection)
        try:
            if request.headers.get("x-goog-api-key") != KEY or self._taken("bad_key"):
                raise _MistakeError(1007, f"API key not valid. Please pass a valid API key. {KEY}")
            if self._taken("quota"):
                raise _MistakeError(1011, "You exceeded your current quota, please check your plan")
            await self._converse(connection)
        except _MistakeError as mistake:
            if connection.setup:
                self.complaints.append(str(mistake))
            await socket.close(code=mistake.code, message=str(mistake).encode()[:120])
        except ConnectionError:
            pass
        finally:
            connection.left = True
            for task in connection.tasks:
                task.cancel()
            await asyncio.gather(*connection.tasks, return_exceptions=True)
        return socket

    async def _converse(self, connection: Connection) -> None:
        async for message in connection.socket:
            event: Any = None
            with suppress(ValueError):
                event = json.loads(message.data) if message.type in (WSMsgType.TEXT, WSMsgType.BINARY) else None
            if not isinstance(event, dict) or len(event) != 1:
                raise _MistakeError(1007, "Request contains an invalid argument: one field a message.")
            ((kind, value),) = event.items()
            if (kind == "setup") == bool(connection.setup):
                raise _MistakeError(1007, "setup must be the first message and only the first.")
            take = {"setup": self._setup, "clientContent": self._content, "realtimeInput": self._input,
                    "toolResponse": self._results}.get(kind)  # fmt: skip
            if take is None:
                raise _MistakeError(1007, f"Invalid JSON payload received. Unknown name {kind!r}.")
            await take(connection, value)

    async def _send(self, connection: Connection, **message: Any) -> None:
        """Send a message as the real server does, as JSON in a binary frame."""
        await connection.socket.send_bytes(json.dumps(message).encode())

    def _in_background(self, connection: Connection, work: Any) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        connection.tasks.add(task)
        task.add_done_callback(connection.tasks.discard)
        return task

    # --- what a client may send

    async def _setup(self, connection: Connection, setup: dict[str, Any]) -> None:
        if self._taken("hang"):
            await self.gate.wait()
        connection.setup = setup
        _known(setup, _SETUP, "setup")
        generation = setup.get("generationConfig", {})
        _known(generation, _GENERATION, "setup.generationConfig")
        if setup.get("model") != MODEL:
            raise _MistakeError(1008, f"{setup.get('model')} is not found for API version v1beta")
        if generation.get("responseModalities") != ["AUDIO"]:
            raise _MistakeError(1007, "Only sound is made here.")
        if setup.get("realtimeInputConfig") != {"automaticActivityDetection": {"disabled": True}}:
            raise _MistakeError(1007, "This server does not detect activity.")
        for tool in setup.get("tools", []):
            for function in tool["functionDeclarations"]:
                _known(function, {"name", "description", "parametersJsonSchema", "behavior"}, "functionDeclarations")
        for name in ("inputAudioTranscription", "outputAudioTranscription"):
            _known(setup.get(name, {}), {"languageCodes", "customVocabulary"}, f"setup.{name}")
        connection.seeded = not setup.get("historyConfig", {}).get("initialHistoryInClientContent")
        await self._send(connection, setupComplete={})
        await self._send(connection, sessionResumptionUpdate={})

    async def _content(self, connection: Connection, content: dict[str, Any]) -> None:
        _known(content, {"turns", "turnComplete"}, "clientContent")
        for turn in content["turns"]:
            if turn["role"] not in ("user", "model") or turn["parts"][0].keys() != {"text"}:
                raise _MistakeError(1007, "Please use a valid role: user, model.")
            connection.said.append((turn["role"], turn["parts"][0]["text"]))
        if not connection.seeded:
            connection.seeded = content["turnComplete"]
            return
        await self._interrupt(connection)
        if content["turnComplete"]:
            self._answer(connection, len(connection.said))

    async def _input(self, connection: Connection, given: dict[str, Any]) -> None:
        _known(given, _INPUT, "realtimeInput")
        if len(given) != 1 or not connection.seeded:
            raise _MistakeError(1007, "Request contains an invalid argument: one input, and after the history.")
        if "activityStart" in given and not connection.speaking:
            connection.speaking = True
            connection.sound.clear()
            await self._interrupt(connection)
        elif "audio" in given and connection.speaking:
            if given["audio"].get("mimeType") != "audio/pcm;rate=16000":
                raise _MistakeError(1007, "Unsupported sound.")
            try:
                connection.sound += base64.b64decode(given["audio"]["data"], validate=True)
            except (binascii.Error, TypeError):
                raise _MistakeError(1007, "Base64 decoding failed.") from None
        elif "activityEnd" in given and connection.speaking:
            connection.speaking = False
            pcm = bytes(connection.sound)
            connection.speeches.append(pcm)
            text = self.transcripts.popleft() if self.transcripts else f"{len(pcm) / 32_000:.1f} seconds"
            connection.said.append(("user", text))
            fault = self._taken("no_transcript", "no_answer", "finished", "late_transcript")
            if fault == "no_answer":  # a noise, which the model does not care for
                return
            if fault == "finished":
                self._in_background(connection, self._write_down(connection, text, finished=True))
                return
            self._answer(connection, len(connection.said), "" if fault == "no_transcript" else text, fault)
        else:
            raise _MistakeError(1007, "Precondition check failed: explicit activity control.")

    async def _results(self, connection: Connection, results: dict[str, Any]) -> None:
        _known(results, {"functionResponses"}, "toolResponse")
        for result in results["functionResponses"]:
            _known(result, {"id", "name", "response", "scheduling", "willContinue", "parts"}, "functionResponses")
            if result["id"] not in connection.waiting:
                raise _MistakeError(1008, "Requested entity was not found.")
            connection.waiting.discard(result["id"])
            connection.said.append(("result", json.dumps(result["response"])))
        if not connection.waiting:
            self._answer(connection, len(connection.said))

    # --- answers

    async def _interrupt(self, connection: Connection) -> None:
        """Break off what is being made, and make void what was called."""
        if connection.waiting:
            await self._send(connection, toolCallCancellation={"ids": sorted(connection.waiting)})
            connection.waiting.clear()
        if connection.answering and not connection.answering.done():
            connection.answering.cancel()
            await asyncio.gather(connection.answering, return_exceptions=True)
            connection.interrupted += 1
            await self._send(connection, serverContent={"interrupted": True})
            await self._send(connection, serverContent={"turnComplete": True})

    def _answer(self, connection: Connection, at: int, heard: str = "", fault: str = "") -> None:
        script = self.answers.popleft() if self.answers else Answer()
        connection.answering = self._in_background(connection, self._make(connection, script, heard, fault, at))

    async def _write_down(self, connection: Connection, text: str, *, finished: bool = False) -> None:
        for number, word in enumerate(_words(text)):
            told: dict[str, Any] = {"text": word, "languageCode": "en-US"}
            if finished and number == len(_words(text)) - 1:
                told["finished"] = True
            await self._send(connection, serverContent={"inputTranscription": told})

    async def _make(self, connection: Connection, script: Answer, heard: str, fault: str, at: int) -> None:
        if heard and fault != "late_transcript":
            first = _words(heard)[0]
            await self._send(connection, serverContent={"interimInputTranscription": {"text": first}})
            await self._write_down(connection, heard)
        fault = fault or self._taken(
            "close", "garbage", "list", "malformed", "huge", "go_away", "rejected", "no_base64", "half", "endless",
            "playback", "nameless_call",
        )  # fmt: skip
        spoken = "" if fault == "rejected" else script.words
        words = [*_words(" ".join(["ha" * 20_000] * 9) if fault == "endless" else spoken)] if spoken else []
        connection.said.insert(at, ("model", ""))
        for number, word in enumerate(words):
            connection.said[at] = ("model", connection.said[at][1] + word)
            await self._say(connection, word, fault)
            if fault == "late_transcript" and number == 0:
                await self._write_down(connection, heard)
            if number == 0 and not await self._misbehave(connection, fault):
                return
            await self.gate.wait()
        if script.calls:
            await self._call(connection, script.calls, fault)
            return
        if words:
            await self._send(connection, serverContent={"generationComplete": True})
        if fault == "playback":
            await asyncio.Event().wait()
        end: dict[str, Any] = {"turnComplete": True}
        if fault == "rejected":
            end["turnCompleteReason"] = "RESPONSE_REJECTED"
        await self._send(connection, serverContent=end, usageMetadata={"totalTokenCount": TOKENS})

    async def _say(self, connection: Connection, word: str, fault: str) -> None:
        """Send the sound of a word, and a thought that nobody may hear, and then the word itself."""
        pcm = babble(PER_WORD, RATE)[: -1 if fault == "half" else None]
        data = "***" if fault == "no_base64" else base64.b64encode(pcm).decode()
        sound = {"inlineData": {"mimeType": f"audio/pcm;rate={RATE}", "data": data}}
        parts = [{"text": "They greet me.", "thought": True}, sound]
        await self._send(connection, serverContent={"modelTurn": {"role": "model", "parts": parts}})
        await self._send(connection, serverContent={"outputTranscription": {"text": word}})

    async def _call(self, connection: Connection, calls: list[tuple[str, dict[str, Any]]], fault: str) -> None:
        wished = [{"id": f"function-call-{next(self._ids)}", "name": name, "args": args} for name, args in calls]
        if fault == "nameless_call":
            wished[0].pop("id")
        connection.waiting |= {call.get("id", "") for call in wished}
        usage = {"totalTokenCount": TOKENS}
        await self._send(connection, toolCall={"functionCalls": wished}, usageMetadata=usage)

    async def _misbehave(self, connection: Connection, fault: str) -> bool:
        """Misbehave after the first word; return whether the answer goes on."""
        socket = connection.socket
        bad = {"garbage": "}{", "list": "[1]", "malformed": '{"serverContent": {"turnComplete": "soon"}}'}
        if fault in bad:
            await socket.send_str(bad[fault])
        elif fault == "huge":
            await socket.send_str("x" * 17_000_000)
        elif fault == "close":
            await socket.close(code=WSCloseCode.INTERNAL_ERROR, message=b"Internal error encountered.")
        elif fault == "go_away":
            await self._send(connection, goAway={"timeLeft": "50s"})
        return fault not in bad and fault not in ("huge", "close")


class _MistakeError(Exception):
    """What a client did wrong, and the code with which the connection is closed."""

    def __init__(self, code: int, told: str) -> None:
        super().__init__(told)
        self.code = code


def _known(given: Any, fields: set[str], where: str) -> None:
    if not isinstance(given, dict):
        raise _MistakeError(1007, f"Invalid value at {where!r}")
    for name in given.keys() - fields:
        raise _MistakeError(1007, f"Invalid JSON payload received. Unknown name {name!r} at {where!r}")


def _words(text: str) -> list[str]:
    """Tear a text into words, each with the space before it, as they are streamed."""
    return re.findall(r"\s*\S+", text)
