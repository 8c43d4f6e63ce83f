"""The log: the events that are remembered, with filters."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from marotte.gateway.rest.access import Moderator, TheRights, TheRun, as_json
from marotte.ops.history import Asked

router = APIRouter()

Name = Annotated[str, Query(max_length=100)]


class Logged(msgspec.Struct):
    """An event and its place among all events of the run."""

    seq: int
    event: msgspec.Raw


class Page(msgspec.Struct):
    """Some of the events that are remembered, newest first."""

    total: int
    events: list[Logged]


@router.get("/log", dependencies=[Moderator])
async def log(
    run: TheRun,
    rights: TheRights,
    q: Annotated[str, Query(max_length=200, description="words that it holds, in any case")] = "",
    kind: Name = "",
    floor: Name = "",
    turn: Name = "",
    before: Annotated[int, Query(ge=0, le=2**53, description="0, or the place from before which on")] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Response:
    """Return the newest events first, of the last 100,000; private floors' are for the operator alone."""
    asked = Asked(q, kind, floor, turn)
    found = await run.history.find(asked, before, limit, private=rights == "operator")
    return as_json(Page(len(run.history), [Logged(entry.seq, msgspec.Raw(entry.json)) for entry in found]))
