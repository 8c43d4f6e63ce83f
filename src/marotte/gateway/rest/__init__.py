"""REST under /api/v1: what scripts and the control window ask for and order; a module for each concern."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from marotte.gateway.rest import (
    connections,
    database,
    doctor,
    emotes,
    engines,
    lan,
    log,
    memory,
    moderation,
    now,
    people,
    percepts,
    security,
    settings,
    show,
    timings,
    verdicts,
)


class Refusal(BaseModel):
    """Why a request cannot be carried out: in a sentence, or each mistake in its body."""

    detail: str | list[dict[str, Any]]


router = APIRouter(
    prefix="/api/v1", responses={422: {"description": "What was sent cannot be taken", "model": Refusal}}
)
for _module in (
    show,
    percepts,
    now,
    connections,
    engines,
    emotes,
    people,
    doctor,
    security,
    lan,
    memory,
    database,
    log,
    moderation,
    settings,
    timings,
    verdicts,
):
    router.include_router(_module.router)
