"""Kokoro-FastAPI 0.8.0: ``POST /v1/audio/speech`` as its own source has it, with the faults of the speech servers."""

from typing import Any, ClassVar

from aiohttp import web

from tests.servers.faulty import Asked, RefusedError
from tests.servers.speech_servers import Script, SpeechServer, wav


def _refused(reason: str, message: str) -> RefusedError:
    detail = {"error": reason, "message": message, "type": "invalid_request_error"}
    return RefusedError(400, {"detail": detail})


class KokoroServer(SpeechServer):
    """Speaks OpenAI's interface with voices of its own, sentence by sentence."""

    path = "/v1"
    kind = "audio/pcm"
    models = ("tts-1", "tts-1-hd", "kokoro", "gpt-4o-mini-tts")
    voices: ClassVar[tuple[str, ...]] = ("af_heart", "bf_emma", "ef_dora", "ff_siwis", "jf_alpha", "zf_xiaoxiao")

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        super().__init__(script, port=port)
        self.app.router.add_post("/v1/audio/speech", self.guard("speech", self._speech))
        self.app.router.add_get("/v1/audio/voices", self.guard("voices", self._voices))

    async def _speech(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        asked.body = body = await request.json()
        if not isinstance(body.get("input"), str):
            raise RefusedError(
                422, {"detail": [{"type": "missing", "loc": ["body", "input"], "msg": "Field required"}]}
            )
        speed, kind = body.get("speed", 1.0), body.get("response_format", "mp3")
        if not 0.25 <= speed <= 4 or kind not in ("pcm", "wav"):
            raise RefusedError(422, {"detail": [{"type": "value_error", "loc": ["body"], "msg": "out of range"}]})
        if body.get("model", "kokoro") not in self.models:
            raise _refused("invalid_model", f"Unsupported model: {body['model']}")
        for part in body.get("voice", "af_heart").split("+"):
            if part.partition("(")[0] not in self.voices:
                raise _refused(
                    "validation_error", f"Voice '{part}' not found. Available voices: {', '.join(self.voices)}"
                )
        head = wav(b"", length=0xFFFFFFFF) if kind == "wav" else b""
        return await self.send(request, asked, fault, self.sound(body["input"], speed), head)

    async def _voices(self, request: web.Request, asked: Asked, fault: str) -> web.StreamResponse:
        listed: list[dict[str, Any]] = [{"id": name, "name": name} for name in self.voices]
        return web.json_response({"voices": listed})
