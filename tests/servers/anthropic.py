"""A server that speaks Anthropic's Messages interface as its reference describes it, on a script.

It enforces the protocol (headers, fields, roles, tools and their results, thoughts that go back as they came) with the
documented error bodies, and misbehaves on request. https://platform.claude.com/docs/en/api/messages
"""

import asyncio
import base64
import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.servers.faulty import FAULTS, Asked, FaultyServer, RefusedError, abort, object_of, paced

_FIELDS = {
    "model", "messages", "max_tokens", "system", "stream", "thinking", "output_config", "tools", "tool_choice",
    "cache_control", "metadata", "service_tier", "stop_sequences", "container", "inference_geo",
    "speed", "diagnostics",
}  # fmt: skip
_BLOCKS = {
    "text": {"type", "text", "cache_control"},
    "image": {"type", "source", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}
_OF_ROLE = {
    "user": {"text", "image", "tool_result"},
    "assistant": {"text", "tool_use", "thinking", "redacted_thinking"},
}


@dataclass
class Script:
    """What the server answers, and when."""

    reply: str = "Hello there, Ada! How lovely to see you. Shall we begin?"
    calls: Callable[[list[dict[str, Any]]], list[tuple[str, dict[str, Any]]]] = lambda messages: []
    """Which tools it calls after these messages, and with what."""
    thoughts: str = ""
    """What it thinks first, where it may think."""
    stop_reason: str = ""
    """Why it stops; "" as it should."""
    first_token: float = 0.0
    between: float = 0.0
    key: str = "sk-ant-test-0123456789"
    models: tuple[str, ...] = ("claude-haiku-5-5", "claude-opus-5-5")
    always_think: tuple[str, ...] = ("claude-opus-5-5",)
    slow: float = 3.0


class AnthropicServer(FaultyServer):
    """The server, on a free port of the loopback; use it as an async context manager."""

    routes = {"messages": "text/event-stream"}
    faults = (*FAULTS, "529", "early_error", "stays", "filtered", "filters")
    path = "/v1"
    largest = 33_554_432

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script or Script(), port)
        self._numbers = itertools.count(1)
        self._signed: dict[str, list[dict[str, Any]]] = {}
        """The thoughts of each reply that called a tool, by the ids of its calls."""
        self.app.router.add_post("/v1/messages", self.guard("messages", self._messages))

    def check_key(self, request: web.Request) -> None:
        if request.headers.get("anthropic-version") != "2026-10-21":
            raise _refused(400, "invalid_request_error", "anthropic-version: header is required")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.script.key and given != self.script.key:
            raise _refused(401, "authentication_error", f"invalid bearer token {given}")

    def refusal(self, fault: str) -> RefusedError | None:
        match fault:
            case "401":
                return _refused(401, "authentication_error", f"invalid bearer token {self.script.key}")
            case "429":
                return _refused(429, "rate_limit_error", "Your account has hit a rate limit.", 7)
            case "500":
                return _refused(500, "api_error", "Internal server error")
            case "529":
                return _refused(529, "overloaded_error", "Overloaded")
            case "filtered":
                return _refused(400, "invalid_request_error", "Output blocked by content filtering policy")
            case _:
                return None

    def garbage(self, route: str) -> bytes:
        return b"event: message_start\ndata: }{\n\ndata: \xc3(\n\n"

    async def _messages(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = asked.body = await object_of(request, lambda message: _refused(400, "invalid_request_error", message))
        self._check(body)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)

        async def send(kind: str, **fields: Any) -> None:
            # The real server pads its events, so that their length does not give the words away.
            data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
            await response.write(f"event: {kind}\ndata: {data[:-1]}{' ' * (len(data) % 7)}}}\n\n".encode())

        failed = {"error": {"type": "overloaded_error", "message": "Overloaded"}}
        if fault == "early_error":
            await send("error", **failed)
            return response
        usage = {"input_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 5, "output_tokens": 1}
        head = {"id": f"msg_{next(self._numbers)}", "role": "assistant", "model": body["model"], "content": []}
        await send("message_start", message={"type": "message", **head, "stop_reason": None, "usage": usage})
        await send("ping")
        numbers = itertools.count()
        thoughts = await self._think(body, numbers, send)
        words = re.findall(r"\s*\S+|\s+$", self.script.reply)
        if words:
            index = next(numbers)
            await send("content_block_start", index=index, content_block={"type": "text", "text": ""})
            async for number, word in paced(words, self.script.first_token, self.script.between, fault):
                if fault in ("close", "error", "huge", "filters") and number == max(1, len(words) // 2):
                    if fault == "close":
                        abort(request)
                    elif fault == "filters":
                        blocked = "Output blocked by content filtering policy"
                        await send("error", error={"type": "invalid_request_error", "message": blocked})
                    elif fault == "huge":
                        await send("x" * 10_000_000)
                    else:
                        await send("error", **failed)
                    return response
                asked.first = asked.first or time.monotonic()
                await send("content_block_delta", index=index, delta={"type": "text_delta", "text": word})
                await self.gate.wait()
            await send("content_block_stop", index=index)
        called = await self._call(body, numbers, send, thoughts)
        reason = self.script.stop_reason or ("tool_use" if called else "end_turn")
        ended = {"stop_reason": reason, "stop_sequence": None}
        await send("message_delta", delta=ended, usage={"output_tokens": len(words) + 1})
        await send("message_stop")
        if fault == "stays":
            await asyncio.Event().wait()
        return response

    async def _think(self, body: dict[str, Any], numbers: "itertools.count[int]", send: Any) -> list[dict[str, Any]]:
        if not self.script.thoughts or body.get("thinking", {}).get("type") == "disabled":
            return []
        block = {"type": "thinking", "thinking": self.script.thoughts, "signature": f"sig=={next(self._numbers)}"}
        hidden = {"type": "redacted_thinking", "data": "EmwKAhgBEgy"}
        index = next(numbers)
        await send(
            "content_block_start", index=index, content_block={"type": "thinking", "thinking": "", "signature": ""}
        )
        for piece in re.findall(r"\s*\S+", self.script.thoughts):
            await send("content_block_delta", index=index, delta={"type": "thinking_delta", "thinking": piece})
        signed = {"type": "signature_delta", "signature": block["signature"]}
        await send("content_block_delta", index=index, delta=signed)
        await send("content_block_stop", index=index)
        index = next(numbers)
        await send("content_block_start", index=index, content_block=hidden)
        await send("content_block_stop", index=index)
        return [block, hidden]

    async def _call(
        self, body: dict[str, Any], numbers: "itertools.count[int]", send: Any, thoughts: list[dict[str, Any]]
    ) -> bool:
        none = body.get("tool_choice", {}).get("type") == "none"
        calls = self.script.calls(body["messages"]) if body.get("tools") and not none else []
        for name, arguments in calls:
            index, given = next(numbers), f"toolu_{next(self._numbers)}"
            self._signed[given] = thoughts
            start = {"type": "tool_use", "id": given, "name": name, "input": {}}
            await send("content_block_start", index=index, content_block=start)
            # A tool without arguments gets one empty piece.
            for piece in re.findall(r".{1,5}", json.dumps(arguments), re.S) if arguments else [""]:
                delta = {"type": "input_json_delta", "partial_json": piece}
                await send("content_block_delta", index=index, delta=delta)
            await send("content_block_stop", index=index)
        return bool(calls)

    # --- what the real server rejects

    def _check(self, body: dict[str, Any]) -> None:
        for name in ("model", "max_tokens", "messages"):
            _need(name in body, f"{name}: Field required")
        for name in body.keys() - _FIELDS:
            raise _refused(400, "invalid_request_error", f"{name}: Extra inputs are not permitted")
        if body["model"] not in self.script.models:
            raise _refused(404, "not_found_error", f"model: {body['model']}")
        thinking = body.get("thinking", {"type": "adaptive"})["type"]
        allowed = ("adaptive",) if body["model"] in self.script.always_think else ("adaptive", "disabled")
        _need(thinking in allowed, f'"thinking.type.{thinking}" is not supported for this model.')
        effort = body.get("output_config", {}).get("effort", "medium")
        _need(effort in ("low", "medium", "high", "xhigh", "max"), "output_config.effort: Input is invalid")
        _need(body.get("stream") is True, "stream: this server only streams")
        for tool in body.get("tools", ()):
            _need(bool(re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool.get("name", ""))), "tools.0.name: Input is invalid")
            _need(tool.get("input_schema", {}).get("type") == "object", "tools.0.input_schema.type: Field required")
        _need(body.get("tools") != [] or "tool_choice" not in body, "tool_choice: may only be specified with tools")
        for block in body.get("system", ()):
            _check_block(block, "system.0", {"text"})
        self._check_messages(body)

    def _check_messages(self, body: dict[str, Any]) -> None:
        messages = body["messages"]
        _need(bool(messages) and messages[0].get("role") == "user", "messages: first message must use the user role")
        _need(messages[-1]["role"] == "user", "This model does not support assistant message prefill.")
        declared = {tool["name"] for tool in body.get("tools", ())}
        owed: list[str] = []
        for index, message in enumerate(messages):
            where, role, blocks = f"messages.{index}", message["role"], message["content"]
            _need(message.keys() == {"role", "content"}, f"{where}: Extra inputs are not permitted")
            _need(not index or role != messages[index - 1]["role"], "messages: roles must alternate")
            blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
            for block in blocks:
                _check_block(block, where, _OF_ROLE[role])
            told = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
            for given in told:
                _need(given in owed, f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {given}.")
            missing = set(owed) - set(told)
            _need(not missing, f"{where}: `tool_use` ids were found without `tool_result` blocks: {missing}")
            uses = [block for block in blocks if block["type"] == "tool_use"]
            owed = [block["id"] for block in uses]
            for block in uses:
                _need(block["name"] in declared, "Requests which include `tool_use` blocks must define tools")
            self._check_thoughts(blocks, owed, where)

    def _check_thoughts(self, blocks: list[dict[str, Any]], ids: list[str], where: str) -> None:
        given = [block for block in blocks if block["type"].endswith("thinking")]
        _need(blocks[: len(given)] == given, f"{where}: thinking blocks must come first")
        for id in ids:
            if id in self._signed:
                _need(given == self._signed[id], f"{where}: `thinking` blocks in the latest message cannot be modified")


def _check_block(block: dict[str, Any], where: str, kinds: set[str]) -> None:
    kind = block.get("type", "")
    _need(kind in kinds, f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    _need(block.keys() <= _BLOCKS[kind], f"{where}: Extra inputs are not permitted")
    if kind == "text":
        _need(bool(block["text"].strip()), "messages: text content blocks must be non-empty")
    if kind == "tool_use":
        _need(bool(re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"])), f"{where}: String should match pattern")
        _need(isinstance(block["input"], dict), f"{where}: Input should be a valid dictionary")
    if kind == "image":
        source = block["source"]
        _need(source.keys() == {"type", "media_type", "data"}, f"{where}.source: Extra inputs are not permitted")
        jpeg = base64.b64decode(source["data"], validate=True).startswith(b"\xff\xd8\xff")
        _need(source["media_type"] == "image/jpeg" and jpeg, f"{where}: Could not process image")


def _need(kept: bool, message: str) -> None:
    if not kept:
        raise _refused(400, "invalid_request_error", message)


def _refused(status: int, kind: str, message: str, retry_after: int | None = None) -> RefusedError:
    error = {"type": kind, "message": message}
    return RefusedError(status, {"type": "error", "error": error, "request_id": "req_test"}, retry_after)
