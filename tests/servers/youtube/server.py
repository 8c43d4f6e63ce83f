"""The local YouTube itself: its address, the gate before every call, and what comes over the wire, well or not."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.servers.door import Door
from tests.servers.youtube.chat import (
    COSTS,
    GLOBAL,
    LARGEST,
    PARAMETERS,
    PARTS,
    READ,
    ROUTES,
    WRITE,
    Api,
    Asked,
    RefusedError,
)
from tests.servers.youtube.events import Room
from tests.servers.youtube.faults import BARE, STATUSES, STREAM_ONLY, Faults
from tests.servers.youtube.login import SCOPE, Grant, Login, LoginError

_PATHS = {
    "broadcasts": ("GET", "/liveBroadcasts"), "videos": ("GET", "/videos"), "channels": ("GET", "/channels"),
    "list": ("GET", "/liveChat/messages"), "stream": ("GET", "/liveChat/messages/stream"),
    "insert": ("POST", "/liveChat/messages"), "delete": ("DELETE", "/liveChat/messages"),
    "transition": ("POST", "/liveChat/messages/transition"),
    "ban": ("POST", "/liveChat/bans"), "unban": ("DELETE", "/liveChat/bans"),
}  # fmt: skip
_JSON = {"Content-Type": "application/json; charset=UTF-8"}
GARBAGE = b"}{\x00\xff <html>no</html>"


class YouTubeServer(Room):
    """The server, on a free port of the loopback; use it as an async context manager."""

    def __init__(
        self, *, quota: int = 10_000, polling: float = 5.0, port: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``quota`` is in units a day, ``polling`` the seconds between two lists."""
        super().__init__()
        self.quota, self.polling, self.clock = quota, polling, clock
        self.title, self.watching, self.disabled = "The jester's evening", 42, False
        self.started_at = self.now().isoformat(timespec="seconds")
        self.key = "AIza-test-youtube-0123456789"
        """A key that reads what is public."""
        self.requests: list[Asked] = []
        self.complaints: list[str] = []
        self.inserted: list[dict[str, Any]] = []
        self.deleted: list[str] = []
        self.banned: dict[str, dict[str, Any]] = {}
        """The bans that hold, by their ids."""
        self.spent = 0
        """Units of the day."""
        self.ledger: list[tuple[str, int]] = []
        self.streams = 0
        """Streams that are open."""
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), a stream with the fault ``half`` stands still in mid-object."""
        self.gate.set()
        self.url = self.api = ""
        self.faults = Faults()
        self.login = Login(clock, lambda: self.url)
        self._api, self._port = Api(self), port

    async def __aenter__(self) -> "YouTubeServer":
        app = web.Application()
        for route, (method, path) in _PATHS.items():
            app.router.add_route(method, f"/youtube/v3{path}", self._guarded(route))
        app.router.add_post("/device/code", self._login("device", self.login.code))
        app.router.add_post("/token", self._login("token", self.login.token))
        app.router.add_post("/revoke", self._login("revoke", self.login.take_back))
        app.router.add_get("/tokeninfo", self._login("token", self.login.told))
        self._door = Door(app, self._port)
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._door.close()

    # --- what tests do

    async def down(self) -> None:
        """Break every connection, and refuse new ones."""
        await self._door.shut()

    async def up(self) -> None:
        """Take connections, on the same port as before."""
        await self._door.open()
        self.url = f"http://127.0.0.1:{self._door.port}"
        self.api = f"{self.url}/youtube/v3"

    def drop(self) -> None:
        """Break every connection without a word."""
        self._door.drop()

    def fault(self, what: str, times: float = 1, on: str = "") -> None:
        """Misbehave the next ``times`` times (``math.inf``: from now on), on one route or on any; 0 heals it."""
        if on and on not in ROUTES:
            raise ValueError(f"there is no route {on!r}")
        self.faults.add(what, times, on)

    def heal(self) -> None:
        """Have no faults."""
        self.faults.clear()

    def grant(self, *scopes: str) -> Grant:
        """Allow these scopes at once, else that for everything; ``.access`` and ``.refresh`` are the tokens."""
        return self.login.grant(*(scopes or (SCOPE,)))

    def approve(self, user_code: str) -> None:
        """Allow what a device asks for that shows this code."""
        self.login.decide(user_code, "approved")

    def deny(self, user_code: str) -> None:
        self.login.decide(user_code, "denied")

    def expire(self, token: str) -> None:
        """Let an access token, or a device's code, be too old."""
        self.login.expire(token)

    def revoke(self, token: str) -> None:
        """Take back everything that a token stands for."""
        self.login.revoke(token)

    def new_day(self) -> None:
        """Let it be midnight in California."""
        self.spent = 0

    @property
    def said(self) -> list[str]:
        """The texts that clients have inserted."""
        return [made["snippet"].get("displayMessage", "") for made in self.inserted]

    # --- the gate before every call

    def _login(self, route: str, answer: Callable[[web.Request], Awaitable[web.Response]]) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            asked = Asked(route, {})
            self.requests.append(asked)
            try:
                if broken := await self._connection(request, route):
                    return broken
                if status := self.faults.take(route, STATUSES):
                    raise LoginError(int(status), "server_error", "a fault that was asked for")
                response = await answer(request)
            except LoginError as refused:
                if refused.body["error"] in (
                    "slow_down",
                    *(f"invalid_{what}" for what in ("client", "scope", "request")),
                ):
                    self.complaints.append(f"{route}: {refused}")
                response = web.json_response(refused.body, status=refused.status)
            asked.status = response.status
            return response

        return handler

    def _guarded(self, route: str) -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            asked = Asked(route, {k: v for k, v in request.query.items() if k not in ("key", "access_token")})
            self.requests.append(asked)
            try:
                response = await self._served(request, asked)
                asked.status = response.status
                return response
            except RefusedError as refused:
                asked.status = refused.status
                return self._refusal(asked, refused)
            except asyncio.CancelledError:
                asked.left = True
                raise
            except ConnectionError:
                asked.left = True
                return web.Response()  # goes nowhere, without a complaint in the log

        return handler

    def _refusal(self, asked: Asked, refused: RefusedError) -> web.Response:
        mistake = refused.status == 400 or refused.reason in ("rateLimitExceeded", "insufficientPermissions")
        if mistake and not refused.asked_for:
            self.complaints.append(f"{asked.route}: {refused}")
        body: Any = [refused.body] if asked.route == "stream" else refused.body
        return web.Response(text=json.dumps(body, indent=2), status=refused.status, headers=_JSON)

    async def _served(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        route = asked.route
        if broken := await self._connection(request, route):
            return broken
        if fault := self.faults.take(route, (*STATUSES, "403")):
            raise _told(fault)
        asked.grant = self._holder(request, route)
        if asked.grant is None and request.query.get("key") != self.key:
            raise RefusedError(401, "authError", "no token that holds", "global", "Authorization")
        if self.spent + COSTS[route] > self.quota:
            raise RefusedError(403, "quotaExceeded", "the units of the day are spent", "youtube.quota")
        try:
            await self._checked(request, asked)
            if route == "stream":
                return await self._streamed(request, asked)
            answer = getattr(self._api, route)(asked)
        except RefusedError:
            self._spend(route, 1)
            raise
        self._spend(route, COSTS[route])
        if answer is None:
            return web.Response(status=204)
        return web.Response(text=json.dumps(answer, indent=2, ensure_ascii=False), headers=_JSON)

    def _holder(self, request: web.Request, route: str) -> Grant | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if "access_token" in request.query:
            self.complaints.append(f"{route}: a token belongs in the header")
        grant = self.login.holder(token) if kind == "Bearer" else None
        public = route in ("videos", "channels", "list", "stream")
        if grant is None and (token or not public):
            raise RefusedError(401, "authError", "no token that holds", "global", "Authorization")
        wanted = READ if COSTS[route] < 20 else WRITE
        if grant is not None and not set(grant.scopes) & set(wanted):
            raise RefusedError(403, "insufficientPermissions", f"one of {wanted} is wanted", "global")
        return grant

    async def _checked(self, request: web.Request, asked: Asked) -> None:
        """Check the parameters, and read the body."""
        route = asked.route
        if unknown := sorted(request.query.keys() - PARAMETERS[route] - GLOBAL):
            raise RefusedError(400, "badRequest", f"Unknown name: {unknown}", "global")
        if route in PARTS:
            if not asked.parts:
                raise RefusedError(400, "missingRequiredParameter", "part", "youtube.parameter", "part")
            if unknown := sorted(asked.parts - PARTS[route]):
                raise RefusedError(400, "unknownPart", f"{unknown}", "youtube.part", "part")
        if request.method == "POST" and route != "transition":
            try:
                asked.body = json.loads(await request.read())
            except ValueError:
                raise RefusedError(400, "parseError", "the body must be a JSON object", "global") from None

    def _spend(self, route: str, units: int) -> None:
        self.spent += units
        self.ledger.append((route, units))

    # --- what comes over the wire

    async def _connection(self, request: web.Request, route: str) -> web.StreamResponse | None:
        """Do what a fault of the connection does, of an answer that is no stream's."""
        if bare := self.faults.take(route, BARE):
            return await self._bare(request, bare)
        match self.faults.take(route, ("hang",) if route == "stream" else ("hang", "drop", "garbage", "huge")):
            case "hang":
                await asyncio.Event().wait()
            case "drop":
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case "garbage":
                return web.Response(body=GARBAGE, headers=_JSON)
            case "huge":
                return web.Response(body=b'{"kind": "' + b"x" * LARGEST + b'"}', headers=_JSON)
        return None

    async def _bare(self, request: web.Request, fault: str) -> web.StreamResponse:
        """Answer with a page of HTML, whole or not."""
        kind, _, status = fault.partition(":")
        if kind == "bare":
            return web.Response(text="<html>no</html>", status=int(status), content_type="text/html")
        response = web.StreamResponse(status=int(status), headers=_JSON | {"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"kind":')
        await asyncio.sleep(0)
        if request.transport is not None:
            request.transport.abort()
        return response

    async def _streamed(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """Send an array whose objects come as they happen, as Google's servers stream over REST."""
        answers = self._api.stream(asked)
        response = web.StreamResponse(headers=_JSON)
        self.streams += 1
        lead = b"["
        try:
            async for answer in answers:
                if not response.prepared:
                    self._spend("stream", COSTS["stream"])
                    asked.status = 200
                    await response.prepare(request)
                if self.faults.take("stream", ("end",)):
                    await response.write(b"[]" if lead == b"[" else b"]")
                    break
                if not await self._sent(request, response, lead, answer):
                    return response
                lead = b",\n"
            else:
                await response.write(b"]")
            await response.write_eof()
        finally:
            self.streams -= 1
            await answers.aclose()
        return response

    async def _sent(self, request: web.Request, response: web.StreamResponse, lead: bytes, answer: Any) -> bool:
        """Send one object of a stream; return whether the stream goes on."""
        whole = lead + json.dumps(answer, indent=2, ensure_ascii=False).encode() + b"\n"
        # In the midst of a character, where there is one of several bytes.
        half = next((at + 1 for at, byte in enumerate(whole) if byte >= 0xC0), len(whole) // 2)
        fault = self.faults.take("stream", (*STREAM_ONLY, "drop", "garbage", "huge", "silent"))
        match fault.partition(":")[0]:
            case "error":
                refusal = json.dumps(_told(fault.removeprefix("error:")).body, indent=2)
                await response.write(lead + refusal.encode() + b"\n]")
                return False
            case "drop":
                await response.write(whole[:half])
                await asyncio.sleep(0)
                if request.transport is not None:
                    request.transport.abort()
                return False
            case "silent":
                await asyncio.Event().wait()
            case "garbage":
                await response.write(lead + GARBAGE + b"\n")
                return False
            case "huge":
                await response.write(lead + b'{"kind": "' + b"x" * LARGEST)
            case "half":
                await response.write(whole[:half])
                await self.gate.wait()
                await response.write(whole[half:])
            case _:
                await response.write(whole)
        return True


def _told(fault: str) -> RefusedError:
    """Return the refusal that was asked for."""
    status, _, reason = fault.partition(":")
    domain = {"quotaExceeded": "youtube.quota", "insufficientPermissions": "global"}.get(reason, "youtube.liveChat")
    reason, domain = {
        "401": ("authError", "global"), "403": (reason, domain), "404": ("liveChatNotFound", "youtube.liveChat"),
        "429": ("rateLimitExceeded", "global"),
    }.get(status, ("backendError", "global"))  # fmt: skip
    told = RefusedError(int(status), reason, "a fault that was asked for", domain)
    told.asked_for = True
    return told
