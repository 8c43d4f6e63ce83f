"""The show file as text: read, checked while somebody types, saved, and gone by as far as the show need not stop.

The text is its writer's and is kept byte for byte. What was edited of a show that comes with the program is saved in
DATA/shows, and stands in for that show from then on.
"""

import asyncio
import difflib
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple, get_args

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from marotte import config
from marotte.changes import changes
from marotte.cli import shows
from marotte.config import Mistake, ShowError
from marotte.engines import registry
from marotte.engines.kinds import Kind
from marotte.gateway.rest.access import Operator, TheRun, as_json
from marotte.mind.moderation import Rules
from marotte.orders import NOT_LOGGED, OUTSIDE
from marotte.show import Run
from marotte.toml_lines import secret_lines

router = APIRouter()

_SECRET = (
    "looks like a key or a password: put it into the environment or into .env where the program is started,"
    " and let the show name it"
)
_saving = asyncio.Lock()


class Text(BaseModel):
    """A show file's text."""

    text: str = Field(max_length=1_000_000)


class Edited(Text):
    """A text to save, and which text it was made of."""

    hash: str = Field(max_length=64)


class Checked(NamedTuple):
    """What a check found."""

    show: config.Show | None
    """None where there are mistakes."""
    rules: Rules | None
    mistakes: tuple[Mistake, ...] = ()


@router.get("/settings", dependencies=[Operator])
async def settings(run: TheRun) -> Response:
    """Return the show file's text, where it is, and the hash that names this very text."""
    data = await _read(run)
    lines = secret_lines(data.decode("utf-8", "replace"))
    if lines:
        raise HTTPException(409, f"{run.show.file}:{lines[0]}: this line {_SECRET}; then it can be edited here")
    return as_json(_described(_place(run), data))


@router.post("/settings/check", dependencies=[Operator])
async def check(run: TheRun, body: Text) -> Response:
    """Return every mistake in a text with its line, and what each change against the show that runs needs."""
    checked = await asyncio.to_thread(_check, run, body.text)
    return as_json(
        {
            "mistakes": [mistake._asdict() for mistake in checked.mistakes],
            "needs": [change._asdict() for change in changes(run.show, checked.show)] if checked.show else [],
        }
    )


@router.put("/settings", dependencies=[Operator])
async def save(run: TheRun, body: Edited) -> Response:
    """Save a text and go by it; 409 with the difference where the file is no longer the one that was edited."""
    checked = await asyncio.to_thread(_check, run, body.text)
    if checked.show is None or checked.rules is None:
        first = checked.mistakes[0]
        detail = f"line {first.line}: {first.key}: {first.reason}" if first.key else first.reason
        return _refused(422, detail, mistakes=[mistake._asdict() for mistake in checked.mistakes])
    async with _saving:
        there, place, new = await _read(run), _place(run), body.text.encode()
        # Who saves what is saved already did not hear the answer to the first time: nobody else changed anything.
        if _hash(there) != body.hash and there != new:
            return _refused(409, "somebody else has changed the file", difference=_difference(there, body.text))
        needs = changes(run.show, checked.show)
        try:
            written = await asyncio.to_thread(_write_aside, place, there, new)
            run.apply(checked.show, checked.rules)
            written.replace(place.resolve())
        except ShowError as error:
            raise HTTPException(422, str(error)) from None
        except OSError as error:
            raise HTTPException(507, f"{place}: cannot be written: {error.strerror}") from None
    run.orders.note(
        "settings", (checked.show.model_dump(mode="json", exclude={**dict.fromkeys(OUTSIDE, True), **NOT_LOGGED}),)
    )
    return as_json({**_described(place, new), "mistakes": [], "needs": [change._asdict() for change in needs]})


def _check(run: Run, text: str) -> Checked:
    """Find every mistake that would stop a start, and what looks like a secret; takes some hundredths of a second."""
    mistakes = [Mistake(line, "", f"this line {_SECRET}") for line in secret_lines(text)]
    try:
        show = config.parse(text, str(_place(run)))
    except ShowError as error:
        return Checked(None, None, (*mistakes, *error.mistakes))
    for kind in get_args(Kind):
        try:
            registry.plan(kind, show)
        except ShowError as error:
            mistakes += error.mistakes
    rules = None
    try:
        rules = Rules(show.moderation, show.character.never, run.words.lists)
    except ValueError as error:
        key, _, reason = str(error).partition(": ")
        mistakes += show.mistake(tuple(key.split(".")), reason).mistakes
    return Checked(None, None, tuple(mistakes)) if mistakes else Checked(show, rules)


def _place(run: Run) -> Path:
    """Return where the show file is saved: shows that come with the program are left as they are."""
    file = run.show.file
    return run.data / "shows" / file.name if file in shows().values() else file


async def _read(run: Run) -> bytes:
    place = _place(run)
    try:
        return await asyncio.to_thread((place if place.exists() else run.show.file).read_bytes)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise HTTPException(503, f"{place}: cannot be read: {error.strerror}") from None


def _write_aside(place: Path, there: bytes, new: bytes) -> Path:
    """Write a text beside its place, and what is there now to a copy that ends in .bak; return the file written."""
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.resolve().with_name(f".{place.name}.new")
    if place.exists() and there != new:
        place.with_name(f"{place.name}.bak").write_bytes(there)
        shutil.copymode(place, place.with_name(f"{place.name}.bak"))
    with aside.open("wb") as file:
        file.write(new)
        file.flush()
        os.fsync(file.fileno())
    if place.exists():
        shutil.copymode(place, aside)
    return aside


def _described(place: Path, data: bytes) -> dict[str, Any]:
    return {"file": str(place), "text": data.decode("utf-8", "replace"), "hash": _hash(data)}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _difference(theirs: bytes, mine: str) -> str:
    return "\n".join(
        difflib.unified_diff(
            theirs.decode("utf-8", "replace").splitlines(), mine.splitlines(), "theirs", "yours", lineterm=""
        )
    )


def _refused(status: int, detail: str, **more: Any) -> Response:
    answer = as_json({"detail": detail, **more})
    answer.status_code = status
    return answer
