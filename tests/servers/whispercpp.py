"""whisper.cpp's ``whisper-server`` as version 1.9.3 answers: its routes, its refusals and its verbose answer.

It also misbehaves on request: ``server.fault = "429"``.
"""

import asyncio
import io
import json
import wave
from dataclasses import dataclass, field

from aiohttp import web

from marotte.senses.hearing import whisper

NAMES = {code: name for name, code in whisper.LANGUAGES.items()}
NUMBERS = ("temperature", "temperature_inc", "beam_size", "best_of", "no_speech_thold")


@dataclass
class Asked:
    """One request: the fields of its form, and its sound."""

    fields: dict[str, str] = field(default_factory=dict[str, str])
    pcm: bytes = b""


class WhisperServer:
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(self, heard: str = "hello there", language: str = "en", multilingual: bool = True) -> None:
        self.heard, self.language, self.multilingual = heard, language, multilingual
        self.no_speech = 0.01
        self.fault = ""
        self.asked: list[Asked] = []
        self.computes, self.left = asyncio.Event(), asyncio.Event()
        """A request that hangs has come; its client has left."""
        self.url = ""
        app = web.Application(client_max_size=100_000_000)
        app.router.add_post("/inference", self._inference)
        app.router.add_get("/health", self._health)
        app.router.add_route("*", "/{path:.*}", self._unknown)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> "WhisperServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _unknown(self, request: web.Request) -> web.Response:
        return web.Response(status=404, text=f"File Not Found ({request.path})")

    async def _inference(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "multipart/form-data":
            return web.Response(status=400, text="Invalid request")
        asked = Asked()
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                try:
                    with wave.open(io.BytesIO(value.file.read())) as sound:
                        asked.pcm = sound.readframes(sound.getnframes())
                except (wave.Error, EOFError):
                    return web.Response(status=400, text="Invalid request")
            else:
                asked.fields[name] = str(value)
        self.asked.append(asked)
        if not asked.pcm:
            return web.Response(status=400, text="Invalid request")
        for name in NUMBERS:
            try:
                float(asked.fields.get(name, 0))
            except ValueError:
                return web.Response(status=500, text="500 Internal Server Error\nstof")
        language = asked.fields.get("language", "en") if self.multilingual else "en"
        if language not in ("auto", *NAMES):
            return web.Response(
                status=500, text="500 Internal Server Error\nbasic_string: construction from null is not valid"
            )
        if self.fault:
            return await self._misbehave(request)
        return self._answer(asked, self.language if language == "auto" else language)

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        match self.fault:
            case "hang":
                self.computes.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.left.set()
            case "500":
                return web.json_response({"error": "failed to process audio"}, status=500)
            case "401":  # as a proxy before it answers; the server itself has no key
                return web.Response(status=401, text="Unauthorized")
            case "429":
                return web.Response(status=429, text="Too Many Requests", headers={"Retry-After": "7"})
            case "close":
                response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "99"})
                await response.prepare(request)
                await response.write(b'{"task":"tran')
                assert request.transport
                request.transport.abort()
                return response
        bodies = {"empty": b"", "garbage": b"{\x00\xff", "huge": b'{"text":"' + b"x" * 2_000_000 + b'"}'}
        bodies |= {"no text": b'{"segments":[]}', "wrong": b'{"text":["a"]}', "page": b"<html>Welcome</html>"}
        odd = {"text": " Hi", "language": 7, "segments": [3, {"no_speech_prob": "x", "words": [{"word": 1}, None]}]}
        bodies["odd"] = json.dumps(odd).encode()
        kind = "text/html" if self.fault == "page" else "application/json"
        return web.Response(body=bodies[self.fault], content_type=kind)

    def _answer(self, asked: Asked, language: str) -> web.Response:
        kind, text = asked.fields.get("response_format", "json"), f" {self.heard}\n"
        if kind == "text":
            return web.Response(text=text, content_type="text/html", charset="utf-8")
        if kind != "verbose_json":
            return web.json_response({"text": text})
        words = [
            {"word": f" {word}", "start": i * 0.5, "end": i * 0.5 + 0.4, "t_dtw": -1, "probability": 0.9}
            for i, word in enumerate(self.heard.split())
        ]
        segment = {
            "id": 0, "text": f" {self.heard}", "start": 0.0, "end": len(asked.pcm) / 32_000, "tokens": [1] * len(words),
            "words": words, "temperature": 0.0, "avg_logprob": -0.2, "no_speech_prob": self.no_speech,
        }  # fmt: skip
        told: dict[str, object] = {
            "task": "transcribe", "language": NAMES[language], "duration": len(asked.pcm) / 32_000, "text": text,
            "segments": [segment] if words else [],
        }  # fmt: skip
        if asked.fields.get("no_language_probabilities") not in ("true", "1", "yes", "y"):
            told |= {"detected_language": NAMES[self.language], "language_probabilities": {self.language: 1.0}}
        return web.json_response(told)
