"""A server that speaks with Microsoft's Speech SDK as a Speech container does, so that the real SDK can be tested.

How the two talk can be read in Microsoft's SDK for JavaScript (MIT): messages of header lines and a body over a
WebSocket, text for JSON and SSML, binary for sound behind two bytes of header length. It takes only what the service
takes (key, path, order of messages, well-formed SSML of known elements and voices, 16 kHz sound) and misbehaves on
request: ``server.fault("close")``. https://github.com/microsoft/cognitive-services-speech-sdk-js
"""

import asyncio
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from aiohttp import WSCloseCode, WSMsgType, web

from tests.servers.openai import babble

FAULTS = ("401", "429", "hang", "close", "empty", "no_visemes", "no_metadata", "torn", "endless", "nothing_heard")
KEY = "0123456789abcdef0123456789abcdef"
VOICES = ("en-US-AvaMultilingualNeural", "en-US-AriaNeural", "ja-JP-NanamiNeural")
PER_CHARACTER = 0.06
_TICKS = 10_000_000
_SPEAK, _MSTTS = "{http://www.w3.org/2001/10/synthesis}", "{https://www.w3.org/2001/mstts}"
_KNOWN = {
    f"{_SPEAK}speak", f"{_SPEAK}voice", f"{_SPEAK}lang", f"{_SPEAK}prosody", f"{_MSTTS}silence", f"{_MSTTS}express-as",
}  # fmt: skip
_FORMS = {f"raw-{rate}khz-16bit-mono-pcm": rate * 1_000 for rate in (16, 24, 48)}


@dataclass
class Asked:
    """One connection."""

    path: str
    query: dict[str, str]
    context: dict[str, Any] = field(default_factory=dict[str, Any])
    """The newest synthesis.context or speech.context."""
    ssml: list[str] = field(default_factory=list[str])
    sound: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """All of the last line or turn was answered."""
    gone: bool = False
    """The client closed the connection."""


class AzureServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, float]] = [("Hello there, Ada.", "en-US", 0.9)]
        """Phrases that it hears, each with its language and confidence."""
        self.requests: list[Asked] = []
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), it stands still after its first sound or its first hypothesis."""
        self.gate.set()
        self.host = ""
        self._faults: dict[str, float] = {}
        app = web.Application()
        app.router.add_get("/cognitiveservices/websocket/v1", self._guarded(self._speak))
        hear = self._guarded(self._hear)
        app.router.add_get("/speech/recognition/conversation/cognitiveservices/v1", hear)
        app.router.add_get("/speech/recognition/interactive/cognitiveservices/v1", hear)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "AzureServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = "ws://{}:{}".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fault(self, what: str, times: float = math.inf) -> None:
        """Misbehave the next ``times`` times."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._faults = {what: times}

    def heal(self) -> None:
        """Misbehave no more."""
        self._faults = {}

    def _taken(self, *among: str) -> str:
        for what, times in self._faults.items():
            if what in among:
                self._faults = {what: times - 1} if times > 1 else {}
                return what
        return ""

    def _guarded(self, answer: Callable[[web.WebSocketResponse, Asked], Any]) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            if fault := self._taken("401", "429"):
                return web.Response(status=int(fault), headers={"Retry-After": "7"} if fault == "429" else {})
            if request.headers.get("Ocp-Apim-Subscription-Key") != KEY:
                return web.Response(status=401)
            socket = web.WebSocketResponse(protocols=("USP",))
            await socket.prepare(request)
            asked = Asked(request.path, dict(request.query))
            self.requests.append(asked)
            try:
                await answer(socket, asked)
            except _WrongError as wrong:
                await socket.close(code=WSCloseCode.INVALID_TEXT, message=str(wrong).encode())
            except ConnectionError:
                pass
            finally:
                asked.gone = True
            return socket

        return handler

    # --- a voice

    async def _speak(self, socket: web.WebSocketResponse, asked: Asked) -> None:
        configured = False
        async for message in socket:
            path, number, body = _text(message)
            if path == "speech.config":
                configured = "context" in json.loads(body)
            elif path == "synthesis.context":
                asked.context = json.loads(body)["synthesis"]["audio"]
            elif path == "ssml":
                if not configured or not asked.context:
                    raise _WrongError("ssml before its configuration")
                asked.ssml.append(body)
                await self._line(socket, asked, number, _spoken(body))
            elif path != "telemetry":
                raise _WrongError(f"no such path: {path}")

    async def _line(self, socket: web.WebSocketResponse, asked: Asked, number: str, text: str) -> None:
        asked.ended = False
        fault = self._taken("hang", "close", "empty", "no_visemes", "no_metadata", "torn", "endless")
        if fault == "hang":
            await _gone(socket)
        tell = _teller(socket, number)
        await tell("turn.start", {"context": {"serviceTag": "tag"}})
        await tell("response", {"context": {"serviceTag": "tag"}, "audio": {"type": "inline", "streamId": "S"}})
        rate = _FORMS[asked.context["outputFormat"]]
        for word in re.finditer(r"[\w'$]+|[^\w\s]", text):
            if fault == "empty":
                break
            for metadata in _metadata(word, fault):
                await tell("audio.metadata", {"Metadata": [metadata]})
            pcm = line_pcm(text, word.start(), rate)
            for piece in (pcm[:-1], pcm[-1:]) if fault == "torn" else (pcm,):
                await _sound(socket, number, piece)
            if fault == "close":
                await _abort(socket)
            await self.gate.wait()
        while fault == "endless":
            await _sound(socket, number, babble(0.1, rate))
            await asyncio.sleep(0.001)
        await tell("audio.metadata", {"Metadata": [{"Type": "SessionEnd", "Data": {"Offset": 1}}]})
        await tell("turn.end", {})
        asked.ended = True

    # --- an ear

    async def _hear(self, socket: web.WebSocketResponse, asked: Asked) -> None:
        configured, fault = False, ""
        tell: Any = None
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                path, _, body = _text(message)
                configured = configured or path == "speech.config"
                if path == "speech.context":
                    asked.context = json.loads(body)
                continue
            headers, sound = _binary(message)
            if not configured or not asked.context or headers["Path"] != "audio":
                raise _WrongError("sound before its configuration")
            if sound[:4] == b"RIFF":
                if (sound[22:24], sound[24:28], sound[34:36]) != (b"\1\0", b"\x80\x3e\0\0", b"\x10\0"):
                    raise _WrongError("not 16 kHz mono 16 bits")
                if asked.ended:
                    return  # the SDK begins a new turn after the last one: the client is about to leave
                fault, tell = self._taken("hang", "close", "nothing_heard"), _teller(socket, headers["X-RequestId"])
                await tell("turn.start", {"context": {"serviceTag": "tag"}})
                if fault not in ("hang", "nothing_heard"):
                    await tell("speech.startDetected", {"Offset": 100_000})
                    await tell("speech.hypothesis", self._hypothesis() | self._language(asked, 0))
                    if fault == "close":
                        await _abort(socket)
            elif sound:
                asked.sound += sound
            elif fault != "hang":
                await self.gate.wait()
                await self._phrases(tell, asked, fault)
                asked.ended = True

    def _hypothesis(self) -> dict[str, Any]:
        text = self.heard[0][0]
        return {"Id": "1", "Text": text.split()[0].lower().strip(","), "Offset": 100_000, "Duration": 3_000_000}

    def _language(self, asked: Asked, index: int) -> dict[str, Any]:
        """Tell the language of a phrase where it was to be found out."""
        told = {"PrimaryLanguage": {"Language": self.heard[index][1], "Confidence": "High"}}
        return told if "languageId" in asked.context else {}

    async def _phrases(self, tell: Any, asked: Asked, fault: str) -> None:
        at, end = 1_000_000, len(asked.sound) * _TICKS // 32_000
        for index, (text, _, confidence) in enumerate([] if fault == "nothing_heard" else self.heard):
            words = [{"Word": word.lower().strip(".,"), "Offset": at + 4_000_000 * i, "Duration": 3_000_000}
                     for i, word in enumerate(text.split())]  # fmt: skip
            best = {"Confidence": confidence, "Lexical": text.lower(), "ITN": text, "MaskedITN": text,
                    "Display": text, "Words": words}  # fmt: skip
            length = 4_000_000 * len(words)
            await tell("speech.phrase", {
                "Id": "2", "RecognitionStatus": "Success", "DisplayText": text, "Offset": at, "Duration": length,
                "NBest": [best], **self._language(asked, index),
            })  # fmt: skip
            at += length
        status = "InitialSilenceTimeout" if fault == "nothing_heard" else "EndOfDictation"
        await tell("speech.phrase", {"Id": "3", "RecognitionStatus": status, "Offset": end, "Duration": 0})
        await tell("speech.endDetected", {"Offset": end})
        await tell("turn.end", {})


def line_pcm(text: str, start: int, rate: int) -> bytes:
    """Return the sound of a text from a word or sign on to the next."""
    begins = [match.start() for match in re.finditer(r"[\w'$]+|[^\w\s]", text)]
    following = [begin for begin in begins if begin > start]
    end = following[0] if following else len(text)
    first, last = (2 * round(at * PER_CHARACTER * rate) for at in (0 if start == begins[0] else start, end))
    return babble(end * PER_CHARACTER, rate)[first:last]


def _metadata(word: "re.Match[str]", fault: str) -> list[dict[str, Any]]:
    """Tell of a word or a sign: its boundary, a closed mouth where it begins and an open one behind that."""
    at, length = (round(x * PER_CHARACTER * _TICKS) for x in (word.start(), len(word[0])))
    kind = "WordBoundary" if word[0][0].isalnum() else "PunctuationBoundary"
    told = {"Text": word[0], "Length": len(word[0]), "BoundaryType": kind}
    boundary = {"Type": "WordBoundary", "Data": {"Offset": at, "Duration": length, "text": told}}
    lips = [{"Type": "Viseme", "Data": {"Offset": at + i * 600_000, "VisemeId": shape, "IsLastAnimation": True}}
            for i, shape in enumerate((21, 2) if kind == "WordBoundary" else (0,))]  # fmt: skip
    return [] if fault == "no_metadata" else [boundary] if fault == "no_visemes" else [*lips, boundary]


def _spoken(ssml: str) -> str:
    """Return what SSML says, if the service would take it."""
    try:
        root = ElementTree.fromstring(ssml)
    except ElementTree.ParseError as error:
        raise _WrongError(f"Ssml parsing error: {error}") from None
    if unknown := {element.tag for element in root.iter()} - _KNOWN:
        raise _WrongError(f"unexpected elements in ssml: {sorted(unknown)}")
    voice = root.find(f"{_SPEAK}voice")
    if voice is None or voice.get("name") not in VOICES:
        raise _WrongError(f"Unsupported voice {voice is not None and voice.get('name')}.")
    return "".join(root.itertext())


def _text(message: Any) -> tuple[str, str, str]:
    """Take a text message apart: its path, the number of its request, its body."""
    if message.type != WSMsgType.TEXT:
        raise _WrongError("binary where text belongs")
    head, _, body = message.data.partition("\r\n\r\n")
    headers = _headers(head)
    return headers["Path"], headers.get("X-RequestId", ""), body


def _binary(message: Any) -> tuple[dict[str, str], bytes]:
    length = int.from_bytes(message.data[:2], "big")
    return _headers(message.data[2 : 2 + length].decode()), message.data[2 + length :]


def _headers(head: str) -> dict[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(":") for line in head.strip().split("\r\n"))}


def _teller(socket: web.WebSocketResponse, number: str) -> Any:
    async def tell(path: str, body: dict[str, Any]) -> None:
        head = f"X-RequestId:{number}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
        await socket.send_str(head + json.dumps(body))

    return tell


async def _sound(socket: web.WebSocketResponse, number: str, pcm: bytes) -> None:
    head = f"X-RequestId:{number}\r\nX-StreamId:S\r\nContent-Type:audio/x-wav\r\nPath:audio\r\n".encode()
    await socket.send_bytes(len(head).to_bytes(2, "big") + head + pcm)


async def _gone(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass
    raise ConnectionError


async def _abort(socket: web.WebSocketResponse) -> None:
    """Drop the connection without an ending."""
    transport = socket._req.transport if socket._req else None  # type: ignore[attr-defined]
    if transport is not None:
        transport.abort()
    raise ConnectionError


class _WrongError(Exception):
    """What the service closes the connection for."""
