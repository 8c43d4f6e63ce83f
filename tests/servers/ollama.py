"""A server that speaks Ollama's own chat interface as version 0.9 does, on a script.

It enforces what the real one rejects, forgets what the real one forgets (a model whose client leaves while it loads),
and misbehaves on request. https://docs.ollama.com/api/chat
"""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.servers.faulty import FAULTS, Asked, FaultyServer, RefusedError, abort, object_of, paced

_FIELDS = {
    "model", "messages", "stream", "format", "keep_alive", "tools", "options", "think", "truncate", "shift",
    "logprobs", "top_logprobs",
}  # fmt: skip
_MESSAGE = {"role", "content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"}


@dataclass
class Script:
    """What the server answers, and when."""

    reply: str = "Hello there, Ada! How lovely to see you. Shall we begin?"
    calls: Callable[[list[dict[str, Any]]], list[tuple[str, dict[str, Any]]]] = lambda messages: []
    """Which tools it calls after these messages, and with what."""
    thoughts: str = ""
    """What it thinks first, where it may think."""
    thinks: bool = True
    """Whether the model can think."""
    loaded: bool = True
    first_token: float = 0.0
    between: float = 0.0
    key: str = ""
    models: tuple[str, ...] = ("qwen3:8b",)
    slow: float = 3.0


class OllamaServer(FaultyServer):
    """The server, on a free port of the loopback; use it as an async context manager."""

    routes = {"chat": "application/x-ndjson"}
    faults = (*FAULTS, "early_error")

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script or Script(), port)
        self.loads = asyncio.Event()
        """While it is closed (``loads.clear()``), loading a model takes for ever."""
        self.loads.set()
        self.app.router.add_post("/api/chat", self.guard("chat", self._chat))
        self.app.router.add_get("/v1/models", self._models)

    def check_key(self, request: web.Request) -> None:
        if self.script.key and request.headers.get("Authorization") != f"Bearer {self.script.key}":
            raise _refused(401, f"unauthorized: {request.headers.get('Authorization')}")

    def refusal(self, fault: str) -> RefusedError | None:
        match fault:
            case "401":
                return _refused(401, f"unauthorized {self.script.key}")
            case "429":
                return _refused(429, "too many concurrent requests", 7)
            case "500":
                return _refused(500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)")
            case _:
                return None

    def garbage(self, route: str) -> bytes:
        return b"}{\n\xc3(\n"

    async def _models(self, request: web.Request) -> web.StreamResponse:
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "library"} for name in self.script.models]
        return web.json_response({"object": "list", "data": data})

    async def _chat(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = asked.body = await object_of(request, lambda message: _refused(400, message))
        self._check(body)
        if not self.script.loaded:
            await self.loads.wait()  # cancelled with its client, and the model is not loaded
            self.script.loaded = True
        head = {"model": body["model"], "created_at": "2026-08-21T18:48:22.1Z"}
        if not body["messages"]:
            empty = {"role": "assistant", "content": ""}
            return web.json_response({**head, "message": empty, "done": True, "done_reason": "load"})
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)

        async def send(message: dict[str, Any], **fields: Any) -> None:
            line = {**head, "message": {"role": "assistant", "content": "", **message}, "done": False, **fields}
            await response.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")

        failed = b'{"error":"an error was encountered while running the model"}\n'
        if fault == "early_error":
            await response.write(failed)
            return response
        if body.get("think", self.script.thinks):
            for thought in re.findall(r"\s*\S+", self.script.thoughts):
                await send({"thinking": thought})
        words = re.findall(r"\s*\S+|\s+$", self.script.reply)
        async for number, word in paced(words, self.script.first_token, self.script.between, fault):
            if fault in ("close", "error", "huge") and number == max(1, len(words) // 2):
                if fault == "close":
                    abort(request)
                else:
                    await response.write(failed if fault == "error" else b'{"model":"' + b"x" * 10_000_000)
                return response
            asked.first = asked.first or time.monotonic()
            await send({"content": word})
            await self.gate.wait()
        calls = self.script.calls(body["messages"]) if body.get("tools") else []
        for index, (name, arguments) in enumerate(calls):
            function = {"index": index, "name": name, "arguments": arguments}
            await send({"tool_calls": [{"id": f"call_{len(self.requests)}{index}", "function": function}]})
        durations = {"total_duration": 4_883_583_458, "load_duration": 1_334_875, "prompt_eval_duration": 342_546_000}
        counts = {"prompt_eval_count": 26, "eval_count": len(words), "eval_duration": 4_535_599_000}
        await send({}, done=True, done_reason="stop", **durations, **counts)
        return response

    def _check(self, body: dict[str, Any]) -> None:
        for name in body.keys() - _FIELDS:  # the real one overlooks these: an engine would wait for ever for an effect
            raise _refused(400, f"unknown field {name}")
        if body.get("model") not in self.script.models:
            raise _refused(404, f"model '{body.get('model')}' not found")
        if body.get("think") and not self.script.thinks:
            raise _refused(400, f'"{body["model"]}" does not support thinking')
        kept = body.get("keep_alive", 0)
        if not isinstance(kept, int) and not re.fullmatch(r"-?(\d+(\.\d+)?(ns|us|ms|s|m|h))+", str(kept)):
            raise _refused(400, f'time: invalid duration "{kept}"')
        for name, value in body.get("options", {}).items():
            if name in ("num_ctx", "num_predict", "seed", "top_k") and not isinstance(value, int):
                raise _refused(400, f'option "{name}" must be of type integer')
        for tool in body.get("tools", ()):
            if tool["type"] != "function" or tool["function"]["parameters"]["type"] != "object":
                raise _refused(400, "invalid tool")
        for message in body["messages"]:
            if message.keys() - _MESSAGE or message["role"] not in ("system", "user", "assistant", "tool"):
                raise _refused(400, f"invalid message {message}")
            for image in message.get("images", ()):
                if not base64.b64decode(image, validate=True).startswith(b"\xff\xd8\xff"):
                    raise _refused(400, "invalid image")
            for call in message.get("tool_calls", ()):
                if not isinstance(call["function"]["arguments"], dict):
                    raise _refused(400, "json: cannot unmarshal string into Go struct field .arguments of type object")


def _refused(status: int, message: str, retry_after: int | None = None) -> RefusedError:
    return RefusedError(status, {"error": message}, retry_after)
