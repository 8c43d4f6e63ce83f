"""The web application: REST, the WebSocket, the windows, and the pages for machines."""

import asyncio
import logging
import secrets
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse

import marotte
from marotte.gateway import rest
from marotte.gateway.border import Border, policy
from marotte.gateway.guard import Guard
from marotte.gateway.lan import Lan
from marotte.gateway.live import Windows
from marotte.gateway.rest.lan import open_to_the_home
from marotte.show import Run
from marotte.store import StoreError

log = logging.getLogger(__name__)

WINDOWS = (Path(__file__).parent / "windows").resolve()
"""Where the build of ``web/`` lies."""
_PAGES = ("talk", "stage", "control")


def build(run: Run, guard: Guard, lan: Lan | None = None) -> FastAPI:
    """Join a run to the web; ``lan`` adds what the home network needs."""
    app = FastAPI(
        title="Marotte", version=marotte.__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.run, app.state.guard = run, guard
    windows = Windows(run, guard)
    run.counted_elsewhere = windows.counts
    app.include_router(rest.router)
    if lan is not None:
        open_to_the_home(app, lan)

    @app.exception_handler(StoreError)
    async def away(_: Request, error: StoreError) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The database is away: say so, and when to ask again."""
        return JSONResponse({"detail": str(error)}, 503, {"retry-after": "5"})

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
    app.add_middleware(Border, guard=guard, largest=run.show.gateway.largest_body)
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
        # Radix makes styles while a list is open; the page's script hands it the nonce that allows these alone.
        nonce = secrets.token_urlsafe(16)
        html = (await asyncio.to_thread(index.read_text, "utf-8")).replace("<script ", f'<script nonce="{nonce}" ')
        headers = {"cache-control": "no-cache", "content-security-policy": policy(nonce)}
        return HTMLResponse(html, 200 if first in _PAGES else 404, headers)
