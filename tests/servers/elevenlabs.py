"""A server that speaks ElevenLabs' text to speech with timestamps, as its reference and its own client describe it.

It enforces the protocol (key, query, fields and their ranges) with the documented error bodies, and misbehaves on
request: ``server.fault("close")``. https://elevenlabs.io/docs/api-reference/text-to-speech/stream-with-timestamps
"""

import asyncio
import base64
import json
import math
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.openai import babble

FAULTS = (
    "401", "quota", "policy", "429", "500", "hang", "empty", "close", "garbage", "no_base64", "no_sound", "error",
    "html", "mp3", "huge", "endless", "odd", "nested", "no_alignment", "bad_alignment", "one_line",
)  # fmt: skip
KEY = "sk_test_0123456789abcdef"
VOICE = "JBFqnCBsd6RMkjVDRZzb"
PER_CHARACTER = 0.06
_CHUNK = 5
"""Characters in one chunk: words are torn, as they are in life."""
_BODY = {
    "text", "model_id", "language_code", "voice_settings", "pronunciation_dictionary_locators", "seed",
    "previous_text", "next_text", "previous_request_ids", "next_request_ids", "use_pvc_as_ivc",
    "apply_text_normalization", "apply_language_text_normalization", "audio_effects",
}  # fmt: skip
_RANGES = {"stability": (0, 1), "similarity_boost": (0, 1), "style": (0, 1), "speed": (0.7, 1.2)}
_RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_NO_LANGUAGE = ("eleven_multilingual_v2", "eleven_flash_v2", "eleven_turbo_v2")
_MODELS = ("eleven_flash_v2_5", "eleven_v3", "eleven_v4", *_NO_LANGUAGE)


@dataclass
class Asked:
    """One request."""

    path: str
    query: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    cut: bool = False
    """The client left before the end."""
    ended: bool = False


class ElevenLabsServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), a stream stands still after its first chunk."""
        self.gate.set()
        self.url = ""
        self._faults: dict[str, float] = {}
        app = web.Application()
        app.router.add_post("/v1/text-to-speech/{voice}/stream/with-timestamps", self._speak)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "ElevenLabsServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = "http://{}:{}/v1".format(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fault(self, what: str, times: float = math.inf) -> None:
        """Misbehave the next ``times`` times."""
        if what not in FAULTS:
            raise ValueError(f"there is no fault {what!r}")
        self._faults = {what: times}

    def _taken(self) -> str:
        for what, times in self._faults.items():
            self._faults = {what: times - 1} if times > 1 else {}
            return what
        return ""

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        asked = Asked(request.path, dict(request.query))
        self.requests.append(asked)
        try:
            response = await self._answer(request, asked, self._taken())
            asked.ended = True
            return response
        except _RefusedError as refused:
            return refused.response
        except (asyncio.CancelledError, ConnectionError):
            asked.cut = True
            raise

    async def _answer(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        key = request.headers.get("xi-api-key", "")
        if not key:
            raise _RefusedError(401, "needs_authorization", "Neither authorization header nor xi-api-key received.")
        if key != KEY or fault == "401":
            raise _RefusedError(401, "invalid_api_key", f"Invalid API key {key}")
        if fault == "quota":
            raise _RefusedError(401, "quota_exceeded", "This request exceeds your quota of 10.", {})
        if fault == "policy":
            raise _RefusedError(403, "content_against_policy", "Text you are trying to use has been blocked.", {})
        if fault == "429":
            raise _RefusedError(
                429, "too_many_concurrent_requests", "Too many concurrent requests.", {"Retry-After": "7"}
            )
        if fault == "500":
            return web.Response(status=500, text="Internal Server Error")
        asked.body = body = await self._checked(request)
        if request.match_info["voice"] != VOICE:
            raise _RefusedError(
                404, "voice_not_found", f"A voice with the id {request.match_info['voice']} was not found."
            )
        if fault == "html":
            return web.Response(text="<h1>Welcome to the proxy</h1>", content_type="text/html")
        if fault == "hang":
            await asyncio.Event().wait()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._stream(request, response, body["text"], int(asked.query["output_format"][4:]), fault)
        return response

    async def _checked(self, request: web.Request) -> dict[str, Any]:
        """Return the body of a request that the real server would take."""
        form = request.query.get("output_format", "mp3_44100_128")
        if form not in {f"pcm_{rate}" for rate in _RATES}:
            raise _RefusedError(400, "invalid_output_format", f"{form} is not tested here")
        try:
            body = await request.json()
        except ValueError:
            raise _invalid(["body"], "JSON decode error") from None
        if not isinstance(body, dict) or not isinstance(body.get("text"), str):
            raise _invalid(["body", "text"], "Field required")
        for name in body.keys() - _BODY:
            raise _invalid(["body", name], "Extra inputs are not permitted")
        for name, value in (body.get("voice_settings") or {}).items():
            low, high = _RANGES.get(name, (0, 1))
            if not low <= value <= high:
                told = f"Invalid setting for {name} received, expected {low} to {high}, received {value}"
                raise _RefusedError(400, "invalid_voice_settings", told)
        model = body.get("model_id", "eleven_multilingual_v2")
        if model not in _MODELS:
            raise _RefusedError(400, "model_not_found", f"A model with model ID {model} does not exist")
        if model in _NO_LANGUAGE and body.get("language_code"):
            raise _RefusedError(400, "unsupported_language", f"Model '{model}' does not support the language_code")
        return body

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, text: str, rate: int, fault: str
    ) -> None:
        if fault == "empty":
            return
        spoken = text * (1_000 if fault == "endless" else 1)
        for start in range(0, len(spoken), len(text) if fault == "one_line" else _CHUNK):
            part = list(spoken[start : start + (len(text) if fault == "one_line" else _CHUNK)])
            if start and fault in ("close", "garbage", "error", "no_base64", "nested"):
                if fault == "close" and request.transport:
                    request.transport.abort()
                bad = {"garbage": b"}{\xff", "nested": b"[" * 200_000, "no_base64": b'{"audio_base64": "***"}',
                       "error": b'{"detail": {"status": "system_busy", "message": "We are busy."}}'}  # fmt: skip
                await response.write(bad.get(fault, b"") + b"\n\n")
                return
            if fault == "huge":
                await response.write(b'{"audio_base64": "' + b"A" * 9_000_000)
                return
            pcm = _sound(start, start + len(part), len(spoken), rate, torn=fault == "odd")
            if fault == "mp3":
                pcm = b"ID3\x04" + pcm
            alignment: Any = {
                "characters": part,
                "character_start_times_seconds": [round((start + i) * PER_CHARACTER, 3) for i in range(len(part))],
                "character_end_times_seconds": [round((start + i + 1) * PER_CHARACTER, 3) for i in range(len(part))],
            }
            if fault == "bad_alignment":
                alignment = {"characters": 7, "character_start_times_seconds": [None]}
            await response.write(json.dumps({
                "audio_base64": base64.b64encode(b"" if fault == "no_sound" else pcm).decode(),
                "alignment": None if fault == "no_alignment" else alignment,
                "normalized_alignment": None if fault == "no_alignment" else alignment,
            }).encode() + (b"" if fault == "one_line" else b"\n\n"))  # fmt: skip
            await self.gate.wait()


def _sound(start: int, end: int, length: int, rate: int, torn: bool) -> bytes:
    """Return the sound of some characters of a text; ``torn`` leaves half of the last sample to the next chunk."""
    first, last = (2 * round(at * PER_CHARACTER * rate) for at in (start, end))
    whole = babble(end * PER_CHARACTER, rate)
    return whole[first - (torn and start > 0) : last - (torn and end < length)]


class _RefusedError(Exception):
    """An answer in the shape of the documented errors."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        body: Any = {"detail": {"status": code, "message": message}}
        self.response = web.json_response(body, status=status, headers=headers)


def _invalid(where: list[str], what: str) -> _RefusedError:
    refused = _RefusedError(422, "", what)
    refused.response = web.json_response({"detail": [{"loc": where, "msg": what, "type": "value_error"}]}, status=422)
    return refused
