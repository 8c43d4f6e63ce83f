"""Servers that put pictures into words, as their references describe them: they enforce their protocols, and misbehave
on request.

OpenAI's chat with a picture in it, Azure's Image Analysis 4.0 (``2024-02-01``), and Roboflow's Inference 1.5 with
Florence-2. Google's is in ``tests/servers/gemini.py``.
"""

import base64
import re
import time
from dataclasses import dataclass

from aiohttp import web

from marotte.senses.sight.header import PictureError, size_of
from tests.servers import openai
from tests.servers.faulty import Asked, FaultyServer, RefusedError, abort, object_of

JSON = "application/json"


async def broken(request: web.Request, fault: str) -> web.StreamResponse | None:
    """Answer with the beginning of JSON, or with far too much of it, where a fault wants that."""
    if fault == "huge":
        return web.json_response({"text": "x" * 10_000_000})
    if fault not in ("close", "error", "crawl", "endless"):
        return None
    response = web.StreamResponse(headers={"Content-Type": JSON})
    await response.prepare(request)
    await response.write(b'{"')
    abort(request)
    return response


@dataclass
class ChatScript(openai.Script):
    """What the model says of a picture."""

    reply: str = "A red ball lies on a green meadow."
    finish: str = "stop"
    filtered: str = ""
    """With what message the picture is refused before the model sees it."""


class OpenAIVision(openai.OpenAIServer):
    """OpenAI's chat, not streamed, by a model that sees. https://platform.openai.com/docs/api-reference/chat"""

    routes = {"chat": JSON}

    def __init__(self, script: ChatScript | None = None, *, port: int = 0) -> None:
        super().__init__(script or ChatScript(), port=port)

    def garbage(self, route: str) -> bytes:
        return b"{\x00\xff"

    async def _chat(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = await self._json(request, asked, "model", "messages")
        openai._check_messages(body["messages"], "")
        pictures = [
            part["image_url"]
            for message in body["messages"]
            for part in message["content"]
            if isinstance(part, dict) and part["type"] == "image_url"
        ]
        for picture in pictures:
            if picture.keys() - {"url", "detail"} or picture.get("detail", "auto") not in ("auto", "low", "high"):
                raise openai._refused(400, "Invalid value for 'image_url'.", param="messages")
        if len(pictures) != 1:
            raise openai._refused(400, "This server of the tests wants one picture.")
        if self.script.filtered:
            raise openai._refused(400, self.script.filtered, code="content_policy_violation")
        if answer := await broken(request, fault):
            return answer
        await self.gate.wait()
        asked.first = time.monotonic()
        message = {"role": "assistant", "content": self.script.reply or None, "refusal": self.script.refusal or None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.script.finish}
        return web.json_response({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": {}})


@dataclass
class AzureScript:
    """What the service describes: the whole first, then its parts, each with how sure it is."""

    captions: tuple[tuple[str, float], ...] = (
        ("a person holding a cup", 0.83),
        ("a person holding a cup", 0.82),
        ("a red cup", 0.77),
        ("a blurry dog", 0.41),
        ("a wooden table", 0.7),
    )
    key: str = "0123456789abcdef0123456789abcdef"
    slow: float = 3.0


class AzureVision(FaultyServer):
    """https://learn.microsoft.com/rest/api/computervision/image-analysis/analyze, version 2024-02-01."""

    routes = {"analyze": JSON}

    def __init__(self, script: AzureScript | None = None, *, port: int = 0) -> None:
        super().__init__(script or AzureScript(), port)
        self.app.router.add_post("/computervision/imageanalysis:analyze", self.guard("analyze", self._analyze))

    def check_key(self, request: web.Request) -> None:
        if self.script.key and request.headers.get("Ocp-Apim-Subscription-Key") != self.script.key:
            raise _azure(401, "401", "Access denied due to invalid subscription key or wrong API endpoint.")

    def refusal(self, fault: str) -> RefusedError | None:
        match fault:
            case "401":
                return _azure(401, "401", f"Access denied due to invalid subscription key {self.script.key}.")
            case "429":
                return _azure(429, "429", "Requests have exceeded the call rate limit of your current tier.", 7)
            case "500":
                return _azure(500, "InternalServerError", "An internal error has occurred.")
            case _:
                return None

    async def _analyze(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        query = dict(request.query)
        asked.body = query
        if query.get("api-version") != "2024-02-01":
            raise _azure(404, "ResourceNotFound", "The requested version was not found.")
        if query.get("features") != "denseCaptions" or query.get("language", "en") != "en":
            raise _azure(400, "InvalidRequest", "Input parameter is invalid.")
        for name in query.keys() - {"api-version", "features", "language", "gender-neutral-caption", "model-version"}:
            raise _azure(400, "InvalidRequest", f"Unknown parameter {name}.")
        if request.content_type != "application/octet-stream":
            raise _azure(415, "InvalidRequest", f"Content-Type {request.content_type} is not supported.")
        asked.file = await request.read()
        try:
            width, height = size_of(asked.file)
        except PictureError:
            raise _azure(400, "InvalidRequest", "The image data is malformed or unsupported.") from None
        if min(width, height) < 50:
            raise _azure(400, "InvalidRequest", "The image is too small: at least 50 pixels a side.")
        if answer := await broken(request, fault):
            return answer
        box = {"x": 0, "y": 0, "w": width, "h": height}
        values = [{"text": text, "confidence": sure, "boundingBox": box} for text, sure in self.script.captions]
        return web.json_response(
            {
                "modelVersion": "2023-10-01",
                "denseCaptionsResult": {"values": values},
                "metadata": {"width": width, "height": height},
            }
        )


def _azure(status: int, code: str, message: str, retry_after: int | None = None) -> RefusedError:
    return RefusedError(status, {"error": {"code": code, "message": message}}, retry_after)


@dataclass
class FlorenceScript:
    """What the model answers."""

    caption: str = "</s><s>The image shows a red ball on a green meadow.</s>"
    key: str = "rf-test-0123456789"
    slow: float = 3.0


class Inference(FaultyServer):
    """Roboflow's Inference: https://inference.roboflow.com, route ``/infer/lmm``."""

    routes = {"lmm": JSON}

    def __init__(self, script: FlorenceScript | None = None, *, port: int = 0) -> None:
        super().__init__(script or FlorenceScript(), port)
        self.app.router.add_post("/infer/lmm", self.guard("lmm", self._infer))

    def check_key(self, request: web.Request) -> None:
        """The key is in the body."""

    def refusal(self, fault: str) -> RefusedError | None:
        match fault:
            case "401":
                return _roboflow(401, f"Unauthorized access to roboflow API - check API key {self.script.key}")
            case "429":
                return _roboflow(429, "Too many requests", 7)
            case "500":
                return _roboflow(500, "Internal error.")
            case _:
                return None

    async def _infer(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        body = asked.body = await object_of(request, lambda message: _roboflow(422, message))
        if body.get("api_key", "") != self.script.key:
            raise _roboflow(401, f"Unauthorized access to roboflow API - check API key {body.get('api_key')}")
        for name in ("model_id", "image", "prompt"):
            if name not in body:
                raise RefusedError(422, {"detail": [{"loc": ["body", name], "msg": "Field required"}]})
        if not re.fullmatch(r"florence-2-(base|large)", body["model_id"]):
            raise _roboflow(404, "Requested Roboflow resource not found.")
        if body["image"].keys() != {"type", "value"} or body["image"]["type"] != "base64":
            raise _roboflow(400, "Could not load input image.")
        try:
            width, height = size_of(base64.b64decode(body["image"]["value"], validate=True))
        except ValueError:
            raise _roboflow(400, "Could not load input image. Cause: malformed base64 input image.") from None
        if answer := await broken(request, fault):
            return answer
        image = {"width": width, "height": height}
        return web.json_response({"response": {body["prompt"]: self.script.caption}, "image": image, "time": 0.5})


def _roboflow(status: int, message: str, retry_after: int | None = None) -> RefusedError:
    return RefusedError(status, {"message": message}, retry_after)
