"""The doctor's examination of a run that goes on."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Response

from marotte.engines.registry import Built
from marotte.gateway.pages import WINDOWS
from marotte.gateway.rest.access import Operator, TheRun, as_json
from marotte.gateway.running import running
from marotte.ops.doctor import Patient, examine
from marotte.ops.recorder import bare

router = APIRouter()

_examining: set[str] = set()
"""Runs that are being examined: one examination at a time, since each asks every engine for something."""


@router.get("/doctor", dependencies=[Operator])
async def doctor(
    run: TheRun, quick: Annotated[bool, Query(description="measure no engine and reach for no server")] = False
) -> Response:
    """Return what is installed, configured, reachable and how quick: sections of checks, each with its remedy.

    Each engine of the run is asked for one short thing, past its chain: no breaker moves and nothing is counted as
    used, though the provider may charge for it.
    """
    if run.id in _examining:
        raise HTTPException(429, "an examination is under way; it takes less than a minute", {"Retry-After": "10"})
    address = running(run.data)
    patient = Patient(
        show=run.show,
        kit=run.kit,
        data=run.data,
        windows=WINDOWS,
        running=address.url if address else "",
        engines={chain.kind: [_bare(member.built) for member in chain.members] for chain in run.chains},
    )
    _examining.add(run.id)
    try:
        return as_json(await examine(patient, quick=quick))
    finally:
        _examining.discard(run.id)


def _bare(built: Built) -> Built:
    """Take the recorder off an engine: what it answers to the doctor is no part of the show, nor kept."""
    return built._replace(engine=bare(built.engine))
