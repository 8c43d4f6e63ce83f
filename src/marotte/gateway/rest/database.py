"""The tables behind it all: browsed, searched, edited with their history; backup and restore."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.datastructures import UploadFile
from starlette.types import Message, Receive

from marotte.gateway.rest.access import Operator, TheRun, TheWho, as_json
from marotte.show import Run
from marotte.store import backup
from marotte.store.browser import Stays

router = APIRouter(prefix="/database", dependencies=[Operator])
UPLOAD_WITHIN = 600.0
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
_one_at_a_time = asyncio.Lock()
"""A backup or a restore has the disk for itself."""


@router.get("")
async def database(run: TheRun) -> Response:
    """Return where the rows lie, how large they are, and every table with its columns."""
    store = run.store
    staged = store.file is not None and backup.is_staged(store.file)
    tables = await store.tables()
    return as_json({"where": store.where, "size": await store.size(), "tables": tables, "staged": staged})


@router.get("/history")
async def history(
    run: TheRun,
    offset: Annotated[int, Query(ge=0, le=10_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """Return what was edited by hand, newest first."""
    return as_json(await run.store.edits(limit, offset))


@router.post("/backup", responses={200: {"content": {"application/zip": {}}}})
async def back_up(run: TheRun) -> FileResponse:
    """Return an archive of all rows and of the show file; the show goes on meanwhile."""
    database = _file(run)
    made = run.data / ".backup" / backup.name(run.clock.wall())
    async with _one_at_a_time:
        await run.store.flush()
        try:
            await asyncio.to_thread(_back_up, database, made, run.show.file)
        except backup.BackupError as error:
            raise HTTPException(507, str(error)) from None
    away = BackgroundTask(made.unlink, missing_ok=True)
    return FileResponse(made, media_type="application/zip", filename=made.name, background=away)


@router.post("/restore", openapi_extra=_UPLOAD)
async def restore(run: TheRun, request: Request) -> dict[str, Any]:
    """Check an archive, and take its rows at the next start; where it is refused, nothing changes."""
    database = _file(run)
    try:
        async with asyncio.timeout(UPLOAD_WITHIN):
            form = await Request(request.scope, _limited(request)).form(max_files=1, max_fields=1)
    except TimeoutError:
        raise HTTPException(408, f"the archive did not come within {UPLOAD_WITHIN:g} s") from None
    try:
        sent = form.get("file")
        if not isinstance(sent, UploadFile):
            raise HTTPException(422, "file: send the archive under this name")
        async with _one_at_a_time:
            manifest = await backup.stage(sent.file, (sent.filename or "the archive")[:100], database)
    except backup.BackupError as error:
        raise HTTPException(422, str(error)) from None
    finally:
        await form.close()
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.made_at))
    return {
        "detail": f"The backup of {made} is whole. It takes its place when the program is started again; the rows that"
        " are in use now are then kept beside it. Whoever was forgotten since that backup is known again.",
        "made_at": manifest.made_at,
        "version": manifest.version,
        "schema": manifest.schema,
    }


@router.get("/{table}")
async def rows(
    run: TheRun,
    table: str,
    q: Annotated[str, Query(max_length=200, description="part of any column of text")] = "",
    order: Annotated[
        str, Query(max_length=50, description="a column; with a minus before it, the greatest first")
    ] = "",
    before: Annotated[float | None, Query(ge=0, le=1e12, description="goes on with a search: its ``older``")] = None,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return rows of a table, the newest first unless an order is given.

    A search looks through 10,000 rows at a time, the newest first; ``older`` is where it goes on.
    """
    store = run.store
    try:
        if q:
            found = await store.search_rows(table, q, order, before=before, offset=offset, limit=limit)
        else:
            found = await store.rows(table, order, offset=offset, limit=limit)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return as_json(found)


@router.put("/{table}/{key:path}", status_code=204)
async def edit(run: TheRun, who: TheWho, table: str, key: str, body: Annotated[dict[str, Any], Body()]) -> None:
    """Change columns of a row; what stood there stays in the history."""
    try:
        found = await run.store.edit_row(table, key, body, who.name)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    if not found:
        raise _no_row(table, key)


@router.delete("/{table}/{key:path}", status_code=204)
async def delete(run: TheRun, who: TheWho, table: str, key: str) -> None:
    """Delete a row; what it was stays in the history."""
    try:
        row = await run.store.delete_row(table, key, who.name)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    except Stays as stays:
        raise HTTPException(409, str(stays)) from None
    if row is None:
        raise _no_row(table, key)
    if table in ("turns", "percepts"):
        for floor in run.floors.values():
            floor.memory.drop(row["id"] if table == "turns" else row["turn"])


def _no_row(table: str, key: str) -> HTTPException:
    return HTTPException(404, f"{table}: there is no row {key[:100]!r}")


def _file(run: Run) -> Path:
    if run.store.file is None:
        raise HTTPException(409, backup.ON_POSTGRES)
    return run.store.file


def _back_up(database: Path, archive: Path, show: Path) -> None:
    """Make an archive in a folder of its own, without what an interrupted download has left there."""
    shutil.rmtree(archive.parent, ignore_errors=True)
    archive.parent.mkdir(mode=0o700)
    backup.back_up(database, archive, show)


def _limited(request: Request) -> Receive:
    """Read what is uploaded no further than an archive may be long."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        message = await request.receive()
        taken += len(message.get("body", b""))
        if taken > backup.LARGEST_ARCHIVE:
            raise HTTPException(413, f"an archive may have at most {backup.LARGEST_ARCHIVE} bytes")
        return message

    return receive
