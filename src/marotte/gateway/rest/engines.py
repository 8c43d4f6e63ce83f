"""Engines and links: how they fare, and which brain leads."""

from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field, ValidationError

from marotte.engines import registry
from marotte.engines.chain import Chain
from marotte.gateway.rest.access import Operator, TheRun

router = APIRouter()


class FoundServer(BaseModel):
    """A model server to think with."""

    url: str = Field(pattern=r"^https?://", max_length=500)
    model: str = Field(min_length=1, max_length=200)


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
