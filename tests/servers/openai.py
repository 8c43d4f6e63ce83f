"""A server that speaks OpenAI's HTTP interface as its reference describes it, on a script and a stopwatch.

It enforces the protocol (key, content types, required and unknown fields) with the documented error bodies, and
misbehaves on request: ``server.fault("speech", "close")``. Each request is stamped on the monotonic clock, which all
processes of a machine share. Also a program: ``python -m tests.servers.openai --help``; it then tells its requests at
``GET /requests``.
"""

import argparse
import asyncio
import base64
import functools
import itertools
import json
import math
import re
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from tests.servers.faulty import Asked, FaultyServer, RefusedError, abort, object_of, paced

_FIELDS = {
    "chat": {
        "model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens",
        "n", "stop", "presence_penalty", "frequency_penalty", "seed", "user", "tools", "tool_choice", "response_format",
        "reasoning_effort",
    },
    "speech": {"model", "input", "voice", "instructions", "response_format", "speed", "stream_format"},
}  # fmt: skip
_MESSAGE = {
    "system": {"role", "content", "name"},
    "developer": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "refusal", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}
_TYPES = {"pcm": "audio/pcm", "wav": "audio/wav", "mp3": "audio/mpeg"}


_CONTENT = {"models": "application/json", "chat": "text/event-stream", "speech": "audio/pcm",
            "transcriptions": "application/json"}  # fmt: skip


@dataclass
class Script:
    """What the server answers, and when."""

    reply: str | Callable[[list[dict[str, Any]]], str] = "Hello there, Ada! How lovely to see you. Shall we begin?"
    """What it answers, or what it makes of the messages."""
    calls: Callable[[list[dict[str, Any]]], list[tuple[str, dict[str, Any]]]] = lambda messages: []
    """Which tools it calls after these messages, and with what."""
    reasoning: str = ""
    """What it thinks before it answers, as servers of thinking models send it."""
    reasoning_field: str = "reasoning_content"
    refusal: str = ""
    """What it says instead of an answer."""
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
    models: tuple[str, ...] = ("gpt-4o-mini", "gpt-5.4-mini", "gpt-4o-mini-tts", "whisper-1", "gpt-transcribe")
    slow: float = 3.0
    """Seconds to the first byte for the fault of that name."""


class OpenAIServer(FaultyServer):
    """The server, on a free port of the loopback; use it as an async context manager."""

    routes = _CONTENT
    path = "/v1"

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script or Script(), port)
        self._numbers = itertools.count(1)
        router = self.app.router
        router.add_get("/v1/models", self.guard("models", self._models))
        router.add_post("/v1/chat/completions", self.guard("chat", self._chat))
        router.add_post("/v1/audio/speech", self.guard("speech", self._speech))
        router.add_post("/v1/audio/transcriptions", self.guard("transcriptions", self._transcribe))

    def refusal(self, fault: str) -> RefusedError | None:
        match fault:
            case "401":
                return _refused(401, f"Incorrect API key provided: {self.script.key}.", code="invalid_api_key")
            case "429":
                return _refused(
                    429, "Rate limit reached for requests", "requests", code="rate_limit_exceeded", retry_after=7
                )
            case "500":
                return _refused(500, "The server had an error while processing your request.", "server_error")
            case _:
                return None

    def garbage(self, route: str) -> bytes:
        return b"\x80\xffdata: }{\n\ndata: \xc3(\n\n" if route == "chat" else b"{\x00\xff"

    def check_key(self, request: web.Request) -> None:
        if not self.script.key:
            return
        given = request.headers.get("Authorization", "")
        if not given:
            raise _refused(
                401, "You didn't provide an API key. You need to provide your API key in an Authorization header"
                " using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            )  # fmt: skip
        if given != f"Bearer {self.script.key}":
            raise _refused(401, f"Incorrect API key provided: {given[7:]}.", code="invalid_api_key")

    async def _json(self, request: web.Request, asked: Asked, *required: str) -> dict[str, Any]:
        body = asked.body = await object_of(request, lambda message: _refused(400, message))
        for name in required:
            if body.get(name) in (None, "", []):
                raise _refused(400, f"Missing required parameter: '{name}'.", param=name)
        for name in body.keys() - _FIELDS[asked.route]:
            raise _refused(400, f"Unrecognized request argument supplied: {name}")
        self._check_model(body["model"])
        return body

    def _check_model(self, model: Any) -> None:
        if model not in self.script.models:
            raise _refused(
                404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found"
            )

    # --- the routes

    async def _models(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        models = [{"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "test"}
                  for name in self.script.models]  # fmt: skip
        return web.json_response({"object": "list", "data": models})

    async def _chat(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = await self._json(request, asked, "model", "messages")
        _check_messages(body["messages"], self.script.reasoning_field if self.script.reasoning else "")
        _check_tools(body)
        if not 0 <= body.get("temperature", 1) <= 2:
            raise _refused(400, "Invalid 'temperature': expected a value between 0 and 2.", param="temperature")
        if "stream_options" in body and not body.get("stream"):
            raise _refused(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        reply = self.script.reply if isinstance(self.script.reply, str) else self.script.reply(body["messages"])
        words = re.findall(r"\s*[\u3040-\u30ff\u4e00-\u9fff]|\s*[^\s\u3040-\u30ff\u4e00-\u9fff]+|\s+$", reply)
        usage = {"prompt_tokens": len(json.dumps(body["messages"]).split()), "completion_tokens": len(words)}
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

        def part(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
            return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}

        await send(part({"role": "assistant", "content": "", "refusal": None}))
        for thought in re.findall(r"\S+\s*", self.script.reasoning):
            await send(part({self.script.reasoning_field: thought}))
        for word in re.findall(r"\S+\s*", self.script.refusal):
            await send(part({"refusal": word}))
        if self.script.refusal:
            words = []
        async for index, word in paced(words, self.script.first_token, self.script.between, fault):
            if fault in ("close", "error", "huge") and index == max(1, len(words) // 2):
                if fault == "close":
                    abort(request)
                elif fault == "huge":
                    await send("x" * 10_000_000)
                else:
                    await send({"error": {"message": "The model is overloaded.", "type": "server_error", "code": None}})
                return response
            asked.first = asked.first or time.monotonic()
            await send(part({"content": word}))
            await self.gate.wait()
        calls = self.script.calls(body["messages"]) if body.get("tools") else []
        for delta in _pieces_of(calls, self._numbers):
            await send(part({"tool_calls": [delta]}))
        await send(part({}, "tool_calls" if calls else "stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            await send({**head, "choices": [], "usage": usage})
        await send("[DONE]")
        return response

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = await self._json(request, asked, "model", "input", "voice")
        kind = body.get("response_format", "mp3")
        if kind not in _TYPES:
            raise _refused(400, f"Invalid 'response_format': {kind!r}.", param="response_format")
        if len(body["input"]) > 4_096:
            raise _refused(400, "Invalid 'input': string too long. Expected at most 4096.", param="input")
        if not 0.25 <= body.get("speed", 1) <= 4:
            raise _refused(400, "Invalid 'speed': expected a value between 0.25 and 4.", param="speed")
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
                abort(request)
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
            raise _refused(415, f"Unsupported content type: '{request.content_type}'. Use 'multipart/form-data'.")
        name = ""
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise _refused(400, "Could not parse multipart form")
            if part.name == "file":
                name, asked.file = part.filename or "", bytes(await part.read())
            elif (part.name or "").endswith("[]"):
                asked.body.setdefault(part.name or "", []).append(await part.text())
            else:
                asked.body[part.name or ""] = await part.text()
        if not asked.file:
            raise _refused(400, "Missing required parameter: 'file'.", param="file")
        if not asked.body.get("model"):
            raise _refused(400, "you must provide a model parameter")
        self._check_model(asked.body["model"])
        if not name.endswith(".wav") or asked.file[:4] != b"RIFF" or asked.file[8:12] != b"WAVE":
            raise _refused(400, "Invalid file format. Supported formats: ['wav']", param="file")
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
            abort(request)
            return response
        _check_transcription(asked.body)
        kind = asked.body.get("response_format", "json")
        times = asked.body.get("timestamp_granularities[]", ["segment"])
        if times != ["segment"] and kind != "verbose_json":
            raise _refused(400, "timestamp_granularities requires verbose_json.", param="timestamp_granularities")
        seconds = (len(asked.file) - 44) / 2 / max(1, int.from_bytes(asked.file[24:28], "little"))
        if kind == "text":
            return web.Response(text=self.script.heard + "\n")
        if kind == "json":
            languages = {"languages": [{"code": "en"}]} if asked.body["model"] == "gpt-transcribe" else {}
            return web.json_response({"text": self.script.heard, **languages})
        if kind != "verbose_json":
            raise _refused(400, f"Invalid 'response_format': {kind!r}.", param="response_format")
        return web.json_response(_verbose(self.script.heard, seconds, times))


def _refused(
    status: int, message: str, kind: str = "invalid_request_error", *,
    param: str | None = None, code: str | None = None, retry_after: int | None = None,
) -> RefusedError:  # fmt: skip
    """Return an answer in the shape of the reference's errors."""
    return RefusedError(
        status, {"error": {"message": message, "type": kind, "param": param, "code": code}}, retry_after
    )


def _check_transcription(form: dict[str, Any]) -> None:
    """Refuse what the model does not take: https://developers.openai.com/cookbook has what changed with the new one."""
    old = {"language", "temperature", "timestamp_granularities[]"}
    for name in form.keys() & (old if form["model"] == "gpt-transcribe" else {"languages[]", "keywords[]"}):
        raise _refused(400, f"Unsupported parameter: '{name}' is not supported with this model.", param=name)
    if form["model"] == "gpt-transcribe" and form.get("response_format", "json") not in ("json", "text"):
        raise _refused(400, "response_format is not supported with this model.", param="response_format")


def _pieces_of(calls: list[tuple[str, dict[str, Any]]], numbers: "itertools.count[int]") -> list[dict[str, Any]]:
    """Cut calls as the reference does: name and id first, then the arguments, piece by piece."""
    deltas: list[dict[str, Any]] = []
    for index, (name, arguments) in enumerate(calls):
        head = {"id": f"call_t{next(numbers)}", "type": "function", "function": {"name": name, "arguments": ""}}
        deltas.append({"index": index, **head})
        for piece in re.findall(r".{1,4}", json.dumps(arguments), re.S):
            deltas.append({"index": index, "function": {"arguments": piece}})
    return deltas


def _check_messages(messages: Any, reasoning: str) -> None:
    if not isinstance(messages, list):
        raise _refused(400, "Invalid type for 'messages': expected an array.", param="messages")
    owed: list[str] = []
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        fields = _MESSAGE.get(role or "")
        where = f"messages[{index}]"
        if fields is None:
            raise _refused(400, f"Invalid value for '{where}.role'.", param=f"{where}.role")
        for name in message.keys() - fields - ({reasoning} if role == "assistant" else set()):
            raise _refused(400, f"Unrecognized request argument supplied: {where}.{name}")
        if role == "tool":
            if message.get("tool_call_id") not in owed:
                raise _refused(
                    400, "Invalid parameter: messages with role 'tool' must be a response to a preceeding message"
                    " with 'tool_calls'.", param=f"{where}.role",
                )  # fmt: skip
            owed.remove(message["tool_call_id"])
        elif owed:
            raise _refused(
                400, "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(owed)}",
            )  # fmt: skip
        for call in message.get("tool_calls") or ():
            if call["type"] != "function" or not isinstance(json.loads(call["function"]["arguments"]), dict):
                raise _refused(400, f"Invalid value for '{where}.tool_calls'.")
            owed.append(call["id"])
        _check_content(message.get("content"), role, bool(message.get("tool_calls")), where)
    if owed:
        raise _refused(400, f"The following tool_call_ids did not have response messages: {', '.join(owed)}")


def _check_content(content: Any, role: str, may_be_null: bool, where: str) -> None:
    if isinstance(content, str) or (content is None and may_be_null):
        return
    if not isinstance(content, list) or role != "user":
        raise _refused(400, f"Invalid type for '{where}.content'.", param="messages")
    for part in content:
        if part.get("type") == "text" and isinstance(part.get("text"), str) and part.keys() == {"type", "text"}:
            continue
        url = part.get("image_url", {}).get("url", "") if part.get("type") == "image_url" else ""
        if not url.startswith("data:image/jpeg;base64,") or not base64.b64decode(url[23:]).startswith(b"\xff\xd8\xff"):
            raise _refused(400, f"Invalid value for '{where}.content': no text and no picture.", param="messages")


def _check_tools(body: dict[str, Any]) -> None:
    if body.get("tools") == []:
        raise _refused(400, "Invalid 'tools': empty array. Expected an array with minimum length 1.", param="tools")
    for index, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function", {})
        if tool.keys() != {"type", "function"} or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", function.get("name", "")):
            raise _refused(400, f"Invalid 'tools[{index}]'.", param="tools")
        if function.get("parameters", {}).get("type") != "object":
            raise _refused(400, f"Invalid schema for function '{function['name']}': expected an object.")


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


def _verbose(text: str, seconds: float, times: list[str]) -> dict[str, Any]:
    segment = {
        "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": f" {text}", "tokens": [1], "temperature": 0.0,
        "avg_logprob": -0.2, "compression_ratio": 1.0, "no_speech_prob": 0.01,
    }  # fmt: skip
    said = re.findall(r"[\w']+", text)
    each = seconds / max(1, len(said))
    words = [{"word": word, "start": i * each, "end": (i + 1) * each} for i, word in enumerate(said)]
    kept = {"words": words} if "word" in times else {}
    return {"task": "transcribe", "language": "english", "duration": seconds, "text": text, **kept,
            **({"segments": [segment] if text else []} if "segment" in times else {})}  # fmt: skip


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
