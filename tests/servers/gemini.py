"""A server that speaks Google's Gemini interface as its reference describes it, on a script.

It enforces the protocol (the key in its header, fields, roles, functions and the signatures that go back with them)
with errors in Google's shape, and misbehaves on request. https://ai.google.dev/api/generate-content
"""

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
    "contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig", "cachedContent",
    "serviceTier", "labels",
}  # fmt: skip
_GENERATION = {
    "thinkingConfig", "maxOutputTokens", "responseMimeType", "responseJsonSchema", "responseSchema", "temperature",
    "topP", "topK", "stopSequences", "seed", "candidateCount", "audioTranscriptionConfig", "mediaResolution",
}  # fmt: skip
_PARTS = {"text", "inlineData", "functionCall", "functionResponse", "thought", "thoughtSignature"}
_FREE = {"parametersJsonSchema", "responseJsonSchema", "args", "response"}
"""What holds names of other people's."""
_SKIP = "skip_thought_signature_validator"


@dataclass
class Script:
    """What the server answers, and when."""

    reply: str = "Hello there, Ada! How lovely to see you. Shall we begin?"
    calls: Callable[[list[dict[str, Any]]], list[tuple[str, dict[str, Any]]]] = lambda contents: []
    """Which functions it calls after these contents, and with what."""
    thoughts: str = ""
    finish: str = "STOP"
    """Why it stops."""
    blocked: str = ""
    """Why it does not even begin."""
    heard: str = '{"text": "Tell me a joke.", "language": "en"}'
    """What it answers to sound."""
    first_token: float = 0.0
    between: float = 0.0
    key: str = "AIza-test-0123456789"
    models: tuple[str, ...] = ("gemini-3.5-flash-lite", "gemini-3.5-transcribe")
    slow: float = 3.0


class GeminiServer(FaultyServer):
    """The server, on a free port of the loopback; use it as an async context manager."""

    routes = {"stream": "text/event-stream", "generate": "application/json"}
    faults = (*FAULTS, "503", "early_error")
    path = "/v1beta"
    largest = 104_857_600

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script or Script(), port)
        self._numbers = itertools.count(1)
        self._signatures: dict[str, str] = {}
        """The signature of each call that bore one, by its id."""
        self._first: set[str] = set()
        for method, route, answer in (
            ("streamGenerateContent", "stream", self._stream),
            ("generateContent", "generate", self._generate),
        ):
            self.app.router.add_post(
                f"/{{version:v1|v1beta}}/models/{{model:[^/:]+}}:{method}", self.guard(route, answer)
            )

    def check_key(self, request: web.Request) -> None:
        if "key" in request.query:
            raise _refused(400, "INVALID_ARGUMENT", "This server wants its key in x-goog-api-key.")
        given = request.headers.get("x-goog-api-key")
        if self.script.key and given is None:
            raise _refused(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
        if self.script.key and given != self.script.key:
            raise _refused(400, "INVALID_ARGUMENT", f"API key not valid. Please pass a valid API key. ({given})")

    def refusal(self, fault: str) -> RefusedError | None:
        match fault:
            case "401":
                return _refused(401, "UNAUTHENTICATED", f"Request had invalid credentials {self.script.key}.")
            case "429":
                kind = "type.googleapis.com/google.rpc."
                details = [{"@type": kind + "Help"}, {"@type": kind + "RetryInfo", "retryDelay": "6.837906927s"}]
                return _refused(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", details)
            case "500":
                return _refused(500, "INTERNAL", "An internal error has occurred.")
            case "503":
                return _refused(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
            case _:
                return None

    def garbage(self, route: str) -> bytes:
        return b"data: }{\r\n\r\ndata: \xc3(\r\n\r\n" if route == "stream" else b"{\x00\xff"

    async def _stream(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        if request.query.get("alt") != "sse":
            raise _refused(400, "INVALID_ARGUMENT", "This server streams only events: alt=sse.")
        body = await self._read(request, asked)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        usage = {"promptTokenCount": 20, "candidatesTokenCount": 0, "totalTokenCount": 20}

        async def send(data: Any) -> None:
            await response.write(f"data: {json.dumps(data, ensure_ascii=False)}\r\n\r\n".encode())

        def piece(*parts: dict[str, Any], finish: str = "") -> dict[str, Any]:
            usage["candidatesTokenCount"] += 1
            usage["totalTokenCount"] += 1
            end = {"finishReason": finish} if finish else {}
            candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **end}
            return {"candidates": [candidate], "usageMetadata": dict(usage), "modelVersion": "test"}

        failed = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}
        if fault == "early_error":
            await send(failed)
            return response
        if self.script.blocked:
            await send({"promptFeedback": {"blockReason": self.script.blocked}, "usageMetadata": usage})
            return response
        if self.script.thoughts:
            await send(piece({"text": self.script.thoughts, "thought": True}))
        words = re.findall(r"\s*\S+|\s+$", self.script.reply)
        async for number, word in paced(words, self.script.first_token, self.script.between, fault):
            if fault in ("close", "error", "huge") and number == max(1, len(words) // 2):
                if fault == "close":
                    abort(request)
                else:
                    await send(failed if fault == "error" else {"modelVersion": "x" * 10_000_000})
                return response
            asked.first = asked.first or time.monotonic()
            await send(piece({"text": word}))
            await self.gate.wait()
        for part in self._called(body):
            await send(piece(part))
        # The last piece bears no words, only a signature and the end.
        await send(piece({"text": "", "thoughtSignature": "c2ln"}, finish=self.script.finish))
        return response

    def _called(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for name, arguments in self.script.calls(body["contents"]) if body.get("tools") else []:
            call = {"name": name, "args": arguments, "id": f"fc{next(self._numbers)}"}
            parts.append({"functionCall": call})
            if len(parts) == 1:  # of several calls at once, the first bears the signature
                signature = parts[0]["thoughtSignature"] = base64.b64encode(call["id"].encode()).decode()
                self._signatures[call["id"]] = signature
        return parts

    async def _generate(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = await self._read(request, asked)
        if fault in ("close", "error", "crawl", "endless"):
            response = web.StreamResponse(headers={"Content-Type": "application/json; charset=UTF-8"})
            await response.prepare(request)
            await response.write(b'{"candidates": [')
            while fault in ("crawl", "endless"):
                await self.gate.wait()
                await response.write(b" ")
            abort(request)
            return response
        asked.first = time.monotonic()
        if self.script.blocked:
            return web.json_response({"promptFeedback": {"blockReason": self.script.blocked}})
        text = "x" * 10_000_000 if fault == "huge" else self.script.heard
        parts: list[dict[str, Any]] = [{"text": "Hm. ", "thought": True}, {"text": text}]
        if "/gemini-3.5-transcribe:" in asked.target:
            if "systemInstruction" in body or "responseMimeType" in body.get("generationConfig", {}):
                raise _refused(400, "INVALID_ARGUMENT", "Developer instruction is not enabled for this model.")
            parts = [{"text": text, "audioTranscription": {"languageCode": "fr-FR"}}]
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": self.script.finish}
        return web.json_response({"candidates": [candidate], "usageMetadata": {"totalTokenCount": 9}})

    # --- what the real server rejects

    async def _read(self, request: web.Request, asked: Asked) -> dict[str, Any]:
        asked.body = await object_of(request, lambda message: _refused(400, "INVALID_ARGUMENT", message))
        body: dict[str, Any] = _camel(asked.body)
        model = request.match_info["model"]
        if model not in self.script.models:
            raise _refused(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta.")
        _known(body, _FIELDS, "")
        config = body.get("generationConfig", {})
        _known(config, _GENERATION, " at 'generation_config'")
        level = config.get("thinkingConfig", {}).get("thinkingLevel", "low").lower()
        _need(level in ("minimal", "low", "medium", "high"), "Invalid value at 'thinking_level'")
        for part in body.get("systemInstruction", {}).get("parts", ()):
            _need(part.keys() == {"text"}, "systemInstruction may hold only text")
        declared: set[str] = set()
        for tool in body.get("tools", ()):
            _known(tool, {"functionDeclarations"}, " at 'tools[0]'")
            for function in tool["functionDeclarations"]:
                _known(function, {"name", "description", "parameters", "parametersJsonSchema"}, " at 'tools[0]'")
                _need(bool(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", function["name"])), "Invalid function name")
                declared.add(function["name"])
        self._check_contents(body.get("contents"))
        return body

    def _check_contents(self, contents: Any) -> None:
        _need(bool(contents), "* GenerateContentRequest.contents: contents is not specified")
        _need(contents[0].get("role") == "user", "The first content must be a user's")
        _need(contents[-1].get("role") == "user", "Requests whose last turn is the model's are not supported.")
        owed: list[tuple[str, str]] = []
        for index, content in enumerate(contents):
            _known(content, {"role", "parts"}, f" at 'contents[{index}]'")
            _need(content["role"] in ("user", "model"), "Please use a valid role: user, model.")
            _need(not index or content["role"] != contents[index - 1]["role"], "Please ensure that roles alternate")
            _need(bool(content["parts"]), "contents.parts must not be empty.")
            calls = [part for part in content["parts"] if "functionCall" in part]
            told = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
            _need(
                [(answer["id"], answer["name"]) for answer in told] == owed,
                "Please ensure that the number of function response parts is equal to the number of function call parts"
                " of the function call turn.",
            )
            owed = [(part["functionCall"]["id"], part["functionCall"]["name"]) for part in calls]
            for part in content["parts"]:
                _check_part(part, content["role"], f" at 'contents[{index}].parts'")
            if calls:
                wanted = self._signatures.get(calls[0]["functionCall"]["id"], _SKIP)
                _need(
                    calls[0].get("thoughtSignature") == wanted,
                    f"Function call is missing a thought_signature in functionCall parts: {calls[0]}",
                )
        _need(not owed, "Function calls without responses")


def _camel(given: Any) -> Any:
    """Write names as the reference does; the real server takes them in both spellings."""
    if isinstance(given, list):
        return [_camel(each) for each in given]
    if not isinstance(given, dict):
        return given
    spelt = {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): value for name, value in given.items()}
    return {name: value if name in _FREE else _camel(value) for name, value in spelt.items()}


def _check_part(part: dict[str, Any], role: str, where: str) -> None:
    _known(part, _PARTS, where)
    data = part.keys() - {"thought", "thoughtSignature"}
    _need(len(data) == 1, f"One of the data fields must be set{where}")
    _need(role == "model" or "functionCall" not in part, f"Only the model calls functions{where}")
    if "text" in part:
        _need(isinstance(part["text"], str) and bool(part["text"]), f"Unable to submit an empty text parameter{where}")
    if "inlineData" in part:
        sent = base64.b64decode(part["inlineData"]["data"].replace("-", "+").replace("_", "/"), validate=True)
        magic = {"image/jpeg": b"\xff\xd8\xff", "audio/wav": b"RIFF"}.get(part["inlineData"]["mimeType"])
        _need(magic is not None and sent.startswith(magic), "Unable to process input image or sound")
    if "functionResponse" in part:
        _known(part["functionResponse"], {"id", "name", "response"}, where)
        _need(isinstance(part["functionResponse"]["response"], dict), f"Invalid value{where}")


def _known(given: dict[str, Any], fields: set[str], where: str) -> None:
    for name in given.keys() - fields:
        raise _refused(400, "INVALID_ARGUMENT", f'Invalid JSON payload received. Unknown name "{name}"{where}')


def _need(kept: bool, message: str) -> None:
    if not kept:
        raise _refused(400, "INVALID_ARGUMENT", message)


def _refused(status: int, kind: str, message: str, details: list[dict[str, str]] | None = None) -> RefusedError:
    """Return an answer in the shape of Google's errors, which tell in the body, not in a header, when to come again."""
    error = {"code": status, "message": message, "status": kind, **({"details": details} if details else {})}
    return RefusedError(status, {"error": error})
