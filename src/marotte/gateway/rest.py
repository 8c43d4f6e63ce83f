"""REST under /api/v1: what scripts and the control window ask for and order."""

import asyncio
from contextlib import suppress
from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Body, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError

import marotte
from marotte import events
from marotte.conversation import Conversation
from marotte.engines import registry
from marotte.engines.chain import Chain
from marotte.gateway.guard import Guard, Rights
from marotte.mind.attention import words
from marotte.show import Run

LONGEST_WAIT = 120.0

router = APIRouter(prefix="/api/v1")


def _run(request: Request) -> Run:
    return request.app.state.run


def _rights(request: Request) -> Rights:
    """Say who asks; raises 401 where the token opens nothing."""
    guard: Guard = request.app.state.guard
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    rights = guard.rights(token.strip() if scheme.lower() == "bearer" else "")
    if rights is None:
        guard.refused["token"] += 1
        raise HTTPException(401, "the token is wrong or missing", {"WWW-Authenticate": "Bearer"})
    return rights


def _operator(request: Request, rights: Annotated[Rights, Depends(_rights)]) -> None:
    if rights != "operator":
        guard: Guard = request.app.state.guard
        guard.refused["rights"] += 1
        raise HTTPException(
            401,
            f"needs the operator's token as Authorization: Bearer; it is in {_run(request).data / 'operator.token'}",
            {"WWW-Authenticate": "Bearer"},
        )


TheRun = Annotated[Run, Depends(_run)]
Operator = Depends(_operator)


class Accepted(BaseModel):
    """A percept has been taken in."""

    id: str
    turn: dict[str, Any] | None = None
    """How its turn ended, where that was waited for."""


class Context(BaseModel):
    """What is going on now, in the operator's words."""

    context: str = Field(max_length=2_000)


class FoundServer(BaseModel):
    """A model server to think with."""

    url: str = Field(pattern=r"^https?://", max_length=500)
    model: str = Field(min_length=1, max_length=200)


@router.get("/show")
async def show(run: TheRun, _: Annotated[Rights, Depends(_rights)]) -> dict[str, Any]:
    """Return who the character is and how its lanes are set."""
    card = run.show.character
    return {
        "name": run.show.name,
        "version": marotte.__version__,
        "run": run.id,
        "started_at": run.public.opened,
        "character": {**card.model_dump(exclude={"examples", "never"}), "context": run.persona.context},
        "lanes": [
            {"name": name, **lane.model_dump()}
            for name, lane in sorted(run.show.lanes.items(), key=lambda item: -item[1].priority)
        ],
    }


@router.put("/show/context", status_code=204, dependencies=[Operator])
async def set_context(run: TheRun, body: Context) -> None:
    """Tell the character what is going on, from its next turn on."""
    run.persona.context = body.context


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
    except (msgspec.MsgspecError, TypeError) as error:
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


@router.get("/turns")
async def turns(
    run: TheRun,
    rights: Annotated[Rights, Depends(_rights)],
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
    floor: str | None = None,
) -> Response:
    """Return the newest turns first: what they answered, what was heard of them, and how long each stage took."""
    if rights != "operator":
        floor = events.PUBLIC
    return _json(await run.store.recent_turns(limit, floor))


@router.get("/queue", dependencies=[Operator])
async def queue(run: TheRun) -> Response:
    """Return what waits on every floor, in the order in which it will be served, and why it waits."""
    return _json([entry for floor in run.floors.values() for entry in _queue(floor)])


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
    await run.store.expired([percept])


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
    return _json([msgspec.to_builtins(line) for line in reversed(run.stopped.values())])


@router.post("/stopped/{line}/release", status_code=204, dependencies=[Operator])
async def release(run: TheRun, line: str) -> None:
    """Say a stopped line after all; possible for a few seconds."""
    if not run.release(line):
        raise HTTPException(410, "this line is unknown, released already, or the time for it is over")
    await run.store.note_released(line)


@router.get("/engines", dependencies=[Operator])
async def engines(run: TheRun) -> list[dict[str, Any]]:
    """Return every engine in the order of its chain: its breaker, its speed, what it consumed."""
    chains: tuple[Chain[Any], ...] = (run.ears, run.brains, run.voices)
    return [
        {
            "name": member.name,
            "kind": chain.kind,
            "engine": type(member.engine).__name__,
            "state": member.state,
            "detail": member.detail,
            "failures": member.failed,
            "calls": member.calls,
            "last_ms": round(member.last * 1_000, 1) if member.last >= 0 else None,
            "used": member.used,
        }
        for chain in chains
        for member in chain.members
    ]


@router.get("/links", dependencies=[Operator])
async def links(run: TheRun) -> list[dict[str, Any]]:
    """Return every link and how its connection fares."""
    states = run.link_states
    return [
        {
            "name": name,
            "kind": "irc",
            "state": states[name].state if name in states else "connecting",
            "detail": states[name].detail if name in states else "",
        }
        for name in run.links
    ]


@router.get("/found", dependencies=[Operator])
async def found(run: TheRun) -> list[dict[str, Any]]:
    """Return the model servers that were found on this machine."""
    return [server._asdict() for server in run.found]


@router.post("/brain", status_code=204, dependencies=[Operator])
async def use_brain(run: TheRun, body: FoundServer) -> None:
    """Let a model server lead the chain of brains for the rest of this run."""
    entry = registry.installed("brain")["openai"]
    try:
        built = registry.construct("found", entry, {"url": body.url, "model": body.model}, run.kit)
    except ValidationError as error:
        raise HTTPException(422, str(error.errors()[0]["msg"])) from None
    run.brains.put_first(built)


@router.get("/capture", dependencies=[Operator])
async def capture(request: Request) -> dict[str, str]:
    """Return the token of windows that look and listen: for a capture's address, ``/stage#token=…``."""
    guard: Guard = request.app.state.guard
    return {"token": guard.capture}


@router.get("/viewers/{viewer:path}/facts", dependencies=[Operator])
async def facts(run: TheRun, viewer: str, floor: str = events.PUBLIC) -> Response:
    """Return what is remembered of a viewer on a floor, with the words that it came from."""
    return _json([msgspec.to_builtins(fact) for fact in await run.store.facts_of(floor, viewer)])


@router.delete("/viewers/{viewer:path}", dependencies=[Operator])
async def forget(run: TheRun, viewer: str) -> dict[str, int]:
    """Forget a viewer: what they said, what is known of them, what was answered."""
    return {"deleted": await run.forget(viewer)}


@router.get("/schema")
async def schema() -> dict[str, Any]:
    """Return the JSON schema of all events."""
    return events.schema()


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
