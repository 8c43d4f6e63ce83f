"""The web application: REST, the WebSocket, the windows, and the pages for machines."""

import asyncio
import logging
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import marotte
from marotte.gateway import rest
from marotte.gateway.guard import Guard
from marotte.gateway.live import Windows
from marotte.show import Run

log = logging.getLogger(__name__)

WINDOWS = (Path(__file__).parent / "windows").resolve()
"""Where the build of ``web/`` lies."""
_PAGES = ("talk", "stage", "control")
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        " media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' ws: wss:; font-src 'self' data:;"
        " frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(self), autoplay=(self)",
    "cross-origin-opener-policy": "same-origin",
}


def build(run: Run, guard: Guard) -> FastAPI:
    """Join a run to the web."""
    app = FastAPI(
        title="Marotte", version=marotte.__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.run, app.state.guard = run, guard
    windows = Windows(run, guard)
    run.counted_elsewhere = windows.counts
    app.include_router(rest.router)

    @app.websocket("/ws")
    async def live(socket: WebSocket) -> None:  # pyright: ignore[reportUnusedFunction]
        await windows.serve(socket)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """The process is alive."""
        return {"status": "alive", "run": run.id}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Each room, engine and link with its state."""
        state = readiness(run)
        return JSONResponse(state, 200 if state["ready"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:  # pyright: ignore[reportUnusedFunction]
        """Figures for Prometheus."""
        return Response(run.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    _serve_pages(app)
    app.add_middleware(_Border, guard=guard, largest=run.show.gateway.largest_body)
    return app


def readiness(run: Run) -> dict[str, Any]:
    """Tell of each room, engine and link how it fares; the show is ready while the public floor's tasks run.

    Anybody may ask: private floors are only counted, and why something fails stands in the log and in the control
    window.
    """
    tasks = {name: "failing" if watched.failing else "running" for name, watched in run.supervisor.tasks.items()}
    private = {name for name in tasks if name.startswith("talk-")}
    engines = {
        chain.kind: {member.name: member.state for member in chain.members}
        for chain in (run.ears, run.brains, run.voices)
    }
    return {
        "ready": all(state == "running" for name, state in tasks.items() if name.startswith("public ")),
        "rooms": {name: state for name, state in tasks.items() if name not in private},
        "private_floors": {
            "open": len(run.floors) - 1,
            "tasks_failing": sum(tasks[name] == "failing" for name in private),
        },
        "engines": engines,
        "links": {name: state.state for name, state in run.link_states.items()},
        "lag_ms": round(run.metrics.lag * 1e3, 1),
    }


def _serve_pages(app: FastAPI) -> None:
    """Serve the windows: one page, whose script reads the path, and its assets, which never change under a name."""

    @app.get("/", include_in_schema=False)
    async def root() -> Response:  # pyright: ignore[reportUnusedFunction]
        return RedirectResponse("/talk")

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        first = path.split("/", 1)[0]
        if "\0" in path:
            return JSONResponse({"detail": "there is nothing there"}, 404)
        file = (WINDOWS / path).resolve()
        if first not in _PAGES and file.is_file() and file.is_relative_to(WINDOWS):
            caching = "public, max-age=31536000, immutable" if first == "assets" else "no-cache"
            return await asyncio.to_thread(FileResponse, file, headers={"cache-control": caching})
        if first == "api" or "." in path.rsplit("/", 1)[-1]:
            return JSONResponse({"detail": f"there is nothing at /{path[:200]}"}, 404)
        index = WINDOWS / "index.html"
        if not index.is_file():
            return JSONResponse(
                {"detail": "the windows are not built: run `make run`, or `npm run build` in web/"}, 503
            )
        return FileResponse(index, 200 if first in _PAGES else 404, headers={"cache-control": "no-cache"})


class _Border:
    """What holds for every request: origin, size of the body, headers that browsers obey."""

    def __init__(self, app: ASGIApp, guard: Guard, largest: int) -> None:
        self._app = app
        self._guard = guard
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        headers = request.headers
        if not self._guard.from_here(headers.get("host", ""), headers.get("origin", "")):
            self._guard.refused["origin"] += 1
            await JSONResponse({"detail": "this request comes from elsewhere"}, 403)(scope, receive, send)
            return
        body = await self._body(headers.get("content-length", "0"), receive)
        if body is None:
            self._guard.refused["body"] += 1
            refusal = {"detail": f"the body is larger than {self._largest} bytes"}
            await JSONResponse(refusal, 413)(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), self._marked(send))

    async def _body(self, length: str, receive: Receive) -> bytes | None:
        """Read the body; None where it is larger than the limit, whatever its header claims."""
        if not length.isdigit() or int(length) > self._largest:
            return None
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._largest:
                return None
            if not message.get("more_body"):
                return bytes(body)

    def _marked(self, send: Send) -> Send:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", ()),
                    *((k.encode(), v.encode()) for k, v in _HEADERS.items()),
                ]
            await send(message)

        return marked


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body once, and then whatever else comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
