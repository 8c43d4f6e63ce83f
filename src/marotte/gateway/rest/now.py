"""What goes on now: turns, what waits, what is said, what was stopped."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response

from marotte import events
from marotte.conversation import Conversation
from marotte.gateway.rest.access import Operator, TheRights, TheRun, as_json
from marotte.mind.attention import words

router = APIRouter()


@router.get("/turns")
async def turns(
    run: TheRun,
    rights: TheRights,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
    floor: str | None = None,
) -> Response:
    """Return the newest turns first: what they answered, what was heard of them, and how long each stage took."""
    if rights != "operator":
        floor = events.PUBLIC
    return as_json(await run.store.recent_turns(limit, floor))


@router.get("/queue", dependencies=[Operator])
async def queue(run: TheRun) -> Response:
    """Return what waits on every floor, in the order in which it will be served, and why it waits."""
    return as_json([entry for floor in run.floors.values() for entry in _queue(floor)])


def _queue(floor: Conversation) -> list[dict[str, Any]]:
    busy = floor.floor.turn
    found: list[dict[str, Any]] = []
    for place, (lane, policy, waiting) in enumerate(floor.attention.pending()):
        why = (
            ("1 comes" if place == 1 else f"{place} come") + " first"
            if place
            else ("waits for the turn that speaks" if busy else "is next")
        )
        if place and policy.merge == "last":
            why += f"; of this lane the newest {policy.together} are answered together"
        found.append(
            {
                "percept": waiting.percept.id,
                "floor": floor.name,
                "lane": lane,
                "kind": events.tag(waiting.percept),
                "who": waiting.percept.viewer.name if waiting.percept.viewer else "",
                "text": words(waiting.percept)[:300],
                "at": waiting.percept.at,
                "priority": policy.priority,
                "merged": waiting.merged,
                "why": why,
            }
        )
    return found


@router.delete("/queue/{percept}", status_code=204, dependencies=[Operator])
async def skip(run: TheRun, percept: str) -> None:
    """Drop what waits under this id."""
    if not any(floor.attention.skip(percept) for floor in run.floors.values()):
        raise HTTPException(404, "nothing waits under this id")
    run.store.expired([percept])


@router.get("/dropped", dependencies=[Operator])
async def dropped(run: TheRun) -> list[dict[str, Any]]:
    """Return how many percepts left unanswered, by lane and reason, and how many events were lost."""
    return [
        {"floor": floor, "lane": lane, "reason": reason, "count": int(count)}
        for (floor, lane, reason), count in run.counts()["marotte_dropped_total"].items()
    ]


@router.get("/floors", dependencies=[Operator])
async def floors(run: TheRun) -> list[dict[str, Any]]:
    """Return the floors that are open."""
    return [
        {
            "name": floor.name,
            "partner": floor.partner.name if floor.partner else "",
            "language": floor.director.language,
            "outlet": floor.speaker.outlet_of_record,
            "speaking": floor.speaker.speaking,
            "turn": floor.floor.turn,
            "queue": len(floor.attention.pending()),
            "opened_at": floor.opened,
        }
        for floor in run.floors.values()
    ]


@router.post("/floors/{name}/stop", status_code=204, dependencies=[Operator])
async def stop(run: TheRun, name: str) -> None:
    """End the present turn of a floor now."""
    if name not in run.floors:
        raise HTTPException(404, f"there is no floor {name!r}")
    run.floors[name].floor.cut("stopped by the operator")


@router.get("/stopped", dependencies=[Operator])
async def stopped_lines(run: TheRun) -> Response:
    """Return the last lines that moderation stopped, newest first."""
    return as_json([msgspec.to_builtins(line) for line in reversed(run.stopped.values())])


@router.post("/stopped/{line}/release", status_code=204, dependencies=[Operator])
async def release(run: TheRun, line: str) -> None:
    """Say a stopped line after all; possible for a few seconds."""
    if not run.release(line):
        raise HTTPException(410, "this line is unknown, released already, or the time for it is over")
    run.store.note_released(line)
