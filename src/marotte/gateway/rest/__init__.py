"""REST under /api/v1: what scripts and the control window ask for and order; a module for each concern."""

from fastapi import APIRouter

from marotte.gateway.rest import (
    database,
    doctor,
    engines,
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
)

router = APIRouter(prefix="/api/v1")
for _module in (
    show,
    percepts,
    now,
    engines,
    people,
    doctor,
    security,
    memory,
    database,
    log,
    moderation,
    settings,
    timings,
):
    router.include_router(_module.router)
