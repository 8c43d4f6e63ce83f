"""Connections: how each link fares, what it has and lacks, and whose accounts on them are one person's."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from marotte.gateway.rest.access import Moderator, Operator, TheRun, TheWho, Viewer, as_json
from marotte.ports import Link
from marotte.show import Run

router = APIRouter()


class Joined(BaseModel):
    """Two accounts of one person."""

    main: str = Field(min_length=1, max_length=300)
    """The viewer's id under which they are remembered from now on."""
    viewer: str = Field(min_length=1, max_length=300)
    """Another viewer's id, which is theirs as well."""


@router.get("/connections", dependencies=[Viewer])
async def connections(run: TheRun) -> list[dict[str, Any]]:
    """Return every link: its connection, what it has and lacks, what it did, what it missed, and whether it is live."""
    return [_connection(run, link) for link in run.platforms.links.values()]


def _connection(run: Run, link: Link) -> dict[str, Any]:
    state, stream = run.link_states.get(link.name), run.platforms.on_air.get(link.name)
    return {
        "name": link.name,
        "platform": link.platform,
        "state": state.state if state else "connecting",
        "detail": state.detail if state else "",
        "since": state.at if state else None,
        "can": sorted(link.can),
        "standing": [row._asdict() for row in link.standing()],
        "counters": dict(link.counters),
        "gaps": [
            {"at": gap.at, "seconds": gap.seconds, "recovered": gap.recovered, "detail": gap.detail}
            for gap in reversed(run.platforms.gaps.get(link.name, ()))
        ],
        "stream": {"at": stream.at, "title": stream.title} if stream else None,
    }


@router.post("/connections/{name}/reconnect", status_code=204, dependencies=[Operator])
async def reconnect(run: TheRun, name: str) -> None:
    """Hang up, and connect a link anew; what is said there meanwhile is missed as in any gap."""
    try:
        ended = await run.platforms.reconnect(name)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None
    if not ended:
        raise HTTPException(503, f"{name} does not hang up: try again in a while", {"Retry-After": "10"})


@router.get("/accounts", dependencies=[Moderator])
async def accounts(
    run: TheRun,
    viewer: Annotated[str, Query(max_length=300, description="any account of one person; left out: everybody")] = "",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return the people who have several accounts, and which: the first is the one under which they are remembered."""
    return as_json(await run.store.accounts(viewer, offset=offset, limit=limit))


@router.post("/accounts", status_code=204, dependencies=[Operator])
async def join(run: TheRun, who: TheWho, body: Joined) -> None:
    """Remember the owner of two accounts, and of all that are joined to either, under one from now on."""
    for viewer in (body.main, body.viewer):
        if await run.store.viewer(viewer) is None:
            raise HTTPException(404, f"there is no viewer {viewer[:100]!r}")
    try:
        await run.platforms.join(body.main, body.viewer, who.name)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None


@router.delete("/accounts/{viewer:path}", status_code=204, dependencies=[Operator])
async def part(run: TheRun, viewer: str) -> None:
    """Remember the owner of an account under it alone again; of a person's first account: each under their own."""
    if not await run.platforms.part(viewer):
        raise HTTPException(404, f"{viewer[:100]!r} is joined to no other account")
