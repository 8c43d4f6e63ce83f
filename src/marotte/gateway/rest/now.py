"""What goes on now: turns, what waits, what is said, what was stopped."""

import math
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from marotte import events
from marotte.config import Answers
from marotte.conversation import Conversation
from marotte.figures import counts
from marotte.gateway.guard import Rights
from marotte.gateway.rest.access import Moderator, Operator, TheRights, TheRun, Viewer, as_json
from marotte.gateway.waiting import WaitingList
from marotte.mind.lanes import words
from marotte.show import Run

router = APIRouter()

_PRIVY = ("operator", "moderator")
"""Who may know what goes on on private floors."""
_NO_MICROPHONE: dict[int | str, dict[str, Any]] = {409: {"description": "Nobody has a microphone on this floor"}}


def _floors(run: Run, rights: Rights) -> list[Conversation]:
    return [floor for floor in run.floors.values() if floor.is_public or rights in _PRIVY]


@router.get("/turns")
async def turns(
    run: TheRun,
    rights: TheRights,
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
    floor: str | None = None,
) -> Response:
    """Return the newest turns first: what they answered, what was heard of them, and how long each stage took."""
    if rights not in _PRIVY:
        floor = events.PUBLIC
    return as_json(await run.store.recent_turns(limit, floor))


@router.get("/queue", dependencies=[Viewer])
async def queue(run: TheRun, rights: TheRights) -> Response:
    """Return what waits on every floor, in the order in which it will be served, and why it waits."""
    return as_json([entry for floor in _floors(run, rights) for entry in _queue(run, floor)])


def _queue(run: Run, floor: Conversation) -> list[dict[str, Any]]:
    busy, now = floor.floor.turn, run.clock.now()
    found: list[dict[str, Any]] = []
    pending = sorted(floor.attention.pending(), key=lambda each: not each[2].pinned)
    for place, (lane, policy, waiting) in enumerate(pending):
        why = (
            ("1 comes" if place == 1 else f"{place} come") + " first"
            if place
            else ("waits for the turn that speaks" if busy else "is next")
        )
        if place and policy.merge in ("last", "best"):
            which = "newest" if policy.merge == "last" else "best"
            why += f"; of this lane the {which} {policy.together} are answered together"
        if not waiting.pinned and run.mutes.has("lane", lane, now):
            why = "waits until its lane is no longer muted"
        found.append(
            {
                "percept": waiting.percept.id,
                "floor": floor.name,
                "lane": lane,
                "kind": events.tag(waiting.percept),
                "who": waiting.percept.viewer.name if waiting.percept.viewer else "",
                "viewer": waiting.percept.viewer.id if waiting.percept.viewer else "",
                "link": waiting.percept.link,
                "text": _gist(waiting.percept)[:300],
                "at": waiting.percept.at,
                "priority": policy.priority,
                "merged": waiting.merged,
                "pinned": waiting.pinned,
                "why": why,
            }
        )
    return found


def _gist(percept: events.AnyPercept) -> str:
    """Say what came: the words, and what was given or redeemed."""
    match percept:
        case events.Redemption():
            what = percept.reward
        case events.Gift():
            what = f"{percept.amount:g} {percept.unit or percept.what}"
        case events.Subscription():
            longer = f"{percept.months} months" if percept.months > 1 else ""
            what = f"{percept.given} given" if percept.given else longer
        case events.Raid():
            what = f"{percept.party} viewers"
        case _:
            what = ""
    return " · ".join(filter(None, (what, words(percept))))


@router.delete("/queue/{percept}", status_code=204, dependencies=[Moderator])
async def skip(run: TheRun, percept: str) -> None:
    """Drop what waits under this id."""
    if not run.orders.skip(percept):
        raise HTTPException(404, "nothing waits under this id")


class Mute(BaseModel):
    """What is not to be answered for a while."""

    what: Literal["sense", "lane", "link", "viewer"]
    name: str = Field(min_length=1, max_length=200)
    """A kind of percept, a lane's name, a link's, or a viewer's id."""
    seconds: float = Field(default=0, ge=0, le=86_400)
    """0 is until it is unmuted."""


@router.post("/queue/{percept}/pin", status_code=204, dependencies=[Moderator])
async def pin(run: TheRun, percept: str) -> None:
    """Answer what waits under this id next, whatever its lane's rules are."""
    if not run.orders.pin(percept):
        raise HTTPException(404, "nothing waits under this id")


@router.post("/queue/{percept}/answer", status_code=204, dependencies=[Moderator])
async def answer_now(run: TheRun, percept: str) -> None:
    """Answer what waits under this id now: the turn that speaks is ended."""
    if not run.orders.pin(percept, at_once=True):
        raise HTTPException(404, "nothing waits under this id")


class Answering(BaseModel):
    """Which chat messages are answered."""

    which: Answers
    """``addressed``: those that name the character or ask something; ``named``: those alone that name it."""


@router.put("/answer", status_code=204, dependencies=[Moderator])
async def answer(run: TheRun, body: Answering) -> None:
    """Answer everything in chats, or only what is addressed to the character, from now on; ``/show`` tells which."""
    run.orders.answer(body.which)


@router.get("/mutes", dependencies=[Viewer])
async def mutes(run: TheRun) -> list[dict[str, Any]]:
    """Return what is muted, and for how many seconds more; null is until it is unmuted."""
    now = run.clock.now()
    return [
        {"what": what, "name": name, "seconds": None if until == math.inf else round(until - now, 1)}
        for what, name, until in run.mutes.all(now)
    ]


@router.post("/mutes", status_code=204, dependencies=[Moderator])
async def mute(run: TheRun, body: Mute) -> None:
    """Answer a sense, a lane, a link or a viewer no more for a while; what must survive waits until then."""
    run.orders.mute(body.what, body.name, body.seconds)


@router.delete("/mutes/{what}/{name:path}", status_code=204, dependencies=[Moderator])
async def unmute(run: TheRun, what: str, name: str) -> None:
    """Answer it again."""
    if not run.orders.unmute(what, name):
        raise HTTPException(404, f"no {what} called {name!r} is muted")


@router.get("/dropped", dependencies=[Viewer])
async def dropped(run: TheRun) -> list[dict[str, Any]]:
    """Return how many percepts left unanswered, by lane and reason, and how many events were lost."""
    return [
        {"floor": floor, "lane": lane, "reason": reason, "count": int(count)}
        for (floor, lane, reason), count in counts(run)["marotte_dropped_total"].items()
    ]


@router.get("/floors", dependencies=[Viewer])
async def floors(run: TheRun, rights: TheRights) -> list[dict[str, Any]]:
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
        for floor in _floors(run, rights)
    ]


@router.get("/waiting", dependencies=[Viewer])
async def who_waits(request: Request) -> dict[str, int | None]:
    """Return how many windows wait for a private floor, and the seconds until the next may enter; null: not known."""
    waiting: WaitingList = request.app.state.waiting
    return {"waiting": len(waiting), "seconds": waiting.seconds(1)}


@router.post("/floors/{name}/stop", status_code=204, dependencies=[Moderator])
async def stop(run: TheRun, name: str) -> None:
    """End the present turn of a floor now."""
    try:
        run.orders.cut(name, "stopped by the operator")
    except LookupError as error:
        raise HTTPException(404, str(error)) from None


@router.post("/floors/{name}/press", status_code=204, dependencies=[Operator], responses=_NO_MICROPHONE)
async def press(run: TheRun, name: str) -> None:
    """Begin to speak into a floor's microphone, as by its push-to-talk button; a turn that speaks is cut."""
    _pressed(run, name, hold=True)


@router.post("/floors/{name}/release", status_code=204, dependencies=[Operator], responses=_NO_MICROPHONE)
async def release_button(run: TheRun, name: str) -> None:
    """End what ``press`` began: it was said. Where nothing is pressed, nothing happens."""
    _pressed(run, name, hold=False)


def _pressed(run: Run, name: str, *, hold: bool) -> None:
    floor = run.floors.get(name)
    if floor is None:
        raise HTTPException(404, f"there is no floor {name!r}")
    if not (floor.buttons.press() if hold else floor.buttons.release()):
        raise HTTPException(
            409,
            f"nobody has a microphone on floor {name!r}: press the button of a talk window there once, "
            "or give the public floor this machine's with [device]",
        )
    if hold:
        run.orders.cut(name, "interrupted by the operator")


@router.get("/stopped", dependencies=[Moderator])
async def stopped_lines(run: TheRun) -> Response:
    """Return the last lines that moderation stopped, newest first."""
    return as_json([msgspec.to_builtins(line) for line in reversed(run.stopped.values())])


@router.post("/stopped/{line}/release", status_code=204, dependencies=[Moderator])
async def release(run: TheRun, line: str) -> None:
    """Say a stopped line after all; possible for a few seconds."""
    stopped = run.stopped.get(line)
    if stopped is None or not run.orders.release(stopped.floor, stopped.shown):
        raise HTTPException(410, "this line is unknown, released already, or the time for it is over")
