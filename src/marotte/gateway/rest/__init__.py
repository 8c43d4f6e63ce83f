"""REST under /api/v1: what scripts and the control window ask for and order; a module for each concern."""

from fastapi import APIRouter

from marotte.gateway.rest import engines, now, people, percepts, show

router = APIRouter(prefix="/api/v1")
for _module in (show, percepts, now, engines, people):
    router.include_router(_module.router)
