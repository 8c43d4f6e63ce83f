"""What the local HTTP servers share: a record of requests with stamps, a gate, and a menu of faults.

A server made of it enforces its provider's protocol and misbehaves on request: ``server.fault("chat", "close")``.
"""

import asyncio
import itertools
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from aiohttp import web

FAULTS = (
    "hang", "empty", "garbage", "wrong_type", "close", "huge", "slow", "crawl",
    "401", "429", "500", "error", "endless",
)  # fmt: skip


@dataclass
class Asked:
    """One request, with stamps in seconds of the monotonic clock; 0 where it never came."""

    route: str
    at: float
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    file: bytes = field(default=b"", repr=False)
    status: int = 0
    first: float = 0.0
    """The first word or sound was sent."""
    ended: float = 0.0
    cut: float = 0.0
    """The client left before the end."""
    peer: str = ""
    """The client's end of the connection: the same where a connection is used again."""
    target: str = ""
    """The path and query that were asked for."""


class RefusedError(Exception):
    """An answer that refuses, in the provider's own shape."""

    def __init__(self, status: int, body: dict[str, Any], retry_after: int | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self._body = body
        self._headers = {"Retry-After": str(retry_after)} if retry_after else {}

    def response(self) -> web.Response:
        return web.json_response(self._body, status=self.status, headers=self._headers)


class FaultyServer:
    """A server on a free port of the loopback; use it as an async context manager."""

    routes: ClassVar[dict[str, str]]
    """The content type of each route's answers."""
    faults: ClassVar[tuple[str, ...]] = FAULTS
    largest: ClassVar[int] = 26_214_400
    """Bytes of a request."""
    path: ClassVar[str] = ""
    """What follows the port in the address that engines are given."""

    def __init__(self, script: Any, port: int = 0) -> None:
        """``script`` has a ``key`` that is wanted, or "", and the seconds of the fault ``slow``."""
        self.script = script
        self.requests: list[Asked] = []
        self.gate = asyncio.Event()
        """While it is closed (``gate.clear()``), a stream stands still after its first word or sound."""
        self.gate.set()
        self.url = ""
        self._port = port
        self._faults: dict[str, tuple[str, float]] = {}
        self.app = web.Application(client_max_size=self.largest)
        self.app.router.add_get("/requests", self._told)
        # A handler is cancelled when its client leaves: that is how a cut is stamped.
        self._runner = web.AppRunner(self.app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Any:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}{self.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def fault(self, route: str, what: str, times: float = math.inf) -> None:
        """Misbehave on ``route`` the next ``times`` times; 0 heals it."""
        if route not in self.routes or what not in self.faults:
            raise ValueError(f"there is no fault {what!r} on a route {route!r}")
        self._faults[route] = (what, times)

    # --- what a provider adds

    def check_key(self, request: web.Request) -> None:
        """Raise what the provider answers to a request without its key, or with another."""
        raise NotImplementedError

    def refusal(self, fault: str) -> RefusedError | None:
        """Return what the provider answers for a fault that is a status."""
        raise NotImplementedError

    def garbage(self, route: str) -> bytes:
        """Return bytes that are no answer."""
        return b"{\x00\xff"

    # --- what every route does

    def guard(self, route: str, answer: "Callable[[web.Request, Asked, str], Any]") -> Any:
        async def handler(request: web.Request) -> web.StreamResponse:
            peer = str(request.transport and request.transport.get_extra_info("peername"))
            asked = Asked(route, time.monotonic(), peer=peer, target=request.path_qs)
            self.requests.append(asked)
            try:
                response = await self._before(request, asked, answer)
                asked.status = response.status
                return response
            except RefusedError as refused:
                asked.status = refused.status
                return refused.response()
            except asyncio.CancelledError:
                asked.cut = time.monotonic()
                raise
            except ConnectionResetError:  # the client left while a piece was being written
                asked.cut = time.monotonic()
                return web.Response()  # goes nowhere, without a complaint in the log
            finally:
                asked.ended = time.monotonic()

        return handler

    async def _before(self, request: web.Request, asked: Asked, answer: Any) -> web.StreamResponse:
        self.check_key(request)
        fault = self._take_fault(asked.route)
        if refused := self.refusal(fault):
            raise refused
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "empty":
            return web.Response(body=b"", content_type=self.routes[asked.route])
        if fault == "garbage":
            return web.Response(body=self.garbage(asked.route), content_type=self.routes[asked.route])
        if fault == "wrong_type":
            return web.Response(text="<html><h1>Welcome to the proxy</h1></html>", content_type="text/html")
        if fault == "slow":
            await asyncio.sleep(self.script.slow)
        return await answer(request, asked, fault)

    def _take_fault(self, route: str) -> str:
        what, times = self._faults.get(route, ("", 0.0))
        if times <= 0:
            return ""
        self._faults[route] = (what, times - 1)
        return what

    async def _told(self, request: web.Request) -> web.Response:
        return web.json_response([{**asdict(asked), "file": len(asked.file)} for asked in self.requests])


async def object_of(request: web.Request, refuse: Callable[[str], RefusedError]) -> dict[str, Any]:
    """Return a request's body, which must be a JSON object; ``refuse`` makes the answer to any other."""
    if request.content_type != "application/json":
        raise refuse(f"Unsupported content type: '{request.content_type}'")
    try:
        body = json.loads(await request.read())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refuse("The body is no JSON object")
    return body


async def paced(pieces: Sequence[Any], first: float, between: float, fault: str) -> AsyncIterator[tuple[int, Any]]:
    """Give pieces with their number on a stopwatch, in seconds; for ever with the fault ``endless``."""
    due = time.monotonic() + first
    between = max(between, {"endless": 0.001, "crawl": 0.5}.get(fault, 0.0))
    for index, piece in enumerate(itertools.cycle(pieces) if fault == "endless" else pieces):
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        yield index, piece
        due += between


def abort(request: web.Request) -> None:
    """Drop the connection without an ending."""
    if request.transport is not None:
        request.transport.abort()
