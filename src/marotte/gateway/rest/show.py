"""Who the character is and how its show is set."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

import marotte
from marotte import events
from marotte.gateway.rest.access import Operator, TheGuard, TheRights, TheRun

router = APIRouter()


class Context(BaseModel):
    """What is going on now, in the operator's words."""

    context: str = Field(max_length=2_000)


@router.get("/show")
async def show(run: TheRun, _: TheRights) -> dict[str, Any]:
    """Return who the character is and how its lanes are set."""
    card = run.show.character
    return {
        "name": run.show.name,
        "version": marotte.__version__,
        "run": run.id,
        "started_at": run.public.opened,
        "answer": run.public.attention.answer,
        "character": {**card.model_dump(exclude={"examples", "never"}), "context": run.persona.context},
        "lanes": [
            {"name": name, **lane.model_dump()}
            for name, lane in sorted(run.show.lanes.items(), key=lambda item: -item[1].priority)
        ],
    }


@router.put("/show/context", status_code=204, dependencies=[Operator])
async def set_context(run: TheRun, body: Context) -> None:
    """Tell the character what is going on, from its next turn on."""
    run.orders.context(body.context)


@router.get("/capture", dependencies=[Operator])
async def capture(guard: TheGuard) -> dict[str, str]:
    """Return the token of windows that look and listen: for a capture's address, ``/stage#token=…``."""
    return {"token": guard.viewer}


@router.get("/schema")
async def schema() -> dict[str, Any]:
    """Return the JSON schema of all events."""
    return events.schema()
