"""The web application: REST, the WebSocket, the windows, and the pages for machines."""

import json
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

import marotte
from marotte.events import PRIVATE
from marotte.gateway import rest
from marotte.gateway.border import Border
from marotte.gateway.emotes import serve_emotes
from marotte.gateway.guard import Guard
from marotte.gateway.lan import Lan
from marotte.gateway.live import Windows
from marotte.gateway.pages import serve_pages
from marotte.gateway.rest import lan as home
from marotte.show import Run
from marotte.store import StoreError


def build(run: Run, guard: Guard, lan: Lan | None = None) -> FastAPI:
    """Join a run to the web; ``lan`` adds what the home network needs."""
    app = FastAPI(
        title="Marotte", version=marotte.__version__, docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    app.state.run, app.state.guard, app.state.lan = run, guard, lan
    windows = Windows(run, guard)
    app.state.waiting = windows.waiting
    run.counted_elsewhere = windows.counts
    app.include_router(rest.router)
    if lan is not None:
        app.include_router(home.pages)

    @app.exception_handler(StoreError)
    async def away(_: Request, error: StoreError) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The database is away: say so, and when to ask again."""
        return JSONResponse({"detail": str(error)}, 503, {"retry-after": "5"})

    @app.exception_handler(RequestValidationError)
    async def wrong(_: Request, error: RequestValidationError) -> Response:  # pyright: ignore[reportUnusedFunction]
        """What is wrong and where, without what was sent: not all of that can be written as JSON."""
        detail = [{key: each[key] for key in ("type", "loc", "msg")} for each in error.errors()]
        return Response(json.dumps({"detail": detail}), 422, media_type="application/json")

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

    serve_emotes(app, run)
    serve_pages(app)
    app.add_middleware(Border, guard=guard, largest=run.show.gateway.largest_body)
    return app


def readiness(run: Run) -> dict[str, Any]:
    """Tell of each room, engine and link how it fares; the show is ready while the public floor's tasks run.

    Anybody may ask: private floors are only counted, and why something fails stands in the log and in the control
    window.
    """
    tasks = {name: "failing" if watched.failing else "running" for name, watched in run.supervisor.tasks.items()}
    private = {name for name in tasks if name.startswith(PRIVATE)}
    engines = {chain.kind: {member.name: member.state for member in chain.members} for chain in run.chains}
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
