"""7TV, BTTV and FrankerFaceZ as their public interfaces answer, and their pictures, on one port; misbehaves on request.

Shapes: https://7tv.io/docs (``/v3/emote-sets/ID``), https://betterttv.com/developers/api (``/3/cached/…``),
https://api.frankerfacez.com/docs (``/v1/set/…``).
"""

import asyncio
from types import TracebackType
from typing import Any, Literal

from aiohttp import web

from tests.servers.door import Door

Fault = Literal["", "404", "huge", "garbage", "slow", "elsewhere"]

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
WEBP = b"RIFF\x40\0\0\0WEBPVP8 " + bytes(48)
GIF = b"GIF89a\1\0\1\0" + bytes(20)


class EmoteServer:
    """The three providers; use it as an async context manager."""

    def __init__(self) -> None:
        self.fault: Fault = ""
        self.asked: list[str] = []
        """Paths in the order in which they were asked for."""
        self.released = asyncio.Event()
        """A slow answer waits for it."""
        app = web.Application()
        app.router.add_get("/v3/emote-sets/{set}", self._seventv)
        app.router.add_get("/v3/users/twitch/{user}", self._seventv_user)
        app.router.add_get("/3/cached/emotes/global", self._bttv)
        app.router.add_get("/3/cached/users/twitch/{user}", self._bttv_user)
        app.router.add_get("/v1/set/{set}", self._ffz)
        app.router.add_get("/emote/{id}/{file:.+}", self._picture)
        self._door = Door(app)

    async def __aenter__(self) -> "EmoteServer":
        await self._door.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        await self._door.close()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._door.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    async def _answer(self, request: web.Request, body: Any, kind: str = "application/json") -> web.StreamResponse:
        self.asked.append(request.path)
        match self.fault:
            case "404":
                return web.json_response({"status_code": 404, "error": "Not Found"}, status=404)
            case "garbage":
                return web.Response(body=b"<svg onload=alert(1)>{[" + bytes(200))
            case "elsewhere":
                return web.Response(status=302, headers={"location": self.url("/v3/emote-sets/other")})
            case "huge":
                return await self._huge(request)
            case "slow":
                await self.released.wait()
            case _:
                pass
        if isinstance(body, bytes):
            return web.Response(body=body, content_type=kind)
        return web.json_response(body)

    async def _huge(self, request: web.Request) -> web.StreamResponse:
        """Say nothing of the length, and send on as long as somebody reads."""
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(200):
            try:
                await answer.write(bytes(65_536))
            except ConnectionError:
                break
        return answer

    def _emote(self, number: str, name: str) -> dict[str, Any]:
        formats = [(f"{size}x.{kind}", kind.upper()) for kind in ("avif", "webp") for size in (1, 2, 3, 4)]
        files = [
            {
                "name": file,
                "static_name": file,
                "width": 32,
                "height": 32,
                "frame_count": 1,
                "size": 900,
                "format": kind,
            }
            for file, kind in formats
        ]
        host = {"url": f"http://{self.host}/emote/{number}", "files": files}
        data = {"id": number, "name": name, "flags": 0, "listed": True, "animated": False, "host": host}
        return {"id": number, "name": name, "flags": 0, "timestamp": 1, "actor_id": None, "data": data}

    def _set(self) -> dict[str, Any]:
        emotes = [self._emote("01A", "catJAM"), self._emote("01B", "Clap")]
        return {"id": "01S", "name": "Ada's", "flags": 0, "emotes": emotes, "emote_count": 2, "capacity": 1000}

    async def _seventv(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, self._set())

    async def _seventv_user(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, {"id": "1", "platform": "TWITCH", "emote_set": self._set()})

    async def _bttv(self, request: web.Request) -> web.StreamResponse:
        emote = {"id": "54fa8f1401e468494b85b537", "code": ":tf:", "imageType": "png", "animated": False}
        return await self._answer(request, [{**emote, "userId": "5561169bd6b9d206222a8c19", "modifier": False}])

    async def _bttv_user(self, request: web.Request) -> web.StreamResponse:
        own = {"id": "0a", "code": "adaHi", "imageType": "gif", "animated": True, "userId": "u"}
        shared = {"id": "0b", "code": "monkaS", "imageType": "png", "animated": False, "user": {"id": "v", "name": "v"}}
        body = {"id": "u", "bots": [], "avatar": "", "channelEmotes": [own], "sharedEmotes": [shared]}
        return await self._answer(request, body)

    async def _ffz(self, request: web.Request) -> web.StreamResponse:
        def at(path: str) -> str:
            return self.url(f"/emote/{path}")

        emotes = [
            {
                "id": 28136,
                "name": "LilZ",
                "width": 32,
                "height": 32,
                "urls": {"1": at("28136/1"), "2": None, "4": None},
            },
            {
                "id": 7,
                "name": "Dance",
                "width": 32,
                "height": 32,
                "urls": {"1": at("7/1"), "2": at("7/2")},
                "animated": {"1": at("7/animated/1"), "2": at("7/animated/2")},
            },
        ]
        one = {"id": 3, "_type": 0, "title": "Global Emotes", "emoticons": emotes}
        return await self._answer(request, {"default_sets": [3], "sets": {"3": one}, "users": {}})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        body, kind = (WEBP, "image/webp") if request.path.endswith(".webp") else (GIF, "image/gif")
        return await self._answer(request, body, kind)
