"""Viewers, and what is known of them."""

import msgspec
from fastapi import APIRouter, Response

from marotte import events
from marotte.gateway.rest.access import Operator, TheRun, as_json

router = APIRouter()


@router.get("/viewers/{viewer:path}/facts", dependencies=[Operator])
async def facts(run: TheRun, viewer: str, floor: str = events.PUBLIC) -> Response:
    """Return what is remembered of a viewer on a floor, with the words that it came from."""
    return as_json([msgspec.to_builtins(fact) for fact in await run.store.facts_of(floor, viewer)])


@router.delete("/viewers/{viewer:path}", dependencies=[Operator])
async def forget(run: TheRun, viewer: str) -> dict[str, int]:
    """Forget a viewer: what they said, what is known of them, what was answered."""
    return {"deleted": await run.forget(viewer)}
