"""A server that speaks OpenAI's HTTP interface as its reference describes it, on a script and a stopwatch.

It enforces the protocol (key, content types, required and unknown fields) with the documented error bodies, and
misbehaves on request: ``server.fault("speech", "close")``. Each request is stamped on the monotonic clock, which all
processes of a machine share. Also a program: ``python -m tests.servers.openai --help``; it then tells its requests at
``GET /requests``.
"""

import argparse
import asyncio
import functools
import itertools
import json
import math
import re
import time
from array import array
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

ROUTES = ("models", "chat", "speech", "transcriptions")
FAULTS = (
    "hang", "empty", "garbage", "wrong_type", "close", "huge", "slow", "crawl",
    "401", "429", "500", "error", "endless",
)  # fmt: skip
_FIELDS = {
    "chat": {
        "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens",
        "n", "stop", "presence_penalty", "frequency_penalty", "seed", "user", "tools", "tool_choice", "response_format",
        "reasoning_effort",
    },
    "speech": {"model", "input", "voice", "instructions", "response_format", "speed", "stream_format"},
}  # fmt: skip
_TYPES = {"pcm": "audio/pcm", "wav": "audio/wav", "mp3": "audio/mpeg"}


@dataclass
class Script:
    """What the server answers, and when."""

    reply: str | Callable[[list[dict[str, Any]]], str] = "Hello there, Ada! How lovely to see you. Shall we begin?"
    """What it answers, or what it makes of the messages."""
    first_token: float = 0.0
    """Seconds to the first word."""
    between: float = 0.0
    """Seconds between one word and the next."""
    first_sound: float = 0.0
    pace: float = 5.0
    """Times faster than it sounds."""
    per_character: float = 0.06
    """Seconds of sound for a character."""
    heard: str = "hello there"
    hears_after: float = 0.0
    key: str = "sk-test-0123456789"
    """The key that it wants; "" for none, as local servers do."""
    models: tuple[str, ...] = ("gpt-4o-mini", "gpt-4o-mini-tts", "whisper-1")
    slow: float = 3.0
    """Seconds to the first byte for the fault of that name."""


@dataclass
class Asked:
    """One request, with stamps in seconds of the monotonic clock; 0 where it never came."""

    route: str
    at: float
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    file: bytes = field(default=b"", repr=False)
    status: int = 0
    first: float = 0.0
    """The first word or sound was sent."""
    ended: float = 0.0
    cut: float = 0.0
    """The client left before the end."""
    peer: str = ""
    """The client's end of the connection: the same where a connection is used again."""


class OpenAIServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self.script = script or Script()
        self.requests: list[Asked] = []
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), a stream stands still after its first word or sound."""
        self.gate.set()
        self.url = ""
        self._port = port
        self._faults: dict[str, tuple[str, float]] = {}
        self._numbers = itertools.count(1)
        app = web.Application(client_max_size=26_214_400)
        app.router.add_get("/v1/models", self._guard("models", self._models))
        app.router.add_post("/v1/chat/completions", self._guard("chat", self._chat))
        app.router.add_post("/v1/audio/speech", self._guard("speech", self._speech))
        app.router.add_post("/v1/audio/transcriptions", self._guard("transcriptions", self._transcribe))
        app.router.add_get("/requests", self._told)
        # A handler is cancelled when its client leaves: that is how a cut is stamped.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "OpenAIServer":
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fault(self, route: str, what: str, times: float = math.inf) -> None:
        """Misbehave on ``route`` the next ``times`` times; 0 heals it."""
        if route not in ROUTES or what not in FAULTS:
            raise ValueError(f"there is no fault {what!r} on a route {route!r}")
        self._faults[route] = (what, times)

    # --- what every route does

    def _guard(self, route: str, answer: "Callable[[web.Request, Asked, str], Any]") -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            asked = Asked(
                route, time.monotonic(), peer=str(request.transport and request.transport.get_extra_info("peername"))
            )
            self.requests.append(asked)
            try:
                response = await self._before(request, asked, answer)
                asked.status = response.status
                return response
            except _RefusedError as refused:
                asked.status = refused.status
                return refused.response()
            except asyncio.CancelledError:
                asked.cut = time.monotonic()
                raise
            except ConnectionResetError:  # the client left while a piece was being written
                asked.cut = time.monotonic()
                return web.Response()  # goes nowhere, without a complaint in the log
            finally:
                asked.ended = time.monotonic()

        return handler

    async def _before(self, request: web.Request, asked: Asked, answer: Any) -> web.StreamResponse:
        self._check_key(request)
        fault = self._take_fault(asked.route)
        if fault == "401":
            raise _RefusedError(401, f"Incorrect API key provided: {self.script.key}.", code="invalid_api_key")
        if fault == "429":
            raise _RefusedError(
                429, "Rate limit reached for requests", "requests", code="rate_limit_exceeded", retry_after=7
            )
        if fault == "500":
            raise _RefusedError(500, "The server had an error while processing your request.", "server_error")
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "empty":
            return web.Response(body=b"", content_type=_CONTENT[asked.route])
        if fault == "garbage":
            garbage = b"\x80\xffdata: }{\n\ndata: \xc3(\n\n" if asked.route == "chat" else b"{\x00\xff"
            return web.Response(body=garbage, content_type=_CONTENT[asked.route])
        if fault == "wrong_type":
            return web.Response(text="<html><h1>Welcome to the proxy</h1></html>", content_type="text/html")
        if fault == "slow":
            await asyncio.sleep(self.script.slow)
        return await answer(request, asked, fault)

    def _take_fault(self, route: str) -> str:
        what, times = self._faults.get(route, ("", 0.0))
        if times <= 0:
            return ""
        self._faults[route] = (what, times - 1)
        return what

    def _check_key(self, request: web.Request) -> None:
        if not self.script.key:
            return
        given = request.headers.get("Authorization", "")
        if not given:
            raise _RefusedError(
                401, "You didn't provide an API key. You need to provide your API key in an Authorization header"
                " using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )  # fmt: skip
        if given != f"Bearer {self.script.key}":
            raise _RefusedError(401, f"Incorrect API key provided: {given[7:]}.", code="invalid_api_key")

    async def _json(self, request: web.Request, asked: Asked, *required: str) -> dict[str, Any]:
        if request.content_type != "application/json":
            raise _RefusedError(415, f"Unsupported content type: '{request.content_type}'. Use 'application/json'.")
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise _RefusedError(400, "We could not parse the JSON body of your request.")
        asked.body = body
        for name in required:
            if body.get(name) in (None, "", []):
                raise _RefusedError(400, f"Missing required parameter: '{name}'.", param=name)
        for name in body.keys() - _FIELDS[asked.route]:
            raise _RefusedError(400, f"Unrecognized request argument supplied: {name}")
        self._check_model(body["model"])
        return body

    def _check_model(self, model: Any) -> None:
        if model not in self.script.models:
            raise _RefusedError(
                404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
            )

    # --- the routes

    async def _told(self, request: web.Request) -> web.Response:
        return web.json_response([{**asdict(asked), "file": len(asked.file)} for asked in self.requests])

    async def _models(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        models = [{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "test"}
                  for name in self.script.models]  # fmt: skip
        return web.json_response({"object": "list", "data": models})

    async def _chat(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = await self._json(request, asked, "model", "messages")
        _check_messages(body["messages"])
        if not 0 <= body.get("temperature", 1) <= 2:
            raise _RefusedError(400, "Invalid 'temperature': expected a value between 0 and 2.", param="temperature")
        if "stream_options" in body and not body.get("stream"):
            raise _RefusedError(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        reply = self.script.reply if isinstance(self.script.reply, str) else self.script.reply(body["messages"])
        words = re.findall(r"\s*[\u3040-\u30ff\u4e00-\u9fff]|\s*[^\s\u3040-\u30ff\u4e00-\u9fff]+|\s+$", reply)
        usage = {"prompt_tokens": sum(len(m["content"].split()) for m in body["messages"]),
                 "completion_tokens": len(words)}  # fmt: skip
        usage["total_tokens"] = sum(usage.values())
        head = {"id": f"chatcmpl-{next(self._numbers)}", "created": int(time.time()), "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}
            return web.json_response({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        head["object"] = "chat.completion.chunk"
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def send(data: Any) -> None:
            text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
            await response.write(f"data: {text}\n\n".encode())

        def part(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
            return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}

        await send(part({"role": "assistant", "content": ""}))
        async for index, word in self._words(words, fault):
            if fault in ("close", "error", "huge") and index == max(1, len(words) // 2):
                if fault == "close":
                    _abort(request)
                elif fault == "huge":
                    await send("x" * 10_000_000)
                else:
                    await send({"error": {"message": "The model is overloaded.", "type": "server_error", "code": None}})
                return response
            asked.first = asked.first or time.monotonic()
            await send(part({"content": word}))
            await self.gate.wait()
        await send(part({}, "stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            await send({**head, "choices": [], "usage": usage})
        await send("[DONE]")
        return response

    async def _words(self, words: list[str], fault: str) -> AsyncIterator[tuple[int, str]]:
        due = time.monotonic() + self.script.first_token
        between = max(self.script.between, {"endless": 0.001, "crawl": 0.5}.get(fault, 0.0))
        for index, word in enumerate(itertools.cycle(words) if fault == "endless" else words):
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            yield index, word
            due += between

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = await self._json(request, asked, "model", "input", "voice")
        kind = body.get("response_format", "mp3")
        if kind not in _TYPES:
            raise _RefusedError(400, f"Invalid 'response_format': {kind!r}.", param="response_format")
        if len(body["input"]) > 4_096:
            raise _RefusedError(400, "Invalid 'input': string too long. Expected at most 4096.", param="input")
        if not 0.25 <= body.get("speed", 1) <= 4:
            raise _RefusedError(400, "Invalid 'speed': expected a value between 0.25 and 4.", param="speed")
        response = web.StreamResponse(headers={"Content-Type": _TYPES[kind]})
        sound = babble(len(body["input"]) * self.script.per_character / body.get("speed", 1))
        await asyncio.sleep(self.script.first_sound)
        await response.prepare(request)
        if kind == "wav":
            await response.write(_wav_header(0xFFFFFFFF - 36))
        if kind == "mp3":
            await response.write(b"ID3\x04\x00\x00")
        asked.first = time.monotonic()
        if fault == "huge":
            await response.write(babble(10_000_000 / 48_000))
            return response
        step, sent = 2_400, 0  # bytes of 50 ms
        pace = 0.25 if fault == "crawl" else self.script.pace
        while sent < len(sound) or fault == "endless":
            if fault in ("close", "error") and sent >= len(sound) // 2:
                _abort(request)
                return response
            at = sent % len(sound)
            # An odd number of bytes: a network keeps no sample whole.
            await response.write(sound[at : at + step - 1])
            sent += len(sound[at : at + step - 1])
            await self.gate.wait()
            await asyncio.sleep(max(0.0, asked.first + sent / 48_000 / pace - time.monotonic()))
        return response

    async def _transcribe(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        if request.content_type != "multipart/form-data":
            raise _RefusedError(415, f"Unsupported content type: '{request.content_type}'. Use 'multipart/form-data'.")
        name = ""
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise _RefusedError(400, "Could not parse multipart form")
            if part.name == "file":
                name, asked.file = part.filename or "", bytes(await part.read())
            else:
                asked.body[part.name or ""] = await part.text()
        if not asked.file:
            raise _RefusedError(400, "Missing required parameter: 'file'.", param="file")
        if not asked.body.get("model"):
            raise _RefusedError(400, "you must provide a model parameter")
        self._check_model(asked.body["model"])
        if not name.endswith(".wav") or asked.file[:4] != b"RIFF" or asked.file[8:12] != b"WAVE":
            raise _RefusedError(400, "Invalid file format. Supported formats: ['wav']", param="file")
        await asyncio.sleep(self.script.hears_after)
        asked.first = time.monotonic()
        if fault == "huge":
            return web.json_response({"text": "x" * 10_000_000})
        if fault in ("close", "error", "crawl", "endless"):
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            await response.write(b'{"text": "hel')
            while fault in ("crawl", "endless"):
                await asyncio.sleep(0.05)
                await response.write(b"l")
            _abort(request)
            return response
        kind = asked.body.get("response_format", "json")
        seconds = (len(asked.file) - 44) / 2 / max(1, int.from_bytes(asked.file[24:28], "little"))
        if kind == "text":
            return web.Response(text=self.script.heard + "\n")
        if kind == "json":
            return web.json_response({"text": self.script.heard})
        if kind != "verbose_json":
            raise _RefusedError(400, f"Invalid 'response_format': {kind!r}.", param="response_format")
        return web.json_response(_verbose(self.script.heard, seconds))


_CONTENT = {"models": "application/json", "chat": "text/event-stream", "speech": "audio/pcm",
            "transcriptions": "application/json"}  # fmt: skip


class _RefusedError(Exception):
    """An answer in the shape of the reference's errors."""

    def __init__(
        self, status: int, message: str, kind: str = "invalid_request_error", *,
        param: str | None = None, code: str | None = None, retry_after: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status = status
        self._body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        self._headers = {"Retry-After": str(retry_after)} if retry_after else {}

    def response(self) -> web.Response:
        return web.json_response(self._body, status=self.status, headers=self._headers)


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        raise _RefusedError(400, "Invalid type for 'messages': expected an array.", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("system", "developer", "user", "assistant"):
            raise _RefusedError(400, f"Invalid value for 'messages[{index}].role'.", param=f"messages[{index}].role")
        if not isinstance(message.get("content"), str):
            raise _RefusedError(400, f"Invalid type for 'messages[{index}].content'.", param="messages")


def _abort(request: web.Request) -> None:
    """Drop the connection without an ending."""
    if request.transport is not None:
        request.transport.abort()


def babble(seconds: float, rate: int = 24_000) -> bytes:
    """Return something as loud and as broken as speech: four syllables of a low tone a second."""
    return (_second_of_babble(rate) * math.ceil(seconds + 1))[: 2 * round(seconds * rate)]


@functools.cache
def _second_of_babble(rate: int) -> bytes:
    swell = [0.5 - 0.5 * math.cos(2 * math.pi * 4 * i / rate) for i in range(rate // 4)]
    tone = (round(9_000 * s * math.sin(2 * math.pi * 140 * i / rate)) for i, s in enumerate(swell * 4))
    return array("h", tone).tobytes()


def _wav_header(length: int, rate: int = 24_000) -> bytes:
    import struct

    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", length + 36, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16,
                       b"data", length)  # fmt: skip


def _verbose(text: str, seconds: float) -> dict[str, Any]:
    segment = {
        "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": f" {text}", "tokens": [1], "temperature": 0.0,
        "avg_logprob": -0.2, "compression_ratio": 1.0, "no_speech_prob": 0.01,
    }  # fmt: skip
    return {"task": "transcribe", "language": "english", "duration": seconds, "text": text,
            "segments": [segment] if text else []}  # fmt: skip


async def _serve(script: Script, port: int) -> None:
    async with OpenAIServer(script, port=port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run until it is stopped; the first line of output is the address."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.openai", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    for name in ("reply", "heard", "key"):
        parser.add_argument(f"--{name}", default=getattr(Script, name))
    for name in ("first_token", "between", "first_sound", "pace", "per_character", "hears_after", "slow"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(Script, name))
    given = vars(parser.parse_args())
    try:
        asyncio.run(_serve(Script(**{k: v for k, v in given.items() if k != "port"}), given["port"]))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
