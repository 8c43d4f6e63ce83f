"""Speech servers of the house, as their own sources have them: MeloTTS, XTTS, Style-Bert-VITS2 and Piper.

Each enforces its route's fields and ranges with its own errors, sends sound in its own form, and has the faults of
``tests.servers.faulty``. Also a program: ``python -m tests.servers.speech_servers melotts --port 8888``.
"""

import argparse
import asyncio
import json
import struct
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from aiohttp import web

from tests.servers.faulty import Asked, FaultyServer, RefusedError, abort
from tests.servers.openai import babble

STUDIO = 44_100
"""Samples per second of MeloTTS and Style-Bert-VITS2."""


@dataclass
class Script:
    """What a server sends, and when."""

    pace: float = 50.0
    """Times faster than it sounds."""
    per_character: float = 0.06
    """Seconds of sound for a character."""
    slow: float = 3.0
    """Seconds to the first byte for the fault of that name."""
    key: str = ""
    """The key that a proxy before the server wants; none of them wants one itself."""


def wav(sound: bytes, kind: int = 1, channels: int = 1, rate: int = 24_000, bits: int = 16, length: int = -1) -> bytes:
    """Return samples as a WAV file that says ``length`` of them, usual is what there is."""
    frame, length = channels * bits // 8, len(sound) if length < 0 else length
    riff = min(length + 36, 0xFFFFFFFF)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, channels, rate, rate * frame, frame, bits)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", length) + sound


class SpeechServer(FaultyServer):
    """One route that takes a text and sends sound."""

    routes: ClassVar[dict[str, str]] = {"speech": "audio/wav", "voices": "application/json"}
    kind: ClassVar[str] = "audio/wav"
    """The content type of its sound."""
    rate: ClassVar[int] = 24_000

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script or Script(), port)

    def check_key(self, request: web.Request) -> None:
        if self.script.key and request.headers.get("Authorization") != f"Bearer {self.script.key}":
            raise RefusedError(401, {"detail": f"no such key: {request.headers.get('Authorization', '')}"})

    def refusal(self, fault: str) -> RefusedError | None:
        if fault == "401":
            return RefusedError(401, {"detail": f"not with {self.script.key}"})
        if fault == "429":
            return RefusedError(429, {"detail": "too many requests"}, retry_after=7)
        return RefusedError(500, {"error": "CUDA out of memory"}) if fault == "500" else None

    def sound(self, text: str, speed: float = 1.0) -> bytes:
        """Return what it says for a text: mono 16-bit PCM."""
        return babble(len(text) * self.script.per_character / speed, self.rate)

    async def send(
        self, request: web.Request, asked: Asked, fault: str, sound: bytes, head: bytes = b""
    ) -> web.StreamResponse:
        """Send sound as it is made: 50 ms at a time, in pieces that keep no sample whole."""
        response = web.StreamResponse(headers={"Content-Type": self.kind})
        await response.prepare(request)
        await response.write(head)
        asked.first = time.monotonic()
        if fault == "huge":
            sound = babble(10_000_000 / 2 / self.rate, self.rate)
        step, sent = len(sound) if fault == "huge" else self.rate // 10 - 1, 0
        pace = {"crawl": 0.25, "huge": 1e6}.get(fault, self.script.pace)
        while sent < len(sound) or fault == "endless":
            if fault in ("close", "error") and sent >= len(sound) // 2:
                abort(request)
                return response
            at = sent % len(sound)
            await response.write(sound[at : at + step])
            sent += len(sound[at : at + step])
            await self.gate.wait()
            await asyncio.sleep(max(0.0, asked.first + sent / 2 / self.rate / pace - time.monotonic()))
        return response

    async def send_file(self, request: web.Request, asked: Asked, fault: str, file: bytes) -> web.StreamResponse:
        """Send a whole file with its length, as servers do that make it before they answer."""
        if fault == "endless":
            return await self.send(request, asked, fault, file[44:], file[:40] + b"\xff\xff\xff\xff")
        if fault == "huge":
            file = wav(babble(5_000_000 / self.rate, self.rate), rate=self.rate)
        response = web.StreamResponse(headers={"Content-Type": self.kind, "Content-Length": str(len(file))})
        await response.prepare(request)
        asked.first = time.monotonic()
        half = len(file) // 2 + 1
        await response.write(file[:half])
        if fault in ("close", "error"):
            abort(request)
            return response
        await self.gate.wait()
        await response.write(file[half:])
        return response


def _invalid(where: str, name: str, message: str, given: Any = None) -> RefusedError:
    """Refuse as FastAPI does."""
    return RefusedError(
        422, {"detail": [{"type": "value_error", "loc": [where, name], "msg": message, "input": given}]}
    )


def _number(fields: Any, where: str, name: str, low: float, high: float, usual: float) -> float:
    try:
        number = float(fields.get(name, usual))
    except (TypeError, ValueError):
        raise _invalid(where, name, "Input should be a valid number", fields.get(name)) from None
    if not low <= number <= high:
        raise _invalid(where, name, f"Input should be from {low} to {high}", number)
    return number


class MeloTTSServer(SpeechServer):
    """hangry-labs/MeloTTS after 1.0.1: ``POST /tts/stream``, sentence by sentence, raw PCM."""

    kind = f"audio/pcm;rate={STUDIO};channels=1;encoding=signed-integer;bits=16"
    rate = STUDIO
    models: ClassVar[dict[str, tuple[str, ...]]] = {
        "EN": ("EN-US", "EN-BR", "EN_INDIA", "EN-AU", "EN-Default"),
        "EN_NEWEST": ("EN-Newest",),
        "ES": ("ES",), "FR": ("FR",), "ZH": ("ZH",), "JP": ("JP",),
    }  # fmt: skip
    """The speakers of each model that is loaded; Korean is not."""
    ranges: ClassVar = {
        "speed": (0.5, 2, 1), "sdp_ratio": (0, 1, 0.2), "noise_scale": (0, 1.5, 0.6), "noise_scale_w": (0, 1.5, 0.8),
        "pitch_semitones": (-12, 12, 0), "tempo": (0.5, 2, 1), "volume": (0, 2, 1),
    }  # fmt: skip

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script, port=port)
        self.app.router.add_post("/tts/stream", self.guard("speech", self._speech))

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        asked.body = body = await request.json()
        for name in ("text", "speaker_id"):
            if not isinstance(body.get(name), str):
                raise _invalid("body", name, "Field required")
        speed, *_, tempo, _ = (_number(body, "body", name, *limits) for name, limits in self.ranges.items())
        model = body.get("language", "EN")
        if model not in self.models:
            raise RefusedError(404, {"detail": f"Language '{model}' is not loaded"})
        if not body["text"].strip():
            raise RefusedError(400, {"detail": "Text must not be empty"})
        if body.get("stream_format", "pcm_s16le") not in ("pcm_s16le", "pcm"):
            raise RefusedError(400, {"detail": f"Unsupported stream_format '{body['stream_format']}'"})
        if body["speaker_id"] not in self.models[model]:
            raise RefusedError(400, {"detail": f"Invalid speaker_id '{body['speaker_id']}'"})
        return await self.send(request, asked, fault, self.sound(body["text"], speed * tempo))


class XTTSServer(SpeechServer):
    """daswer123/xtts-api-server 0.9.0: ``GET /tts_stream``, a WAV header of length 0 and then sound as it is made."""

    kind = "audio/x-wav"
    speakers = ("calm_female", "female", "male")
    languages = frozenset(
        ("ar", "cs", "de", "en", "es", "fr", "hi", "hu", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh-cn")
    )

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script, port=port)
        self.app.router.add_get("/tts_stream", self.guard("speech", self._speech))

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        asked.body = asking = dict(request.query)
        for name in ("text", "speaker_wav", "language"):
            if name not in asking:
                raise _invalid("query", name, "Field required")
        if asking["language"].lower() not in self.languages:
            raise RefusedError(400, {"detail": "Language code sent is either unsupported or misspelled."})
        if asking["speaker_wav"] not in self.speakers:  # it finds out when its answer has begun
            response = web.StreamResponse(headers={"Content-Type": self.kind})
            await response.prepare(request)
            abort(request)
            return response
        return await self.send(request, asked, fault, self.sound(asking["text"]), wav(b""))


class StyleBertVITS2Server(SpeechServer):
    """litagin02/Style-Bert-VITS2 2.7.0: ``POST /voice`` with everything in the query, a WAV file of 44100 Hz."""

    rate = STUDIO
    limit = 100
    models: ClassVar[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
        "amitaro": (("あみたろ",), ("Neutral", "01", "02")),
        "jvnv-F1-jp": (("jvnv-F1-jp",), ("Neutral", "Angry", "Happy", "Sad")),
    }
    """The speakers and styles of each model."""

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script, port=port)
        for method in ("GET", "POST"):
            self.app.router.add_route(method, "/voice", self.guard("speech", self._speech))

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        asked.body = asking = dict(request.query)
        if not 1 <= len(asking.get("text", "")) <= self.limit:
            raise _invalid("query", "text", f"String should have from 1 to {self.limit} characters")
        if asking.get("language", "JP") not in ("JP", "EN", "ZH"):
            raise _invalid("query", "language", "Input should be 'JP', 'EN' or 'ZH'", asking["language"])
        for name in ("sdp_ratio", "noise", "noisew", "style_weight"):
            _number(asking, "query", name, -1e9, 1e9, 1)
        length = _number(asking, "query", "length", 1e-3, 1e9, 1)
        model = asking.get("model_name", next(iter(self.models)))
        if model not in self.models:
            raise _invalid("query", "model_name", f"model_name={model} not found")
        speakers, styles = self.models[model]
        if asking.get("speaker_name", speakers[0]) not in speakers:
            raise _invalid("query", "speaker_name", f"speaker_name={asking['speaker_name']} not found")
        if asking.get("style", "Neutral") not in styles:
            raise _invalid("query", "style", f"style={asking['style']} not found")
        file = wav(self.sound(asking["text"], 1 / length), rate=self.rate)
        return await self.send_file(request, asked, fault, file)


class PiperServer(SpeechServer):
    """piper-tts 1.8.0: ``POST /synthesize``, a WAV file that calls itself HTML."""

    kind = "text/html; charset=utf-8"
    rate = 22_050
    voices: ClassVar[dict[str, Any]] = {"en_US-lessac-medium": {"num_speakers": 1}, "fr_FR-siwis-low": {}, "my-": {}}

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script, port=port)
        self.app.router.add_post("/synthesize", self.guard("speech", self._speech))
        self.app.router.add_get("/voices", self.guard("voices", self._voices))
        self.app.router.add_get("/info", self.guard("voices", self._info))
        self.last: Any = None
        """What it tells of the text that it spoke last: usual is nothing, as before version 1.5."""

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        asked.body = body = json.loads(await request.read())
        if not body.get("text", "").strip():
            return web.Response(status=500, text="<h1>Internal Server Error</h1>", content_type="text/html")
        speed = 1 / float(body.get("length_scale", 1))
        for name in ("noise_scale", "noise_w_scale"):
            float(body.get(name, 1))
        return await self.send_file(request, asked, fault, wav(self.sound(body["text"], speed), rate=self.rate))

    async def _voices(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        return web.json_response(self.voices)

    async def _info(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        return web.json_response({"voice": {}, "last": self.last}, status=200 if self.last else 404)


def float_wav(sound: bytes, rate: int, channels: int = 2) -> bytes:
    """Return 16-bit sound as a WAV file of floats with the same sound on each channel."""
    samples = np.frombuffer(sound, "<i2").astype("<f4") / 32_768
    return wav(np.repeat(samples, channels).tobytes(), 3, channels, rate, 32)


SERVERS = {"melotts": MeloTTSServer, "xtts": XTTSServer, "style_bert_vits2": StyleBertVITS2Server, "piper": PiperServer}


async def _serve(name: str, port: int) -> None:
    async with SERVERS[name](port=port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.servers.speech_servers", description=__doc__)
    parser.add_argument("server", choices=sorted(SERVERS))
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(_serve(given.server, given.port))
