"""The windows' files: one page, whose script reads the path, and its assets, which never change under a name."""

import asyncio
import re
import secrets
from mimetypes import guess_type
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from marotte.gateway.border import policy

WINDOWS = (Path(__file__).parent / "windows").resolve()
"""Where the build of ``web/`` lies."""
_PAGES = ("talk", "stage", "control", "skull")
_GZIP = re.compile(r"(^|[\s,])gzip\s*(;\s*q=(1|0\.0*[1-9])[\d.]*\s*)?(,|$)", re.IGNORECASE)
"""What ``Accept-Encoding`` says where gzip is welcome (RFC 9110, 12.5.3)."""


def serve_pages(app: FastAPI, windows: Path = WINDOWS) -> None:
    """Add the windows to the application; they come last, as they take every path that is left.

    Only files that the build has packed go out packed: nothing that holds what somebody said, or a secret, ever is, so
    that its size tells nothing (BREACH).
    """
    static = StaticFiles(directory=windows, check_dir=False)

    @app.get("/", include_in_schema=False)
    async def root() -> Response:  # pyright: ignore[reportUnusedFunction]
        return RedirectResponse("/talk")

    @app.get("/{path:path}", include_in_schema=False)
    async def page(request: Request, path: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        first = path.split("/", 1)[0]
        if "\0" in path:
            return JSONResponse({"detail": "there is nothing there"}, 404)
        file = (windows / path).resolve()
        if first not in _PAGES and file.is_file() and file.is_relative_to(windows):
            caching = "public, max-age=31536000, immutable" if first == "assets" else "no-cache"
            packed = _GZIP.search(request.headers.get("accept-encoding", "")) is not None
            found = await asyncio.to_thread(_file, file, caching, packed)
            unchanged = static.is_not_modified(found.headers, request.headers)
            return NotModifiedResponse(found.headers) if unchanged else found
        if first == "api" or "." in path.rsplit("/", 1)[-1]:
            return JSONResponse({"detail": f"there is nothing at /{path[:200]}"}, 404)
        index = windows / "index.html"
        if not index.is_file():
            return JSONResponse(
                {"detail": "the windows are not built: run `make run`, or `npm run build` in web/"}, 503
            )
        # Radix makes styles while a list is open; the page's script hands it the nonce that allows these alone.
        nonce = secrets.token_urlsafe(16)
        html = (await asyncio.to_thread(index.read_text, "utf-8")).replace("<script ", f'<script nonce="{nonce}" ')
        headers = {"cache-control": "no-cache", "content-security-policy": policy(nonce)}
        return HTMLResponse(html, 200 if first in _PAGES else 404, headers)


def _file(file: Path, caching: str, packed: bool) -> FileResponse:
    """Answer with a file, or with what the build has packed of it; each has an ETag of its own."""
    headers, kind = {"cache-control": caching}, guess_type(file.name)[0]
    other = file.with_name(file.name + ".gz")
    if other.is_file():
        headers["vary"] = "Accept-Encoding"
        if packed:
            headers["content-encoding"], file = "gzip", other
    return FileResponse(file, headers=headers, media_type=kind or "application/octet-stream", stat_result=file.stat())
