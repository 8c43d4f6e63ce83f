"""Viewers: finding them, what is known of them, notes, and forgetting them."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from marotte.gateway.rest.access import Moderator, TheRun, TheWho, as_json
from marotte.mind.lanes import words

MOST_EXCHANGES = 20
LONGEST_NOTE = 2_000

router = APIRouter()


class Note(BaseModel):
    """What those who look after the show should know about a viewer."""

    text: str = Field(max_length=LONGEST_NOTE)


@router.get("/viewers", dependencies=[Moderator])
async def find(
    run: TheRun,
    q: Annotated[str, Query(max_length=200, description="any part of a name, or a whole id")] = "",
    platform: Annotated[str, Query(max_length=50)] = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return the viewers whose name holds the query: those whose name begins with it, then who was here last."""
    total, found = await run.store.find_viewers(q, platform, offset=offset, limit=limit)
    return as_json({"total": total, "viewers": found})


@router.get("/viewers/{viewer:path}/facts", dependencies=[Moderator])
async def facts(
    run: TheRun,
    viewer: str,
    floor: str = "",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> Response:
    """Return what is remembered of a viewer, on a floor or on all, with the words that it came from; newest first."""
    _, found = await run.store.find_facts(scope=floor, viewer=viewer, limit=limit)
    return as_json(found)


@router.put("/viewers/{viewer:path}/note", status_code=204, dependencies=[Moderator])
async def note(run: TheRun, who: TheWho, viewer: str, body: Note) -> None:
    """Keep a note about a viewer; an empty one removes it."""
    if not await run.store.note_viewer(viewer, body.text.strip(), who.name):
        raise _unknown(viewer)


@router.get("/viewers/{viewer:path}", dependencies=[Moderator])
async def viewer(run: TheRun, viewer: str) -> Response:
    """Return one viewer with what they said last, and what was heard of the answers; newest first."""
    found = await run.store.viewer(viewer)
    if found is None:
        raise _unknown(viewer)
    exchanges: list[dict[str, Any]] = [
        {
            "turn": exchange.turn,
            "at": exchange.at,
            "floor": exchange.percepts[0].floor if exchange.percepts else "",
            "said": [words(percept) for percept in exchange.percepts],
            "heard": exchange.heard,
            "cut": exchange.cut,
        }
        for exchange in reversed(await run.store.exchanges_with(viewer, MOST_EXCHANGES))
    ]
    return as_json({**msgspec.to_builtins(found), "exchanges": exchanges})


@router.delete("/viewers/{viewer:path}", dependencies=[Moderator])
async def forget(run: TheRun, viewer: str) -> dict[str, int]:
    """Forget a viewer: what they said, what is known and noted of them, what was answered."""
    return {"deleted": await run.forget(viewer)}


def _unknown(viewer: str) -> HTTPException:
    return HTTPException(404, f"there is no viewer {viewer[:100]!r}")
