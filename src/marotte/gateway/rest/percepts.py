"""What reaches the character from scripts and the control window."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Body, HTTPException, Query, Response
from pydantic import BaseModel

from marotte import events
from marotte.bus import NoResponders
from marotte.gateway.rest.access import Operator, TheRun
from marotte.mind.lanes import words

LONGEST_WAIT = 120.0

router = APIRouter()


class Accepted(BaseModel):
    """A percept has been taken in."""

    id: str
    turn: dict[str, Any] | None = None
    """How its turn ended, where that was waited for."""


@router.post("/percepts", status_code=202, dependencies=[Operator])
async def perceive(
    run: TheRun,
    response: Response,
    body: Annotated[dict[str, Any], Body(examples=[{"type": "asked", "text": "How are you?"}])],
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="seconds to wait for the end of its turn")] = 0,
) -> Accepted:
    """Let something reach the character: any percept by its ``type``; 201 where it survives a crash from now on."""
    try:
        percept = events.decode_percept(msgspec.json.encode(body))
    except (msgspec.MsgspecError, TypeError, UnicodeEncodeError) as error:
        raise HTTPException(422, f"no percept: {error}") from None
    if len(words(percept)) > 20_000:
        raise HTTPException(413, "text: more than 20000 characters")
    if body.get("id") is not None and not 1 <= len(percept.id) <= 100:
        raise HTTPException(422, "id: must have 1 to 100 characters")
    endings = (
        run.bus.subscribe(f"event.*.{percept.floor}", size=4_096) if wait and percept.floor in run.floors else None
    )
    try:
        if await run.perceive(percept):
            response.status_code = 201
        turn = None
        if endings is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    turn = await _ending(endings, percept.id)
        return Accepted(id=percept.id, turn=turn)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    except (TimeoutError, NoResponders):
        raise HTTPException(
            503, "it could not be taken in: the floor is closing, or the disk is too slow", {"Retry-After": "5"}
        ) from None
    finally:
        if endings is not None:
            endings.close()


async def _ending(seen: Any, percept: str) -> dict[str, Any]:
    """Wait for the end of the turn that answers a percept."""
    turns: set[str] = set()
    while True:
        event = (await seen.get()).data
        if isinstance(event, events.TurnStarted) and percept in event.percepts:
            turns.add(event.turn)
        elif isinstance(event, events.TurnEnded) and event.turn in turns:
            return {"id": event.turn, **cast("dict[str, Any]", msgspec.to_builtins(event.ending))}
        elif isinstance(event, events.Dropped) and event.percept == percept:
            return {"id": "", "state": "refused", "reason": event.reason, "heard": "", "cut": False}
